// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// What a game is played for and how fast; fixed by the key. docs/protocol/optimistic.md section 1
struct DisputeTerms {
    uint128 claimBond; // wei
    uint128 challengeBond; // wei
    uint32 window; // seconds in which a claim may be challenged
    uint32 proveTime; // seconds from a commitment to the end of proveFault
    uint32 clock; // seconds each side has in a challenge
    uint32 extension; // seconds left for a move at least
}

/// A key of this route: the header's parts that a dispute needs, and the terms.
struct DisputeKey {
    bytes32 modelId;
    bytes32 graphTree;
    bytes32 weightsRoot;
    uint32 numOps; // 0: no such key
    DisputeTerms terms;
}

enum ClaimStatus {
    None,
    Pending,
    Final,
    Killed,
    Cancelled
}

struct Claim {
    address claimant;
    ClaimStatus status;
    uint32 openChallenges;
    uint32 commitments; // so far; a challenge's order
    bytes32 keyDigest;
    bytes32 requestId;
    bytes32 inputRoot;
    bytes32 outputRoot;
    bytes32 traceTree;
    uint64 windowEnd; // game time
}

/// Where a challenge stands; section 3. The last three are its ends.
enum Phase {
    None,
    Committed,
    Trace,
    Nodes,
    Data,
    Sum,
    Step,
    Won,
    Lost,
    Settled
}

/// What a reveal answers. Two challenges at the same position of a claim see the same reveal.
struct Position {
    Phase phase;
    uint8 height; // of the node; Trace, Nodes, Data
    uint32 index; // of the node, among those of its height
    uint32 op; // from a leaf of the trace on
    uint32 element; // Sum, Step: flat index in the op's output
    uint48 lo; // Sum, Step: terms lo <= t < hi
    uint48 hi;
}

struct Challenge {
    Position at;
    bytes32 node; // the node's hash: Trace, Nodes, Data
    bytes32 descriptorLeaf; // of op `at.op`, once a leaf of the trace was picked
    uint32 elements; // of that op's output
    uint48 terms; // of each of its elements
    int32 value; // the element's committed value; Sum, Step
    int128 first; // the accumulator before lo; Sum, Step
    int128 last; // after hi, unless lo = 0 and hi = terms, when it must finish at `value`
    uint64 turnStart; // game time
    uint32 defenderClock; // seconds left
    uint32 challengerClock;
    address challenger;
    uint64 committedAt; // block number
    uint32 order; // among the claim's commitments
    bytes32 claimId;
    bytes32 commitment;
}

/// What a claimant revealed at a position.
struct Reveal {
    uint64 at; // game time; 0: nothing
    bytes32 root; // Trace of height 0: the Merkle root in T_j; Sum: the root over pairs of accumulators
}

/// An op's descriptor, opened under graphTree; empty where no op is named.
struct DescriptorProof {
    bytes descriptor;
    bytes32[] siblings; // from the leaf up
}

/// Chunks of one operand, opened under the claim's or the key's roots. Section 3, "Openings".
struct Opening {
    uint8 operand; // position among the op's operands; openings ascend by it
    bytes32[] path; // INPUT: all input tensor roots; CONST, OP: siblings in weightsRoot or traceTree, from the leaf up
    uint32[] dims; // of the operand's tensor
    uint32[] numbers; // of the chunks, ascending
    bytes chunks; // 256 bytes each
    bytes32[] siblings; // multiproof
}

/// What operands may be opened under.
struct StepRoots {
    bytes32 inputRoot;
    bytes32 weightsRoot;
    bytes32 traceTree;
    uint32 numOps;
}

/// Everything that path A shows at once.
struct FaultProof {
    bytes32 challengeId;
    uint32 op;
    bytes32 salt;
    DescriptorProof descriptor;
    bytes32[] tracePath; // siblings of T_op in traceTree
    uint32 element;
    bytes chunk; // the one with the element
    bytes32[] chunkPath; // its siblings in T_op's chunk tree
    Opening[] openings; // of all the element's terms
}
