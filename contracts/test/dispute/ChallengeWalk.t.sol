// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ClaimStatus, Phase, Position} from "../../src/dispute/DisputeTypes.sol";
import {GameFixture} from "./support/GameFixture.sol";

/// Whole games: every kind of op is reached and executed, move by move, with the positions in between.
contract ChallengeWalkTest is GameFixture {
    function test_a_lie_deep_in_a_large_op_is_found_and_executed() public {
        tell(BIG, 9_999, 4_990);
        bytes32 claimId = claimed();
        bytes32 id = opened(CHALLENGER, claimId, BIG);
        Target memory to = Target(BIG, 9_999, 4_990);
        _expect(id, Position(Phase.Trace, 1, BIG >> 1, 0, 0, 0, 0));
        _round(id, to);
        _expect(id, Position(Phase.Trace, 0, 0, BIG, 0, 0, 0));
        _round(id, to);
        _expect(id, Position(Phase.Nodes, 3, 19, BIG, 0, 0, 0));
        _round(id, to);
        _expect(id, Position(Phase.Data, 2, 39, BIG, 0, 0, 0));
        _round(id, to);
        _expect(id, Position(Phase.Sum, 0, 0, BIG, 9_999, 0, 5_000));
        _round(id, to);
        _expect(id, Position(Phase.Sum, 0, 0, BIG, 9_999, 4_608, 5_000));
        _round(id, to);
        _expect(id, Position(Phase.Step, 0, 0, BIG, 9_999, 4_968, 4_992));
        prove(id);
        assertEq(uint256(claims.claimOf(claimId).status), uint256(ClaimStatus.Killed));
        assertEq(uint256(phaseOf(id)), uint256(Phase.Won));
    }

    function _round(bytes32 id, Target memory to) private {
        answer(id);
        pick(id, to);
    }

    function _expect(bytes32 id, Position memory expected) private view {
        assertEq(keccak256(abi.encode(claims.challengeOf(id).at)), keccak256(abi.encode(expected)));
        assertEq(claims.positionKeyOf(expected), keccak256(abi.encode(expected)));
    }
}
