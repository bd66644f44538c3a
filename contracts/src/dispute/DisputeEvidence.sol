// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {InferenceHub} from "../core/InferenceHub.sol";
import {IInferenceHub} from "../interfaces/IInferenceHub.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {ModelHeader, Request, Tensor} from "../interfaces/Types.sol";
import {RequestLib} from "../libraries/RequestLib.sol";
import {ClaimLib} from "./ClaimLib.sol";
import {DisputeLib} from "./DisputeLib.sol";
import {
    Challenge,
    Claim,
    DescriptorProof,
    DisputeKey,
    DisputeTerms,
    FaultProof,
    Opening,
    Phase,
    Position,
    StepRoots
} from "./DisputeTypes.sol";
import {IOneStep} from "./IOneStep.sol";
import {IOptimisticClaims} from "./IOptimisticClaims.sol";
import {KeyLib} from "./KeyLib.sol";
import {RevealLib} from "./RevealLib.sol";
import {TreeLib} from "./TreeLib.sol";

/// Whether what a call shows is true. OptimisticClaims deploys this for itself and, before it changes anything, asks it
/// with the call's own bytes: so each function here has the name and the parameters of the one that it serves. It
/// knows nothing of turns, clocks and money, and is apart only because a contract's code is bounded (EIP-170).
contract DisputeEvidence {
    using RequestLib for Request;

    /// What a descriptor says of its op.
    struct Shape {
        uint32[] dims;
        uint32 elements;
        uint48 terms;
        int128 start;
    }

    error UnknownKey(bytes32 keyDigest);
    error OtherModel(bytes32 expected, bytes32 actual);
    error WrongPosition(bytes32 challengeId, Phase phase, uint256 height);
    error OtherDescriptor(bytes32 expected, bytes32 actual);
    error OtherTensor(bytes32 expected, bytes32 actual);
    error WrongAccumulator(uint256 term, int256 expected, int256 actual);
    error WrongElement(int256 expected, int256 actual);
    error ElementOutOfRange(uint256 element, uint256 elements);
    error NothingWrong(bytes32 challengeId, int256 result);

    uint8 private constant ROUTE = 3; // docs/protocol/statement.md section 6

    IOptimisticClaims public immutable GAME;
    InferenceHub public immutable HUB;
    IModelRegistry public immutable REGISTRY;
    IOneStep public immutable ONE_STEP;

    constructor(InferenceHub hub, IOneStep oneStep) {
        GAME = IOptimisticClaims(msg.sender);
        (HUB, REGISTRY, ONE_STEP) = (hub, hub.REGISTRY(), oneStep);
    }

    function registerKey(ModelHeader calldata header, uint32 numOps, bytes32 graphTree, DisputeTerms calldata terms)
        external
        pure
        returns (DisputeKey memory)
    {
        return KeyLib.keyOf(header, numOps, graphTree, terms);
    }

    /// What there is to store; the claimant is whom the request is assigned to, or nobody.
    function claim(
        Request calldata r,
        Tensor[] calldata outputs,
        bytes32[] calldata top,
        bytes32[][] calldata outputPaths,
        string calldata
    ) external view returns (Claim memory made) {
        (made.requestId, made.claimant) = _assignmentOf(r);
        (made.keyDigest, made.inputRoot) = (r.pinOf(ROUTE).keyDigest, r.inputRoot);
        DisputeKey memory key = GAME.keyOf(made.keyDigest);
        if (key.numOps == 0) revert UnknownKey(made.keyDigest);
        bytes32 modelId = REGISTRY.modelIdOf(r.registrationId);
        if (modelId != key.modelId) revert OtherModel(key.modelId, modelId);
        made.traceTree = ClaimLib.traceTree(top, key.numOps);
        bytes memory ioSpec = REGISTRY.ioSpecOf(r.registrationId);
        made.outputRoot = ClaimLib.outputRoot(outputs, ioSpec, top, outputPaths, key.numOps);
    }

    function reveal(bytes32 challengeId, bytes calldata body) external view returns (bytes32) {
        (Challenge memory c, Position memory position) = _standing(challengeId);
        if (position.phase == Phase.Trace && position.height > 0) {
            uint256 numOps = _keyFor(c).numOps;
            RevealLib.requireTraceNode(body, c.node, position.index, position.height, numOps);
        } else if (position.phase == Phase.Nodes || position.phase == Phase.Data) {
            RevealLib.requireTensorNode(body, c.node, position.index, position.height, c.elements);
        } else {
            revert WrongPosition(challengeId, position.phase, position.height);
        }
        return 0;
    }

    function revealTensor(bytes32 challengeId, bytes calldata descriptor, bytes32 merkleRoot, bytes calldata body)
        external
        view
        returns (bytes32)
    {
        (Challenge memory c, Position memory position) = _standing(challengeId);
        if (position.phase != Phase.Trace || position.height != 0) {
            revert WrongPosition(challengeId, position.phase, position.height);
        }
        _requireDescriptor(c, descriptor);
        (uint32[] memory dims,,,) = ONE_STEP.shape(descriptor);
        bytes32 tensorRoot = DisputeLib.tensorRoot(dims, merkleRoot);
        if (tensorRoot != c.node) revert OtherTensor(c.node, tensorRoot);
        RevealLib.requireTensorNode(body, merkleRoot, 0, DisputeLib.tensorHeight(c.elements), c.elements);
        return merkleRoot;
    }

    /// `descriptor` is read where the range is the whole fold, which has to finish at the element.
    function revealSums(bytes32 challengeId, bytes calldata descriptor, bytes calldata accumulators)
        external
        view
        returns (bytes32 root)
    {
        (Challenge memory c, Position memory position) = _standing(challengeId);
        if (position.phase != Phase.Sum) revert WrongPosition(challengeId, position.phase, position.height);
        int128 first;
        int128 last;
        (root, first, last) = RevealLib.sums(accumulators, position.hi - position.lo);
        if (first != c.first) revert WrongAccumulator(position.lo, c.first, first);
        if (_isWholeFold(c)) {
            _requireDescriptor(c, descriptor);
            int256 element = ONE_STEP.finish(descriptor, last);
            if (element != c.value) revert WrongElement(c.value, element);
        } else if (last != c.last) {
            revert WrongAccumulator(position.hi, c.last, last);
        }
    }

    function prove(bytes32 challengeId, bytes calldata descriptor, Opening[] calldata openings) external view {
        (Challenge memory c, Position memory position) = _standing(challengeId);
        if (position.phase != Phase.Step) revert WrongPosition(challengeId, position.phase, position.height);
        _requireDescriptor(c, descriptor);
        StepRoots memory roots = _rootsOf(GAME.claimOf(c.claimId), _keyFor(c));
        int256 end = ONE_STEP.run(descriptor, roots, position.element, position.lo, position.hi, c.first, openings);
        bool whole = _isWholeFold(c);
        if (whole) end = ONE_STEP.finish(descriptor, end);
        if (end == (whole ? c.value : c.last)) revert NothingWrong(challengeId, end);
    }

    function proveFault(FaultProof calldata proof) external view {
        (Challenge memory c,) = _standing(proof.challengeId);
        Claim memory claimed = GAME.claimOf(c.claimId);
        DisputeKey memory key = GAME.keyOf(claimed.keyDigest);
        DescriptorProof calldata d = proof.descriptor;
        TreeLib.requireOp(key.graphTree, d.descriptor, proof.op, d.siblings, key.numOps);
        Shape memory shape;
        (shape.dims, shape.elements, shape.terms, shape.start) = ONE_STEP.shape(d.descriptor);
        _requireChunk(proof, claimed.traceTree, key.numOps, shape);
        int256 end = _foldOf(proof, _rootsOf(claimed, key), shape);
        if (end == RevealLib.valueIn(proof.chunk, proof.element)) revert NothingWrong(proof.challengeId, end);
    }

    /// The element's chunk, from itself up to the root of the trace.
    function _requireChunk(FaultProof calldata proof, bytes32 traceTree, uint256 numOps, Shape memory shape)
        private
        pure
    {
        if (proof.element >= shape.elements) revert ElementOutOfRange(proof.element, shape.elements);
        uint256 chunk = proof.element / DisputeLib.CHUNK_ELEMENTS;
        bytes32 leaf = TreeLib.leaf(proof.chunk);
        bytes32 root = TreeLib.rootOver(leaf, chunk, proof.chunkPath, DisputeLib.tensorHeight(shape.elements));
        bytes32 tensorRoot = DisputeLib.tensorRoot(shape.dims, root);
        TreeLib.requireUnder(traceTree, tensorRoot, proof.op, proof.tracePath, TreeLib.depthOf(numOps));
    }

    function _foldOf(FaultProof calldata proof, StepRoots memory roots, Shape memory shape)
        private
        view
        returns (int256)
    {
        bytes calldata descriptor = proof.descriptor.descriptor;
        int256 end = ONE_STEP.run(descriptor, roots, proof.element, 0, shape.terms, shape.start, proof.openings);
        return ONE_STEP.finish(descriptor, end);
    }

    function _assignmentOf(Request calldata r) private view returns (bytes32 requestId, address prover) {
        requestId = HUB.requestIdOf(r);
        InferenceHub.RequestState memory state = HUB.stateOf(requestId);
        if (state.status == IInferenceHub.Status.Assigned) prover = state.prover;
    }

    function _standing(bytes32 challengeId) private view returns (Challenge memory c, Position memory position) {
        c = GAME.challengeOf(challengeId);
        position = c.at;
    }

    function _keyFor(Challenge memory c) private view returns (DisputeKey memory) {
        return GAME.keyOf(GAME.claimOf(c.claimId).keyDigest);
    }

    function _rootsOf(Claim memory claimed, DisputeKey memory key) private pure returns (StepRoots memory) {
        return StepRoots(claimed.inputRoot, key.weightsRoot, claimed.traceTree, key.numOps);
    }

    function _requireDescriptor(Challenge memory c, bytes calldata descriptor) private pure {
        bytes32 leaf = TreeLib.leaf(descriptor);
        if (leaf != c.descriptorLeaf) revert OtherDescriptor(c.descriptorLeaf, leaf);
    }

    function _isWholeFold(Challenge memory c) private pure returns (bool) {
        return c.at.lo == 0 && c.at.hi == c.terms;
    }
}
