// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {InferenceHub} from "../core/InferenceHub.sol";
import {Credits} from "../core/Credits.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {ModelHeader, Request, Statement, Tensor} from "../interfaces/Types.sol";
import {DisputeEvidence} from "./DisputeEvidence.sol";
import {DisputeLib} from "./DisputeLib.sol";
import {Claim, ClaimStatus, DisputeKey, DisputeTerms} from "./DisputeTypes.sol";
import {GameClock} from "./GameClock.sol";
import {IOneStep} from "./IOneStep.sol";

/// Keys, bonded claims and their ends; docs/protocol/optimistic.md sections 1, 5 and 6.
abstract contract Claims is GameClock, Credits, IProofVerifier {
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

    InferenceHub public immutable HUB;
    IOneStep public immutable ONE_STEP;
    DisputeEvidence public immutable EVIDENCE;

    uint256 public burnt;

    mapping(bytes32 keyDigest => DisputeKey key) internal _keys;
    mapping(bytes32 claimId => Claim claim) internal _claims;

    constructor(InferenceHub hub, IOneStep oneStep) {
        (HUB, ONE_STEP) = (hub, oneStep);
        EVIDENCE = new DisputeEvidence(hub, oneStep);
    }

    /// Makes a key usable under its digest. Registering one twice changes nothing.
    function registerKey(ModelHeader calldata, uint32, bytes32, DisputeTerms calldata)
        external
        returns (bytes32 keyDigest)
    {
        DisputeKey memory key = abi.decode(_evidence(), (DisputeKey));
        keyDigest = DisputeLib.keyDigest(key.modelId, key.terms);
        if (_keys[keyDigest].numOps != 0) return keyDigest;
        _keys[keyDigest] = key;
        emit KeyRegistered(keyDigest, key.modelId, key.terms);
    }

    function claim(
        Request calldata,
        Tensor[] calldata,
        bytes32[] calldata top,
        bytes32[][] calldata,
        string calldata locator
    ) external payable running returns (bytes32 claimId) {
        Claim memory made = abi.decode(_evidence(), (Claim));
        if (msg.sender != made.claimant) revert NotAssigned(made.requestId, msg.sender, made.claimant);
        DisputeTerms storage terms = _keys[made.keyDigest].terms;
        if (msg.value != terms.claimBond) revert WrongValue(msg.value, terms.claimBond);
        claimId = _claimIdOf(made);
        if (_claims[claimId].status != ClaimStatus.None) revert ClaimExists(claimId);
        (made.status, made.windowEnd) = (ClaimStatus.Pending, gameTime() + terms.window);
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

    /// What the evidence contract answers to the very bytes of this call; reverts as it does.
    function _evidence() internal view returns (bytes memory) {
        return Address.functionStaticCall(address(EVIDENCE), msg.data);
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

    function _claimIdOf(Claim memory c) private view returns (bytes32) {
        return keccak256(
            abi.encode(block.chainid, address(this), c.requestId, c.keyDigest, c.traceTree, c.outputRoot, c.claimant)
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
}
