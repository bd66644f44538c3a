// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Claims} from "./Claims.sol";
import {DisputeLib} from "./DisputeLib.sol";
import {Challenge, Claim, ClaimStatus, DisputeTerms, Phase, Position, Reveal} from "./DisputeTypes.sol";

/// Commitments, turns and clocks, and how a challenge ends; docs/protocol/optimistic.md sections 3 to 5. Nothing here
/// or in what inherits it ever loops over challenges.
abstract contract Challenges is Claims {
    error WindowClosed(bytes32 claimId, uint256 since);
    error ChallengeExists(bytes32 challengeId);
    error ChallengeNotOpen(bytes32 challengeId, Phase phase);
    error ClaimStillPending(bytes32 claimId);
    error DeadlinePassed(bytes32 challengeId, uint256 deadline);
    error DeadlineNotReached(bytes32 challengeId, uint256 deadline);

    /// Whose turn it is, since when and until when, in game time.
    struct Turn {
        bool defenders;
        uint64 start;
        uint64 deadline;
    }

    mapping(bytes32 challengeId => Challenge challenge) internal _challenges;
    mapping(bytes32 claimId => mapping(bytes32 positionKey => Reveal reveal)) internal _reveals;
    /// The earliest-committed challenge that picked a segment.
    mapping(bytes32 claimId => mapping(bytes32 positionKey => bytes32 challengeId)) internal _earliest;

    function commit(bytes32 claimId, bytes32 commitment) external payable running returns (bytes32 challengeId) {
        Claim storage claimed = _pending(claimId);
        if (gameTime() >= claimed.windowEnd) revert WindowClosed(claimId, claimed.windowEnd);
        DisputeTerms storage terms = _keys[claimed.keyDigest].terms;
        if (msg.value != terms.challengeBond) revert WrongValue(msg.value, terms.challengeBond);
        challengeId = DisputeLib.challengeId(claimId, msg.sender, commitment);
        Challenge storage c = _challenges[challengeId];
        if (c.at.phase != Phase.None) revert ChallengeExists(challengeId);
        c.at.phase = Phase.Committed;
        (c.turnStart, c.defenderClock, c.challengerClock) = (gameTime(), terms.clock, terms.clock);
        (c.challenger, c.committedAt, c.order) = (msg.sender, uint64(block.number), claimed.commitments);
        (c.claimId, c.commitment) = (claimId, commitment);
        claimed.commitments += 1;
        claimed.openChallenges += 1;
        emit Committed(claimId, challengeId, msg.sender, commitment);
    }

    /// Ends the turn that ran out: the defender's kills the claim, the challenger's loses the challenge.
    function timeout(bytes32 challengeId) external running {
        Challenge storage c = _open(challengeId);
        Claim storage claimed = _pending(c.claimId);
        Turn memory turn = _turnIn(c);
        uint64 deadline = _endOf(c, turn);
        if (gameTime() < deadline) revert DeadlineNotReached(challengeId, deadline);
        if (turn.defenders) return _win(challengeId, c, claimed);
        c.at.phase = Phase.Lost;
        claimed.openChallenges -= 1;
        _addCredit(claimed.claimant, _keys[claimed.keyDigest].terms.challengeBond);
        emit ChallengeLost(c.claimId, challengeId);
    }

    function settle(bytes32 challengeId) external {
        Challenge storage c = _open(challengeId);
        Claim storage claimed = _claims[c.claimId];
        if (claimed.status == ClaimStatus.Pending) revert ClaimStillPending(c.claimId);
        c.at.phase = Phase.Settled;
        claimed.openChallenges -= 1;
        _addCredit(c.challenger, _keys[claimed.keyDigest].terms.challengeBond);
        emit ChallengeSettled(c.claimId, challengeId);
    }

    function challengeOf(bytes32 challengeId) external view returns (Challenge memory) {
        return _challenges[challengeId];
    }

    function revealOf(bytes32 claimId, bytes32 positionKey) external view returns (Reveal memory) {
        return _reveals[claimId][positionKey];
    }

    function positionKeyOf(Position calldata position) external pure returns (bytes32) {
        return DisputeLib.positionKey(position);
    }

    /// `timeout` is possible from `deadline` on; section 4.
    function turnOf(bytes32 challengeId) external view returns (bool defenders, uint64 deadline) {
        Challenge storage c = _open(challengeId);
        Turn memory turn = _turnIn(c);
        return (turn.defenders, _endOf(c, turn));
    }

    function _open(bytes32 challengeId) internal view returns (Challenge storage c) {
        c = _challenges[challengeId];
        Phase phase = c.at.phase;
        if (phase == Phase.None || phase >= Phase.Won) revert ChallengeNotOpen(challengeId, phase);
    }

    /// Section 4. A reveal at or after the defender's deadline changes nothing, so it cannot be waited out.
    function _turnIn(Challenge storage c) internal view returns (Turn memory) {
        uint64 start = c.turnStart;
        if (c.at.phase != Phase.Committed && c.at.phase != Phase.Step) {
            uint64 deadline = start + _atLeastExtension(c, c.defenderClock);
            uint64 revealedAt = _revealAt(c).at;
            if (revealedAt == 0 || revealedAt >= deadline) return Turn(true, start, deadline);
            if (revealedAt > start) start = revealedAt;
        }
        return Turn(false, start, start + _atLeastExtension(c, c.challengerClock));
    }

    function _revealAt(Challenge storage c) internal view returns (Reveal storage) {
        return _reveals[c.claimId][DisputeLib.positionKey(c.at)];
    }

    function _termsOf(Challenge storage c) internal view returns (DisputeTerms storage) {
        return _keys[_claims[c.claimId].keyDigest].terms;
    }

    /// Kills the claim for this challenge, whose own bond comes back with the prize.
    function _win(bytes32 challengeId, Challenge storage c, Claim storage claimed) internal {
        uint256 prize = _kill(claimed);
        c.at.phase = Phase.Won;
        claimed.openChallenges -= 1;
        _addCredit(c.challenger, prize + _keys[claimed.keyDigest].terms.challengeBond);
        emit ClaimKilled(c.claimId, challengeId, c.challenger, prize);
    }

    /// An unused commitment is lost only when neither of the moves that it may be to is possible any more.
    function _endOf(Challenge storage c, Turn memory turn) private view returns (uint64 deadline) {
        deadline = turn.deadline;
        if (c.at.phase == Phase.Committed) {
            uint64 proveUntil = c.turnStart + _termsOf(c).proveTime;
            if (proveUntil > deadline) deadline = proveUntil;
        }
    }

    function _atLeastExtension(Challenge storage c, uint32 left) private view returns (uint64) {
        uint32 extension = _termsOf(c).extension;
        return left > extension ? left : extension;
    }
}
