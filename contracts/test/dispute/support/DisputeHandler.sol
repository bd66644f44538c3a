// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DisputeLib} from "../../../src/dispute/DisputeLib.sol";
import {Challenge, Claim, ClaimStatus, Phase} from "../../../src/dispute/DisputeTypes.sol";
import {OptimisticClaims} from "../../../src/dispute/OptimisticClaims.sol";
import {DisputeCast} from "./DisputeCast.sol";

/// Does random things to a game, and knows of each whether it has to be accepted. The claimant of a true claim and the
/// honest challenger move before time passes, as somebody does who is online; everybody else does as it likes.
contract DisputeHandler is DisputeCast {
    enum Outcome {
        ClaimedTruly,
        ClaimedFalsely,
        Committed,
        Moved,
        StepHeld,
        KilledByStep,
        KilledByFault,
        KilledByTimeout,
        ChallengeLost,
        TooEarly,
        TooLate,
        Finalised,
        NotYetFinal,
        Settled,
        Paused,
        Cancelled,
        Withdrawn,
        WithdrawalRefused
    }

    uint256 public constant OUTCOMES = 18;
    /// Moves of the longest game that TraceBook's model has, without `commit`; section 7.
    uint256 private constant MOVES = 14;
    uint256 private constant MOST_PENDING = 3;
    uint256 private constant MOST_OPEN = 12;

    mapping(Outcome outcome => uint256 count) public reached;
    mapping(bytes32 claimId => bool challenged) public honestlyChallenged;

    function start() external {
        super.setUp();
        _gather();
    }

    // What the invariants ask for

    function theGame() external view returns (OptimisticClaims) {
        return claims;
    }

    /// Everything that the contract owes to somebody or nobody, in wei.
    function owed() external view returns (uint256 sum) {
        sum = claims.burnt();
        for (uint256 i = 0; i < PLAYERS; ++i) {
            sum += claims.creditOf(players[i]);
        }
        for (uint256 i = 0; i < claimIds.length; ++i) {
            if (_statusOf(claimIds[i]) == ClaimStatus.Pending) sum += terms().claimBond;
        }
        for (uint256 i = 0; i < challengeIds.length; ++i) {
            if (_isOpen(challengeIds[i])) sum += terms().challengeBond;
        }
    }

    /// No true claim is killed, no false one that somebody honest challenges is final, no honest challenge is lost.
    function requireJustice() external view {
        for (uint256 i = 0; i < claimIds.length; ++i) {
            ClaimStatus status = _statusOf(claimIds[i]);
            if (!lies[claimIds[i]].told) assertTrue(status != ClaimStatus.Killed, "an honest claimant is slashed");
            if (honestlyChallenged[claimIds[i]]) assertTrue(status != ClaimStatus.Final, "a known lie is final");
        }
        for (uint256 i = 0; i < challengeIds.length; ++i) {
            if (plans[challengeIds[i]].honest) assertTrue(phaseOf(challengeIds[i]) != Phase.Lost, "honest and lost");
        }
    }

    /// Every turn ends by the claim's last possible moment, and open challenges are counted.
    function requireLiveness() external view {
        uint256 game = 2 * terms().clock + MOVES * terms().extension;
        uint256 longest = game > terms().proveTime ? game : terms().proveTime;
        for (uint256 j = 0; j < claimIds.length; ++j) {
            Claim memory c = claims.claimOf(claimIds[j]);
            uint256 open = 0;
            for (uint256 i = 0; i < challengeIds.length; ++i) {
                if (_claimUnder(challengeIds[i]) != claimIds[j] || !_isOpen(challengeIds[i])) continue;
                ++open;
                if (c.status != ClaimStatus.Pending) continue;
                (, uint64 deadline) = claims.turnOf(challengeIds[i]);
                assertLe(deadline, c.windowEnd + longest, "a turn past the bound");
            }
            assertEq(c.openChallenges, open);
        }
    }

    // Actions

    function claimOne(uint256 seed, bool truly) external {
        (uint256 pending,) = _somePending(seed);
        if (pending >= MOST_PENDING) return;
        delete lie;
        Target memory where = _someTarget(seed);
        if (!truly) tell(where.op, where.element, where.term);
        bytes32 claimId = claimed();
        lies[claimId] = lie;
        claimIds.push(claimId);
        _note(truly ? Outcome.ClaimedTruly : Outcome.ClaimedFalsely);
    }

    /// The honest challenger goes for the lie; others follow it, or go anywhere.
    function commitOne(uint256 seed) external {
        (uint256 pending, bytes32 claimId) = _somePending(seed);
        (uint256 open,) = _someOpen(seed, true);
        if (pending == 0 || open >= MOST_OPEN) return;
        Lie memory told = lies[claimId];
        address player = _mixed(seed, 2) % 2 == 0 ? CHALLENGER : players[1 + _mixed(seed, 3) % 4];
        Plan memory plan = Plan(Target(told.op, told.element, told.from), 0, player == CHALLENGER);
        if (plan.honest && !told.told) return;
        plan.kind = _mixed(seed, 4) % 8 == 0 ? DisputeLib.TO_PROVE_FAULT : DisputeLib.TO_OPEN;
        if (!plan.honest && (!told.told || _mixed(seed, 5) % 2 == 0)) plan.to = _someTarget(_mixed(seed, 6));
        uint32 index = plan.kind == DisputeLib.TO_OPEN ? plan.to.op >> TOP_HEIGHT : plan.to.op;
        _commit(claimId, player, plan, commitmentOf(claimId, player, plan.kind, index));
    }

    /// Whoever's turn it is moves, if it likes; late if its turn ran out.
    function moveOne(uint256 seed) external {
        (uint256 open, bytes32 id) = _someOpen(seed, true);
        if (open == 0) return;
        (bool defenders,) = claims.turnOf(id);
        bool silent = defenders && lies[_claimUnder(id)].told && _mixed(seed, 9) % 4 == 0;
        bool tooLate = claims.gameTime() >= _lastMoment(id, claims.challengeOf(id), plans[id]);
        if (!silent && (!tooLate || _mixed(seed, 12) % 4 == 0)) _move(id);
    }

    function timeoutOne(uint256 seed) external {
        (uint256 open, bytes32 id) = _someOpen(seed, true);
        if (open == 0) return;
        (bool defenders, uint64 deadline) = claims.turnOf(id);
        bool due = claims.gameTime() >= deadline;
        assertEq(_resolves(abi.encodeCall(claims.timeout, (id))), due, "timeout");
        _note(!due ? Outcome.TooEarly : defenders ? Outcome.KilledByTimeout : Outcome.ChallengeLost);
    }

    function finaliseOne(uint256 seed) external {
        (uint256 pending, bytes32 claimId) = _somePending(seed);
        if (pending == 0) return;
        Claim memory c = claims.claimOf(claimId);
        bool due = claims.gameTime() >= c.windowEnd && c.openChallenges == 0;
        assertEq(_resolves(abi.encodeCall(claims.finalise, (claimId))), due, "finalise");
        _note(due ? Outcome.Finalised : Outcome.NotYetFinal);
    }

    function settleOne(uint256 seed, bool tooEarly) external {
        (uint256 open, bytes32 id) = _someOpen(seed, tooEarly);
        if (open == 0) return;
        assertEq(_resolves(abi.encodeCall(claims.settle, (id))), !tooEarly, "settle");
        _note(tooEarly ? Outcome.TooEarly : Outcome.Settled);
    }

    function withdrawSome(uint256 seed, uint256 amount) external {
        uint256 number = seed % PLAYERS;
        uint256 credit = claims.creditOf(players[number]);
        if (credit == 0) return;
        vm.prank(players[number]);
        (bool accepted,) = address(claims).call(abi.encodeCall(claims.withdraw, (1 + amount % credit)));
        assertEq(accepted, number != REFUSER, "withdraw");
        _note(accepted ? Outcome.Withdrawn : Outcome.WithdrawalRefused);
    }

    /// Sometimes cancels a claim in the pause. Game time stands still in it.
    function pauseOnce(uint256 seed, uint32 time) external {
        uint64 before = claims.gameTime();
        vm.startPrank(GUARDIAN);
        (bool accepted,) = address(claims).call(abi.encodeCall(claims.pause, ()));
        if (accepted) {
            skip(time % 8 days);
            (uint256 pending, bytes32 claimId) = _somePending(seed);
            if (pending > 0 && _mixed(seed, 10) % 2 == 0) {
                claims.cancel(claimId);
                _note(Outcome.Cancelled);
            }
            claims.unpause();
            assertEq(claims.gameTime(), before, "game time in a pause");
            _note(Outcome.Paused);
        }
        vm.stopPrank();
    }

    /// Mostly seconds, sometimes as long as it takes until the guardian may pause again.
    function elapse(uint16 time) external {
        _honestOnesMove();
        skip(time > 56_000 ? 8 days : time % 300);
    }

    /// To the last second of a turn, or to the first after it.
    function elapseToDeadline(uint256 seed) external {
        _honestOnesMove();
        (uint256 open, bytes32 id) = _someOpen(seed, true);
        if (open == 0) return;
        uint256 deadline = _lastMoment(id, claims.challengeOf(id), plans[id]);
        if (deadline > claims.gameTime()) skip(deadline - claims.gameTime() - _mixed(seed, 11) % 2);
    }

    // Inside

    function _commit(bytes32 claimId, address player, Plan memory plan, bytes32 commitment) private {
        if (phaseOf(DisputeLib.challengeId(claimId, player, commitment)) != Phase.None) return;
        bool inTime = claims.gameTime() < claims.claimOf(claimId).windowEnd;
        vm.prank(player);
        (bool accepted, bytes memory id) =
            address(claims).call{value: terms().challengeBond}(abi.encodeCall(claims.commit, (claimId, commitment)));
        assertEq(accepted, inTime, "commit");
        if (!accepted) return _note(Outcome.TooLate);
        challengeIds.push(abi.decode(id, (bytes32)));
        plans[abi.decode(id, (bytes32))] = plan;
        if (plan.honest) honestlyChallenged[claimId] = true;
        _note(Outcome.Committed);
    }

    /// A true claim's reveals, and the honest challenger's moves in false ones, as long as there are any.
    function _honestOnesMove() private {
        for (uint256 i = 0; i < challengeIds.length; ++i) {
            bytes32 id = challengeIds[i];
            while (_isUnderWay(id)) {
                (bool defenders,) = claims.turnOf(id);
                if (defenders ? lies[_claimUnder(id)].told : !plans[id].honest) break;
                _move(id);
            }
        }
    }

    /// Makes the move that is due, which has to be accepted exactly if it is in time and does not execute what is right.
    function _move(bytes32 id) private {
        vm.roll(block.number + 1);
        Challenge memory c = claims.challengeOf(id);
        Plan memory plan = plans[id];
        lie = lies[c.claimId];
        (bool defenders,) = claims.turnOf(id);
        bool inTime = claims.gameTime() < _lastMoment(id, c, plan);
        bool fault = c.at.phase == Phase.Committed && plan.kind == DisputeLib.TO_PROVE_FAULT;
        bool executes = fault || c.at.phase == Phase.Step;
        bytes memory call_ = _callOf(id, c, plan, defenders);
        vm.prank(defenders ? PROVER : c.challenger);
        (bool accepted,) = address(claims).call(call_);
        assertEq(accepted, inTime && (!executes || _isWrong(c, plan)), "move");
        if (!inTime) return _note(Outcome.TooLate);
        if (!executes) return _note(Outcome.Moved);
        if (!accepted) return _note(Outcome.StepHeld);
        _note(fault ? Outcome.KilledByFault : Outcome.KilledByStep);
    }

    function _note(Outcome outcome) private {
        reached[outcome] += 1;
    }
}
