// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IInferenceHub} from "../../src/interfaces/IInferenceHub.sol";
import {Request, RoutePin, Tensor} from "../../src/interfaces/Types.sol";
import {AttestedRiskOracle} from "../../src/examples/AttestedRiskOracle.sol";
import {FeedReturns} from "../../src/examples/FeedReturns.sol";
import {RiskRails} from "../../src/examples/RiskRails.sol";
import {OracleFixture} from "./support/OracleFixture.sol";

/// What an update is asked about, who pays for it, and which deployments are refused.
contract OracleRequestsTest is OracleFixture {
    function test_anybody_asks_and_everybody_asks_the_same() public {
        (Request memory one,) = _ask();
        vm.warp(block.timestamp + 3 hours);
        feed.push(5_000e8, uint64(block.timestamp)); // a price of today changes nothing about last midnight
        uint80[] memory ids = new uint80[](WINDOW + 1);
        for (uint80 i = 0; i <= WINDOW; ++i) {
            ids[i] = (uint80(1) << 64) + WINDOW + 1 - i;
        }
        hoax(makeAddr("stranger"), FEE);
        vm.recordLogs();
        oracle.requestUpdate{value: FEE}(ids);
        Request memory other = _requestIn(vm.getRecordedLogs());
        assertEq(one.inputRoot, other.inputRoot);
        assertTrue(one.nonce != other.nonce);
    }

    function test_a_caller_cannot_change_the_input_by_choosing_other_rounds() public {
        uint80[] memory ids = _roundIds();
        uint80 right = ids[2];
        for (uint80 number = 1; number <= WINDOW + 1; ++number) {
            ids[2] = (uint80(1) << 64) | number;
            if (ids[2] == right) continue;
            vm.expectRevert();
            vm.prank(keeper);
            oracle.requestUpdate{value: FEE}(ids);
        }
        ids[2] = right;
        vm.prank(keeper);
        oracle.requestUpdate{value: FEE}(ids);
    }

    function test_refuses_request_whose_result_would_come_too_late() public {
        uint80[] memory ids = _roundIds();
        vm.warp(START + 7 hours);
        vm.expectRevert(abi.encodeWithSelector(AttestedRiskOracle.TooLateToProve.selector, START, START + 7 hours));
        vm.prank(keeper);
        oracle.requestUpdate{value: FEE}(ids);
    }

    /// Or a prover could ask on sponsored money, answer at once, and be paid for a result that is skipped as too soon.
    function test_refuses_request_within_the_minimum_delay() public {
        vm.warp(START + 6 hours);
        _update(0);
        _nextDay(1_000e8); // 18 hours later
        vm.prank(keeper);
        oracle.sponsor{value: FEE}();
        uint80[] memory ids = _roundIds();
        vm.expectRevert(abi.encodeWithSelector(AttestedRiskOracle.TooSoonToAsk.selector, START + 26 hours));
        oracle.requestUpdate(ids);
        vm.warp(START + 26 hours);
        oracle.requestUpdate(ids);
    }

    function test_refuses_another_value_than_the_fee() public {
        uint80[] memory ids = _roundIds();
        vm.startPrank(keeper);
        vm.expectRevert(abi.encodeWithSelector(AttestedRiskOracle.WrongFee.selector, FEE - 1, FEE));
        oracle.requestUpdate{value: FEE - 1}(ids);
        vm.expectRevert(abi.encodeWithSelector(AttestedRiskOracle.WrongFee.selector, FEE + 1, FEE));
        oracle.requestUpdate{value: FEE + 1}(ids);
        vm.expectRevert(abi.encodeWithSelector(AttestedRiskOracle.WrongFee.selector, 0, FEE));
        oracle.requestUpdate(ids);
    }

    function test_sponsored_money_pays_once_an_observation() public {
        vm.prank(keeper);
        oracle.sponsor{value: 3 * FEE}();
        uint80[] memory ids = _roundIds();
        oracle.requestUpdate(ids);
        assertEq(hub.creditOf(address(oracle)), 2 * FEE);
        vm.expectRevert(abi.encodeWithSelector(AttestedRiskOracle.AlreadySponsored.selector, START));
        oracle.requestUpdate(ids);
        // A paying caller is not held up by it, and leaves the sponsored money alone.
        (Request memory r,) = _ask();
        assertEq(hub.creditOf(address(oracle)), 2 * FEE);
        _answer(r, 0);
        _nextDay(1_000e8);
        oracle.requestUpdate(_roundIds());
        assertEq(hub.creditOf(address(oracle)), FEE);
    }

    function test_money_of_an_undelivered_update_pays_for_a_later_one() public {
        (Request memory r, bytes32 requestId) = _ask();
        _assign(r);
        vm.warp(START + 8 hours);
        hub.expire(r);
        assertEq(uint8(hub.statusOf(requestId)), uint8(IInferenceHub.Status.Refunded));
        assertEq(hub.creditOf(address(oracle)), FEE + 2 ether); // with the bond the prover lost
        assertEq(address(oracle).balance, 0);
        _nextDay(1_000e8);
        oracle.requestUpdate(_roundIds());
        assertEq(hub.creditOf(address(oracle)), 2 ether);
    }

    function test_refuses_model_of_another_shape_or_scale() public {
        AttestedRiskOracle.Config memory c = _config();
        bytes[6] memory specs = [
            _ioSpec(WINDOW + 1, 15, 0, OUT_SCALE),
            _ioSpec(WINDOW, 14, 0, OUT_SCALE),
            _ioSpec(WINDOW, 15, 1, OUT_SCALE), // hashed: the hub could not bind it to the feed
            _ioSpec(WINDOW, 15, 0, OUT_SCALE - 1),
            _twoInputs(),
            _otherBits()
        ];
        for (uint256 i = 0; i < specs.length; ++i) {
            bytes32 id = _register(specs[i]);
            registry.bindKey(id, 1, SELECTOR, KEY);
            c.model.registrationId = id;
            vm.expectRevert(abi.encodeWithSelector(AttestedRiskOracle.ModelNotAsConfigured.selector, id, specs[i]));
            new AttestedRiskOracle(hub, c, _pins());
        }
    }

    function test_refuses_output_scale_that_is_negative_in_the_model() public {
        AttestedRiskOracle.Config memory c = _config();
        c.model.outputScaleBits = 200; // the byte of -56
        bytes memory spec = _ioSpec(WINDOW, 15, 0, 200);
        c.model.registrationId = _register(spec);
        registry.bindKey(c.model.registrationId, 1, SELECTOR, KEY);
        vm.expectRevert(
            abi.encodeWithSelector(AttestedRiskOracle.ModelNotAsConfigured.selector, c.model.registrationId, spec)
        );
        new AttestedRiskOracle(hub, c, _pins());
    }

    function test_refuses_key_that_is_not_bound() public {
        RoutePin[] memory pins = _pins();
        pins[0].keyDigest = keccak256("another key");
        vm.expectRevert(abi.encodeWithSelector(AttestedRiskOracle.PinNotBound.selector, 1, SELECTOR, pins[0].keyDigest));
        new AttestedRiskOracle(hub, _config(), pins);
        pins[0] = RoutePin(1, 0x0a0b0c0e, KEY);
        vm.expectRevert(abi.encodeWithSelector(AttestedRiskOracle.PinNotBound.selector, 1, bytes4(0x0a0b0c0e), KEY));
        new AttestedRiskOracle(hub, _config(), pins);
        pins[0] = RoutePin(2, bytes4(0), bytes32(0)); // equals what an unbound route reads as
        vm.expectRevert(abi.encodeWithSelector(AttestedRiskOracle.PinNotBound.selector, 2, bytes4(0), bytes32(0)));
        new AttestedRiskOracle(hub, _config(), pins);
        vm.expectRevert(AttestedRiskOracle.PinsMissing.selector);
        new AttestedRiskOracle(hub, _config(), new RoutePin[](0));
    }

    function test_refuses_rails_that_do_not_hold_together() public {
        AttestedRiskOracle.Config memory c = _config();
        c.rails.minThreshold = 3_499; // under minLtv + gap
        vm.expectRevert(abi.encodeWithSelector(RiskRails.RailsInconsistent.selector, c.rails));
        new AttestedRiskOracle(hub, c, _pins());
        c = _config();
        c.rails.maxThreshold = 10_001;
        vm.expectRevert(abi.encodeWithSelector(RiskRails.RailsInconsistent.selector, c.rails));
        new AttestedRiskOracle(hub, c, _pins());
        c = _config();
        c.rails.maxStep = 0; // nothing would ever move
        vm.expectRevert(abi.encodeWithSelector(RiskRails.RailsInconsistent.selector, c.rails));
        new AttestedRiskOracle(hub, c, _pins());
        c = _config();
        c.initialLtv = 7_301; // within its own bounds, but not a gap below the threshold
        vm.expectRevert(abi.encodeWithSelector(RiskRails.StartOutsideRails.selector, 7_301, 7_800));
        new AttestedRiskOracle(hub, c, _pins());
    }

    function test_refuses_result_age_that_no_prover_could_meet() public {
        AttestedRiskOracle.Config memory c = _config();
        c.maxResultAge = PROVE_WINDOW;
        vm.expectRevert(
            abi.encodeWithSelector(AttestedRiskOracle.ResultAgeWithinProveWindow.selector, PROVE_WINDOW, PROVE_WINDOW)
        );
        new AttestedRiskOracle(hub, c, _pins());
    }

    function _twoInputs() private pure returns (bytes memory) {
        bytes memory spec = _ioSpec(WINDOW, 15, 0, OUT_SCALE);
        bytes memory port = abi.encodePacked(uint8(2), uint32(1), uint32(1), uint8(4), uint8(16), uint8(0));
        bytes memory rest = new bytes(spec.length - 2);
        for (uint256 i = 0; i < rest.length; ++i) {
            rest[i] = spec[i + 2];
        }
        return bytes.concat(hex"0201", port, abi.encodePacked(uint32(1), uint8(0)), rest);
    }

    function _otherBits() private pure returns (bytes memory spec) {
        spec = _ioSpec(WINDOW, 15, 0, OUT_SCALE);
        spec[12] = 0x18;
    }
}

/// The sizes the lending example runs at: 60 returns.
contract OracleAtFullWindowTest is OracleFixture {
    function _window() internal pure override returns (uint16) {
        return 60;
    }

    function test_sixty_returns_fit_a_transaction_with_room() public {
        uint80[] memory ids = _roundIds();
        vm.prank(keeper);
        uint256 before = gasleft();
        oracle.requestUpdate{value: FEE}(ids);
        assertLt(before - gasleft(), 2_500_000); // of the 2^24 that a transaction may use
    }

    function test_callback_needs_less_gas_than_it_is_given() public {
        (Request memory r,) = _ask();
        _assign(r);
        vm.expectEmit(true, true, false, false, address(hub));
        emit IInferenceHub.CallbackSucceeded(hub.requestIdOf(r), address(oracle));
        _fulfil(r, _output(ONE / 5));
        assertEq(oracle.updateCounter(), 2);
    }
}
