// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {InferenceConsumer} from "../../src/core/InferenceConsumer.sol";
import {AttestedOutput, Request, Tensor} from "../../src/interfaces/Types.sol";
import {AttestedRiskOracle} from "../../src/examples/AttestedRiskOracle.sol";
import {FeedReturns} from "../../src/examples/FeedReturns.sol";
import {RiskUpdates} from "../../src/examples/RiskUpdates.sol";
import {IRiskOracle} from "../../src/examples/interfaces/IRiskOracle.sol";
import {OracleFixture} from "./support/OracleFixture.sol";

/// What is applied, and what is not, through the real hub, registry and router.
contract AttestedRiskOracleTest is OracleFixture {
    function _expectSkip(bytes32 requestId, uint256 observedAt, AttestedRiskOracle.Skip reason) private {
        vm.expectEmit(address(oracle));
        emit AttestedRiskOracle.UpdateSkipped(requestId, observedAt, reason);
    }

    function _value(string memory updateType) private view returns (uint256) {
        bytes memory value = oracle.getLatestUpdateByParameterAndMarket(updateType, market).newValue;
        assertEq(value.length, 32);
        return uint256(bytes32(value));
    }

    function test_applies_attested_output() public {
        // 20% predicted: 10000 - 2000 - 200 = 7800, and 7800 - 500 = 7300.
        bytes32 requestId = _update(ONE / 5);
        // 3276 / 2^14 is 1999.5 bps, rounded up.
        assertEq(oracle.liquidationThreshold(), 7_800);
        assertEq(oracle.ltv(), 7_300);
        assertEq(_value("liquidationThreshold"), 7_800);
        assertEq(_value("ltv"), 7_300);
        assertEq(oracle.appliedObservation(), START);
        assertEq(oracle.observationOf(requestId), START);
        assertEq(hub.creditOf(prover), FEE + 2 ether);
    }

    function test_reads_as_a_steward_expects() public {
        bytes32 requestId = _update(ONE / 5);
        IRiskOracle.RiskParameterUpdate memory u = oracle.getLatestUpdateByParameterAndMarket("ltv", market);
        assertEq(u.timestamp, block.timestamp);
        assertEq(u.referenceId, vm.toString(requestId));
        assertEq(uint256(bytes32(u.previousValue)), 7_000);
        assertEq(u.updateType, "ltv");
        assertEq(u.updateId, oracle.latestUpdateIdByMarketAndType(market, "ltv"));
        assertEq(u.market, market);
        RiskUpdates.Origin memory origin = abi.decode(u.additionalData, (RiskUpdates.Origin));
        assertEq(origin.requestId, requestId);
        assertEq(origin.observedAt, START);
        assertEq(origin.drawdown, ONE / 5);
        assertEq(oracle.updateCounter(), 2);
        assertEq(keccak256(abi.encode(oracle.getUpdateById(u.updateId))), keccak256(abi.encode(u)));
    }

    function test_reverts_where_nothing_was_published() public {
        vm.expectRevert(abi.encodeWithSelector(RiskUpdates.NothingPublished.selector, "ltv", market));
        oracle.getLatestUpdateByParameterAndMarket("ltv", market);
        _update(0);
        vm.expectRevert(abi.encodeWithSelector(RiskUpdates.NothingPublished.selector, "ltv", keeper));
        oracle.getLatestUpdateByParameterAndMarket("ltv", keeper);
        vm.expectRevert(abi.encodeWithSelector(RiskUpdates.NothingPublished.selector, "liquidationBonus", market));
        oracle.getLatestUpdateByParameterAndMarket("liquidationBonus", market);
        vm.expectRevert(abi.encodeWithSelector(RiskUpdates.NoSuchUpdate.selector, 0));
        oracle.getUpdateById(0);
        vm.expectRevert(abi.encodeWithSelector(RiskUpdates.NoSuchUpdate.selector, 3));
        oracle.getUpdateById(3);
    }

    /// One update applied at a time, a steward never holds a ratio above its threshold.
    function test_order_of_publication_never_shows_ltv_above_threshold() public {
        int32[4] memory drawdowns = [ONE, int32(0), ONE / 2, ONE / 10];
        (uint256 ltv, uint256 threshold) = (oracle.ltv(), oracle.liquidationThreshold());
        for (uint256 day = 0; day < drawdowns.length; ++day) {
            _nextDay(1_000e8);
            _update(drawdowns[day]);
        }
        for (uint256 id = 1; id <= oracle.updateCounter(); ++id) {
            IRiskOracle.RiskParameterUpdate memory u = oracle.getUpdateById(id);
            bool isLtv = keccak256(bytes(u.updateType)) == keccak256("ltv");
            assertEq(uint256(bytes32(u.previousValue)), isLtv ? ltv : threshold);
            if (isLtv) ltv = uint256(bytes32(u.newValue));
            else threshold = uint256(bytes32(u.newValue));
            assertLe(ltv + 500, threshold);
        }
        assertEq(oracle.updateCounter(), 8);
    }

    function test_rejects_callback_for_request_opened_by_stranger() public {
        // The same hub, model, key and input, and the oracle named as nobody but the requester of its own.
        (Request memory own,) = _ask();
        Request memory strange = own;
        strange.requester = keeper;
        strange.payer = keeper;
        Tensor[] memory inputs = new Tensor[](1);
        inputs[0] = _inputTensor();
        vm.prank(keeper);
        bytes32 strangeId = hub.request{value: FEE}(strange, inputs);
        _answer(strange, ONE);
        assertEq(oracle.updateCounter(), 0);
        // And not even a hub that calls back with it is believed.
        AttestedOutput memory output = AttestedOutput(registrationId, strange.inputRoot, 1, KEY, _output(ONE));
        vm.prank(address(hub));
        vm.expectRevert(abi.encodeWithSelector(InferenceConsumer.NotOpenedHere.selector, strangeId));
        oracle.onInference(strangeId, output);
    }

    function test_rejects_callback_from_anybody_but_the_hub() public {
        (Request memory r, bytes32 requestId) = _ask();
        AttestedOutput memory output = AttestedOutput(registrationId, r.inputRoot, 1, KEY, _output(0));
        vm.prank(prover);
        vm.expectRevert(abi.encodeWithSelector(InferenceConsumer.NotTheHub.selector, prover, address(hub)));
        oracle.onInference(requestId, output);
    }

    function test_ignores_result_older_than_the_applied_one() public {
        (Request memory old, bytes32 oldId) = _ask();
        // Its callback fails, a day passes, a newer result is applied, then the old one is retried.
        vm.mockCallRevert(address(oracle), abi.encodeWithSelector(oracle.onInference.selector, oldId), "");
        _answer(old, ONE);
        vm.clearMockedCalls();
        _nextDay(1_000e8);
        _update(0);
        (uint256 ltv, uint256 threshold) = (oracle.ltv(), oracle.liquidationThreshold());

        _expectSkip(oldId, START, AttestedRiskOracle.Skip.OlderThanApplied);
        hub.retryCallback(old, _output(ONE));
        assertEq(oracle.ltv(), ltv);
        assertEq(oracle.liquidationThreshold(), threshold);
        assertEq(oracle.updateCounter(), 2);
    }

    function test_applies_one_result_of_several_requests_for_one_observation() public {
        (Request memory first, bytes32 firstId) = _ask();
        (Request memory second,) = _ask();
        _answer(second, ONE / 5);
        _assign(first);
        _expectSkip(firstId, START, AttestedRiskOracle.Skip.OlderThanApplied);
        _fulfil(first, _output(ONE));
        assertEq(oracle.liquidationThreshold(), 7_800);
        assertEq(hub.creditOf(prover), 2 * (FEE + 2 ether));
        uint80[] memory ids = _roundIds();
        vm.expectRevert(abi.encodeWithSelector(AttestedRiskOracle.AlreadyApplied.selector, START));
        vm.prank(keeper);
        oracle.requestUpdate{value: FEE}(ids);
    }

    function test_ignores_result_too_old_to_apply() public {
        (Request memory r, bytes32 requestId) = _ask();
        vm.mockCallRevert(address(oracle), abi.encodeWithSelector(oracle.onInference.selector, requestId), "");
        _answer(r, ONE);
        vm.clearMockedCalls();
        vm.warp(START + 8 hours + 1);
        _expectSkip(requestId, START, AttestedRiskOracle.Skip.TooOld);
        hub.retryCallback(r, _output(ONE));
        assertEq(oracle.updateCounter(), 0);
    }

    function test_applies_result_at_the_last_moment() public {
        (Request memory r,) = _ask();
        vm.warp(START + 7 hours - 1);
        _assign(r);
        vm.warp(START + 8 hours - 2);
        _fulfil(r, _output(ONE / 5));
        assertEq(oracle.updateCounter(), 2);
    }

    function test_ignores_result_within_the_minimum_delay() public {
        AttestedRiskOracle.Config memory c = _config();
        c.maxResultAge = 3 days;
        oracle = new AttestedRiskOracle(hub, c, _pins());
        (Request memory first,) = _ask();
        _nextDay(1_000e8);
        (Request memory second, bytes32 secondId) = _ask();
        _answer(first, 0);
        _assign(second);
        _expectSkip(secondId, START + 1 days, AttestedRiskOracle.Skip.TooSoon);
        _fulfil(second, _output(ONE));
        assertEq(oracle.updateCounter(), 2);
        // The observation is not lost: ask again once the delay is over.
        vm.warp(block.timestamp + 20 hours);
        _update(ONE);
        assertEq(oracle.updateCounter(), 4);
        assertEq(oracle.appliedObservation(), START + 1 days);
    }

    function test_ignores_malformed_output_yet_pays_the_prover() public {
        Tensor[] memory outputs = new Tensor[](1);
        outputs[0] = _output(0)[0];
        outputs[0].dims = new uint32[](1);
        outputs[0].dims[0] = 1;
        (Request memory r, bytes32 requestId) = _ask();
        _assign(r);
        _expectSkip(requestId, START, AttestedRiskOracle.Skip.Malformed);
        _fulfil(r, outputs);
        assertEq(oracle.updateCounter(), 0);
        assertEq(hub.creditOf(prover), FEE + 2 ether);
    }

    function test_step_limited() public {
        _update(ONE); // wants the lowest threshold, 4000
        assertEq(oracle.liquidationThreshold(), 7_500);
        assertEq(oracle.ltv(), 7_000);
        _nextDay(1_000e8);
        _update(ONE);
        assertEq(oracle.liquidationThreshold(), 7_200);
        assertEq(oracle.ltv(), 6_700);
        _nextDay(1_000e8);
        _update(0); // wants the highest, 8600
        assertEq(oracle.liquidationThreshold(), 7_500);
        assertEq(oracle.ltv(), 7_000);
    }

    /// Whatever is attested, day after day, the rails hold.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_rails_hold(int32[6] memory drawdowns) public {
        (uint256 ltv, uint256 threshold) = (oracle.ltv(), oracle.liquidationThreshold());
        for (uint256 day = 0; day < drawdowns.length; ++day) {
            _nextDay(1_000e8);
            _update(drawdowns[day]);
            assertLe(oracle.ltv() + 500, oracle.liquidationThreshold());
            assertTrue(oracle.ltv() >= 3_000 && oracle.ltv() <= 8_000);
            assertTrue(oracle.liquidationThreshold() >= 4_000 && oracle.liquidationThreshold() <= 8_600);
            assertApproxEqAbs(oracle.ltv(), ltv, 300);
            assertApproxEqAbs(oracle.liquidationThreshold(), threshold, 300);
            (ltv, threshold) = (oracle.ltv(), oracle.liquidationThreshold());
        }
        assertEq(oracle.updateCounter(), 12);
    }

    function _inputTensor() private view returns (Tensor memory tensor) {
        (AttestedRiskOracle.Config memory c,) = oracle.config();
        uint256[] memory prices = new uint256[](WINDOW + 1);
        uint80[] memory ids = _roundIds();
        for (uint256 i = 0; i < ids.length; ++i) {
            (, int256 answer,,,) = feed.getRoundData(ids[i]);
            prices[i] = uint256(answer);
        }
        tensor = FeedReturns.toTensor(c.source, prices);
    }
}
