// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {InferenceHub} from "../core/InferenceHub.sol";
import {Credits} from "../core/Credits.sol";
import {IInferenceHub} from "../interfaces/IInferenceHub.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {ModelHeader, Request, Statement, Tensor} from "../interfaces/Types.sol";
import {IoSpecLib, ProgramIo} from "../libraries/IoSpecLib.sol";
import {RequestLib} from "../libraries/RequestLib.sol";
import {StatementLib} from "../libraries/StatementLib.sol";
import {ClaimLib} from "./ClaimLib.sol";
import {DisputeLib} from "./DisputeLib.sol";
import {Claim, ClaimStatus, DisputeKey, DisputeTerms} from "./DisputeTypes.sol";
import {GameClock} from "./GameClock.sol";

/// Keys, bonded claims and their ends; docs/protocol/optimistic.md sections 1, 5 and 6.
abstract contract Claims is GameClock, Credits, IProofVerifier {
    using RequestLib for Request;

    error TermOutOfRange(uint256 term, uint256 value, uint256 max);
    error NoBond(uint256 claimBond, uint256 challengeBond);
    error NumOpsOutOfRange(uint256 numOps, uint256 max);
    error GraphRootMismatch(bytes32 expected, bytes32 actual);
    error HashedInputs();
    error OutputOutsideGraph(uint256 output, uint256 op, uint256 numOps);
    error UnknownKey(bytes32 keyDigest);
    error NotAssigned(bytes32 requestId, address caller, address prover);
    error OtherModel(bytes32 expected, bytes32 actual);
    error WrongValue(uint256 sent, uint256 expected);
    error ClaimExists(bytes32 claimId);
    error WrongClaimStatus(bytes32 claimId, ClaimStatus status, ClaimStatus expected);
    error WindowOpen(bytes32 claimId, uint256 until);
    error ChallengesOpen(bytes32 claimId, uint256 count);
    error ProofMalformed(uint256 expectedLength, uint256 actualLength);
    error OtherKey(bytes32 expected, bytes32 actual);
    error OtherInput(bytes32 expected, bytes32 actual);
    error OtherOutput(bytes32 expected, bytes32 actual);

    uint8 public constant ROUTE = 3; // docs/protocol/statement.md section 6
    uint32 public constant MAX_OPS = 1 << 16;
    uint32 public constant MAX_TERM = 30 days;

    InferenceHub public immutable HUB;
    IModelRegistry public immutable REGISTRY;

    uint256 public burnt;

    mapping(bytes32 keyDigest => DisputeKey key) internal _keys;
    mapping(bytes32 claimId => Claim claim) internal _claims;

    constructor(InferenceHub hub) {
        HUB = hub;
        REGISTRY = hub.REGISTRY();
    }

    /// Makes a key usable under its digest. Registering one twice changes nothing.
    function registerKey(ModelHeader calldata header, uint32 numOps, bytes32 graphTree, DisputeTerms calldata terms)
        external
        returns (bytes32 keyDigest)
    {
        bytes32 modelId = StatementLib.modelId(header);
        keyDigest = DisputeLib.keyDigest(modelId, terms);
        if (_keys[keyDigest].numOps != 0) return keyDigest;
        _requireTerms(terms);
        _requireGraph(header, numOps, graphTree);
        _keys[keyDigest] = DisputeKey(modelId, graphTree, header.weightsRoot, numOps, terms);
        emit KeyRegistered(keyDigest, modelId, terms);
    }

    function claim(
        Request calldata r,
        Tensor[] calldata outputs,
        bytes32[] calldata top,
        bytes32[][] calldata outputPaths,
        string calldata locator
    ) external payable running returns (bytes32 claimId) {
        Claim memory made;
        (made.claimant, made.status) = (msg.sender, ClaimStatus.Pending);
        made.requestId = _requireAssigned(r);
        made.keyDigest = r.pinOf(ROUTE).keyDigest;
        made.inputRoot = r.inputRoot;
        made.windowEnd = gameTime() + _keys[made.keyDigest].terms.window;
        uint256 numOps = _requireKeyAndBond(made.keyDigest, r.registrationId);
        made.traceTree = ClaimLib.traceTree(top, numOps);
        made.outputRoot =
            ClaimLib.outputRoot(outputs, REGISTRY.ioSpecOf(r.registrationId), top, outputPaths, numOps);
        claimId = _claimIdOf(made);
        if (_claims[claimId].status != ClaimStatus.None) revert ClaimExists(claimId);
        _claims[claimId] = made;
        _emitClaimed(claimId, made, top, locator);
    }

    function finalise(bytes32 claimId) external running {
        Claim storage c = _pending(claimId);
        if (gameTime() < c.windowEnd) revert WindowOpen(claimId, c.windowEnd);
        if (c.openChallenges != 0) revert ChallengesOpen(claimId, c.openChallenges);
        c.status = ClaimStatus.Final;
        _addCredit(c.claimant, _keys[c.keyDigest].terms.claimBond);
        emit ClaimFinal(claimId);
    }

    /// In a pause, by the guardian: everybody gets their own bond back, challengers by `settle`.
    function cancel(bytes32 claimId) external onlyGuardian {
        _requirePaused();
        Claim storage c = _pending(claimId);
        c.status = ClaimStatus.Cancelled;
        _addCredit(c.claimant, _keys[c.keyDigest].terms.claimBond);
        emit ClaimCancelled(claimId);
    }

    /// `proof` is the id of a final claim under this key of this statement.
    function verify(bytes32 keyDigest, Statement calldata statement, bytes calldata proof) external view {
        if (proof.length != 32) revert ProofMalformed(32, proof.length);
        bytes32 claimId = bytes32(proof);
        Claim storage c = _claims[claimId];
        if (c.status != ClaimStatus.Final) revert WrongClaimStatus(claimId, c.status, ClaimStatus.Final);
        if (c.keyDigest != keyDigest) revert OtherKey(c.keyDigest, keyDigest);
        bytes32 modelId = _keys[keyDigest].modelId;
        if (modelId != statement.modelId) revert OtherModel(modelId, statement.modelId);
        if (c.inputRoot != statement.inputRoot) revert OtherInput(c.inputRoot, statement.inputRoot);
        if (c.outputRoot != statement.outputRoot) revert OtherOutput(c.outputRoot, statement.outputRoot);
    }

    function keyOf(bytes32 keyDigest) external view returns (DisputeKey memory) {
        return _keys[keyDigest];
    }

    function claimOf(bytes32 claimId) external view returns (Claim memory) {
        return _claims[claimId];
    }

    function _pending(bytes32 claimId) internal view returns (Claim storage c) {
        c = _claims[claimId];
        if (c.status != ClaimStatus.Pending) revert WrongClaimStatus(claimId, c.status, ClaimStatus.Pending);
    }

    /// Half of the bond is the winner's; the other half nobody's, so that overturning one's own claim costs.
    function _kill(Claim storage c) internal returns (uint256 prize) {
        uint256 bond = _keys[c.keyDigest].terms.claimBond;
        prize = bond / 2;
        burnt += bond - prize;
        c.status = ClaimStatus.Killed;
    }

    function _requireAssigned(Request calldata r) private view returns (bytes32 requestId) {
        requestId = HUB.requestIdOf(r);
        InferenceHub.RequestState memory state = HUB.stateOf(requestId);
        if (state.status != IInferenceHub.Status.Assigned || state.prover != msg.sender) {
            revert NotAssigned(requestId, msg.sender, state.prover);
        }
    }

    function _requireKeyAndBond(bytes32 keyDigest, bytes32 registrationId) private view returns (uint256 numOps) {
        DisputeKey storage key = _keys[keyDigest];
        numOps = key.numOps;
        if (numOps == 0) revert UnknownKey(keyDigest);
        bytes32 modelId = REGISTRY.modelIdOf(registrationId);
        if (modelId != key.modelId) revert OtherModel(key.modelId, modelId);
        if (msg.value != key.terms.claimBond) revert WrongValue(msg.value, key.terms.claimBond);
    }

    function _claimIdOf(Claim memory c) private view returns (bytes32) {
        return keccak256(
            abi.encode(
                block.chainid, address(this), c.requestId, c.keyDigest, c.traceTree, c.outputRoot, c.claimant
            )
        );
    }

    function _emitClaimed(bytes32 claimId, Claim memory c, bytes32[] calldata top, string calldata locator) private {
        emit Claimed(
            claimId,
            c.requestId,
            c.claimant,
            c.keyDigest,
            c.inputRoot,
            c.outputRoot,
            c.traceTree,
            c.windowEnd,
            top,
            locator
        );
    }

    function _requireTerms(DisputeTerms calldata terms) private pure {
        if (terms.claimBond == 0 || terms.challengeBond == 0) revert NoBond(terms.claimBond, terms.challengeBond);
        uint32[4] memory times = [terms.window, terms.proveTime, terms.clock, terms.extension];
        for (uint256 i = 0; i < 4; ++i) {
            if (times[i] == 0 || times[i] > MAX_TERM) revert TermOutOfRange(i, times[i], MAX_TERM);
        }
    }

    /// The header has to be that of a graph of `numOps` ops, of which its outputs are, that everybody has the input of.
    function _requireGraph(ModelHeader calldata header, uint32 numOps, bytes32 graphTree) private pure {
        if (numOps == 0 || numOps > MAX_OPS) revert NumOpsOutOfRange(numOps, MAX_OPS);
        bytes32 graphRoot = DisputeLib.graphRoot(numOps, graphTree);
        if (graphRoot != header.graphRoot) revert GraphRootMismatch(header.graphRoot, graphRoot);
        ProgramIo memory io = IoSpecLib.parse(header.ioSpec);
        if (io.hashedInputs) revert HashedInputs();
        for (uint256 i = 0; i < io.outputOps.length; ++i) {
            if (io.outputOps[i] >= numOps) revert OutputOutsideGraph(i, io.outputOps[i], numOps);
        }
    }
}
