// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DisputeLib} from "../../../src/dispute/DisputeLib.sol";
import {Challenge, ClaimStatus, DescriptorProof, Opening, Phase} from "../../../src/dispute/DisputeTypes.sol";
import {GameFixture} from "./GameFixture.sol";
import {Levels} from "./TraceBook.sol";

/// Who plays in a campaign, what they have claimed and challenged, and what the contract has to make of each move.
abstract contract DisputeCast is GameFixture {
    /// What a challenger is after; `honest` ones know that they are right.
    struct Plan {
        Target to;
        uint8 kind;
        bool honest;
    }

    /// Of a call that ends something, execution alone.
    uint256 internal constant RESOLUTION_GAS = 120_000;
    uint256 internal constant PLAYERS = 5;
    uint256 internal constant REFUSER = 4; // reverts on any money

    address[PLAYERS] internal players; // the first claims, the second is the honest challenger
    bytes32[] internal claimIds;
    bytes32[] internal challengeIds;
    mapping(bytes32 claimId => Lie lie) internal lies;
    mapping(bytes32 challengeId => Plan plan) internal plans;
    uint256 public mostResolutionGas;
    bool private _unmetered;

    /// For walks that are longer than a test's gas; what resolutions cost is measured all the same.
    function unmeter() external {
        _unmetered = true;
        vm.pauseGasMetering();
    }

    function _gather() internal {
        address refuser = makeAddr("refuses money");
        vm.etch(refuser, hex"5f5ffd"); // revert(0, 0)
        players = [PROVER, CHALLENGER, SECOND, STRANGER, refuser];
        for (uint256 i = 0; i < PLAYERS; ++i) {
            vm.deal(players[i], 1e6 ether);
        }
    }

    function _mixed(uint256 seed, uint256 purpose) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, purpose)));
    }

    /// The large op seldom, for its tensor takes long to make.
    function _someOp(uint256 seed) internal pure returns (uint32) {
        if (seed % 16 == 0) return BIG;
        return [SMALL, SHORT, TERMLESS, OUTPUT, 20][_mixed(seed, 100) % 5];
    }

    function _someTarget(uint256 seed) internal pure returns (Target memory to) {
        to.op = _someOp(seed);
        to.element = uint32(_mixed(seed, 101) % elementsOf(to.op));
        if (termsOf(to.op) > 0) to.term = uint48(_mixed(seed, 102) % termsOf(to.op));
    }

    function _statusOf(bytes32 claimId) internal view returns (ClaimStatus) {
        return claims.claimOf(claimId).status;
    }

    function _claimUnder(bytes32 challengeId) internal view returns (bytes32) {
        return claims.challengeOf(challengeId).claimId;
    }

    function _isOpen(bytes32 challengeId) internal view returns (bool) {
        return phaseOf(challengeId) < Phase.Won;
    }

    /// Open, in a claim that is pending.
    function _isUnderWay(bytes32 challengeId) internal view returns (bool) {
        return _isOpen(challengeId) && _statusOf(_claimUnder(challengeId)) == ClaimStatus.Pending;
    }

    /// The first pending claim at or after a random place; how many there are.
    function _somePending(uint256 seed) internal view returns (uint256 count, bytes32 claimId) {
        for (uint256 i = 0; i < claimIds.length; ++i) {
            bytes32 one = claimIds[(seed % claimIds.length + i) % claimIds.length];
            if (_statusOf(one) == ClaimStatus.Pending && ++count == 1) claimId = one;
        }
    }

    /// The first open challenge at or after a random place, in a claim that is pending or in one that is not; how many
    /// there are.
    function _someOpen(uint256 seed, bool pending) internal view returns (uint256 count, bytes32 challengeId) {
        for (uint256 i = 0; i < challengeIds.length; ++i) {
            bytes32 one = challengeIds[(seed % challengeIds.length + i) % challengeIds.length];
            if (_isOpen(one) && _isUnderWay(one) == pending && ++count == 1) challengeId = one;
        }
    }

    /// The move that is due, as a call.
    function _callOf(bytes32 id, Challenge memory c, Plan memory plan, bool defenders)
        internal
        view
        returns (bytes memory)
    {
        if (defenders) return answerCall(c.at, id);
        if (c.at.phase == Phase.Step) {
            return abi.encodeCall(claims.prove, (id, descriptorOf(c.at.op), new Opening[](0)));
        }
        if (c.at.phase != Phase.Committed) return pickCall(c.at, id, plan.to);
        if (plan.kind == DisputeLib.TO_PROVE_FAULT) {
            return abi.encodeCall(claims.proveFault, (faultProof(id, plan.to.op, plan.to.element)));
        }
        bytes32[][] memory levels = traceLevels();
        uint32 index = plan.to.op >> TOP_HEIGHT;
        bytes32[] memory path = Levels.siblings(levels, TOP_HEIGHT, index, levels.length - 1);
        DescriptorProof memory none;
        return abi.encodeCall(claims.open, (id, index, SALT, levels[TOP_HEIGHT][index], path, none));
    }

    /// Whether what a proof executes ends elsewhere than was claimed.
    function _isWrong(Challenge memory c, Plan memory plan) internal view returns (bool) {
        if (!lie.told) return false;
        if (c.at.phase == Phase.Committed) return plan.to.op == lie.op && plan.to.element == lie.element;
        bool there = c.at.op == lie.op && c.at.element == lie.element;
        return there && (c.terms == 0 || (c.at.lo <= lie.from && lie.from < c.at.hi));
    }

    /// Until when the move that is due is possible: of a commitment, the one that it is to.
    function _lastMoment(bytes32 id, Challenge memory c, Plan memory plan) internal view returns (uint64 deadline) {
        (, deadline) = claims.turnOf(id);
        if (c.at.phase != Phase.Committed) return deadline;
        return c.turnStart + (plan.kind == DisputeLib.TO_OPEN ? terms().clock : terms().proveTime);
    }

    /// Whether a call that ends something is accepted; it costs the same however much is going on.
    function _resolves(bytes memory call_) internal returns (bool accepted) {
        vm.prank(STRANGER);
        if (_unmetered) vm.resumeGasMetering();
        uint256 left = gasleft();
        (accepted,) = address(claims).call(call_);
        uint256 used = left - gasleft();
        if (_unmetered) vm.pauseGasMetering();
        assertLt(used, RESOLUTION_GAS, "resolution");
        if (used > mostResolutionGas) mostResolutionGas = used;
    }
}
