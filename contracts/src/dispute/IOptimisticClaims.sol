// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ModelHeader, Request, Tensor} from "../interfaces/Types.sol";
import {
    Challenge,
    Claim,
    DescriptorProof,
    DisputeKey,
    DisputeTerms,
    FaultProof,
    Opening,
    Position,
    Reveal
} from "./DisputeTypes.sol";

/// Bonded claims and the challenges of them; docs/protocol/optimistic.md.
interface IOptimisticClaims {
    event KeyRegistered(bytes32 indexed keyDigest, bytes32 indexed modelId, DisputeTerms terms);
    event Claimed(
        bytes32 indexed claimId,
        bytes32 indexed requestId,
        address indexed claimant,
        bytes32 keyDigest,
        bytes32 inputRoot,
        bytes32 outputRoot,
        bytes32 traceTree,
        uint64 windowEnd,
        bytes32[] top,
        string locator
    );
    event Committed(
        bytes32 indexed claimId, bytes32 indexed challengeId, address indexed challenger, bytes32 commitment
    );
    /// A pick (or open): where the challenge stands now, and the key of that position for reveals.
    event Picked(bytes32 indexed claimId, bytes32 indexed challengeId, bytes32 indexed positionKey, Position at);
    /// `root` as in Reveal; `body` is the nodes, chunks or accumulators as they were sent.
    event Revealed(
        bytes32 indexed claimId, bytes32 indexed challengeId, bytes32 indexed positionKey, bytes32 root, bytes body
    );
    event ChallengeLost(bytes32 indexed claimId, bytes32 indexed challengeId);
    event ChallengeSettled(bytes32 indexed claimId, bytes32 indexed challengeId);
    event ClaimKilled(bytes32 indexed claimId, bytes32 indexed challengeId, address indexed winner, uint256 prize);
    event ClaimFinal(bytes32 indexed claimId);
    event ClaimCancelled(bytes32 indexed claimId);
    event Paused(uint256 at);
    event Unpaused(uint256 at);

    function registerKey(ModelHeader calldata header, uint32 numOps, bytes32 graphTree, DisputeTerms calldata terms)
        external
        returns (bytes32 keyDigest);
    function claim(
        Request calldata r,
        Tensor[] calldata outputs,
        bytes32[] calldata top,
        bytes32[][] calldata outputPaths,
        string calldata locator
    ) external payable returns (bytes32 claimId);
    function finalise(bytes32 claimId) external;

    function commit(bytes32 claimId, bytes32 commitment) external payable returns (bytes32 challengeId);
    function proveFault(FaultProof calldata proof) external;

    /// `index` is the top node's number; `siblings` from it up to the root of the trace tree.
    function open(
        bytes32 challengeId,
        uint32 index,
        bytes32 salt,
        bytes32 node,
        bytes32[] calldata siblings,
        DescriptorProof calldata descriptor
    ) external;
    /// `index` is the node's number among those of its height; `siblings` from it up to the node revealed.
    function pickNode(
        bytes32 challengeId,
        uint32 index,
        bytes32 node,
        bytes32[] calldata siblings,
        DescriptorProof calldata descriptor
    ) external;
    /// `siblings` from the element's chunk up to the node revealed.
    function pickElement(bytes32 challengeId, uint32 element, bytes calldata chunk, bytes32[] calldata siblings)
        external;
    /// `index` is the range's number among those revealed, `first` and `last` the accumulators at its ends.
    function pickRange(bytes32 challengeId, uint32 index, int128 first, int128 last, bytes32[] calldata siblings)
        external;
    function prove(bytes32 challengeId, bytes calldata descriptor, Opening[] calldata openings) external;

    /// Nodes (32 bytes each) or chunks (256 bytes each) below the node of the position.
    function reveal(bytes32 challengeId, bytes calldata body) external;
    function revealTensor(bytes32 challengeId, bytes calldata descriptor, bytes32 merkleRoot, bytes calldata body)
        external;
    /// Accumulators, 16 bytes each.
    function revealSums(bytes32 challengeId, bytes calldata descriptor, bytes calldata accumulators) external;

    function timeout(bytes32 challengeId) external;
    /// Returns the bond of a challenge that was open when its claim was killed or cancelled.
    function settle(bytes32 challengeId) external;

    function pause() external;
    function unpause() external;
    function cancel(bytes32 claimId) external;

    function keyOf(bytes32 keyDigest) external view returns (DisputeKey memory);
    function claimOf(bytes32 claimId) external view returns (Claim memory);
    function challengeOf(bytes32 challengeId) external view returns (Challenge memory);
    function revealOf(bytes32 claimId, bytes32 positionKey) external view returns (Reveal memory);
    function positionKeyOf(Position calldata position) external pure returns (bytes32);
    /// Whose turn it is in an open challenge and, in game time, until when.
    function turnOf(bytes32 challengeId) external view returns (bool defenders, uint64 deadline);
    function gameTime() external view returns (uint64);
    function paused() external view returns (bool);
    /// Wei that nobody can ever withdraw.
    function burnt() external view returns (uint256);
}
