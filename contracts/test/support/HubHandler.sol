// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IInferenceHub} from "../../src/interfaces/IInferenceHub.sol";
import {Request, RoutePin, Statement, Tensor} from "../../src/interfaces/Types.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {HostileConsumer} from "./HostileConsumer.sol";
import {HubFixture} from "./HubFixture.sol";
import {RecordingConsumer} from "./RecordingConsumer.sol";

/// Does random but possible things to a hub and remembers what must follow. Every action that the hub should accept is
/// called without a try, so that a wrong refusal fails the run as well.
contract HubHandler is HubFixture {
    enum Outcome {
        Opened,
        OpenedFromCredit,
        OpenedBySponsor,
        Assigned,
        DeliveredToAccount,
        DeliveredToConsumer,
        CallbackFailed,
        Retried,
        Reopened,
        RefundedAfterExpiries,
        Cancelled,
        VoidedToRefund,
        VoidedToOpen,
        Withdrawn
    }

    uint256 public constant OUTCOMES = 14;

    mapping(Outcome outcome => uint256 count) public reached;
    mapping(bytes32 requestId => uint256 count) public deliveries;
    mapping(bytes32 requestId => IInferenceHub.Status status) public finalStatus;

    RecordingConsumer public consumer;
    HostileConsumer public hostile;

    bytes[] private _requests; // abi.encode(Request)
    bytes4[2] private _selectors;
    uint32 private _selectorCount;
    bytes32 private _registration;
    bytes32[] private _retryable;

    function start() external {
        super.setUp();
        consumer = new RecordingConsumer(hub);
        hostile = new HostileConsumer();
        vm.deal(address(consumer), 1e6 ether);
        vm.deal(address(hostile), 1e6 ether);
        vm.deal(REQUESTER, 1e6 ether);
        vm.deal(PROVER, 1e6 ether);
        vm.deal(STRANGER, 1e6 ether);
        _freshRegistration(0);
        _freshRegistration(1);
    }

    // What the invariants ask for

    function requestCount() external view returns (uint256) {
        return _requests.length;
    }

    function requestAt(uint256 i) public view returns (Request memory) {
        return abi.decode(_requests[i], (Request));
    }

    function accounts() external view returns (address[5] memory) {
        return [REQUESTER, PROVER, STRANGER, address(consumer), address(hostile)];
    }

    function theHub() external view returns (IInferenceHub) {
        return hub;
    }

    // Actions

    function openDirect(uint96 fee, uint96 extra, uint8 routes) external {
        Request memory r = _newRequest(REQUESTER, fee, extra, routes);
        bool credit = r.fee > 0 && hub.creditOf(REQUESTER) >= r.fee;
        vm.prank(REQUESTER);
        hub.request{value: credit ? 0 : r.fee}(r, inputs());
        _opened(r, credit ? Outcome.OpenedFromCredit : Outcome.Opened);
    }

    function openSponsored(uint96 fee, uint96 extra, uint8 routes) external {
        Request memory r = _newRequest(REQUESTER, fee, extra, routes);
        r.payer = address(0);
        bytes memory signature = signed(r);
        vm.prank(STRANGER);
        hub.requestSigned{value: r.fee}(r, inputs(), signature);
        _opened(r, Outcome.OpenedBySponsor);
    }

    function openFromConsumer(uint96 fee, uint96 extra, uint8 routes) external {
        Request memory r = _newRequest(address(consumer), fee, extra, routes);
        r.callbackGas = 250_000;
        consumer.open(r, inputs());
        _opened(r, Outcome.Opened);
    }

    function openFromHostile(uint96 fee, uint96 extra, uint8 attack) external {
        Request memory r = _newRequest(address(hostile), fee, extra, 0);
        r.callbackGas = 250_000;
        hostile.prepare(HostileConsumer.Attack(attack % 5), new bytes[](0));
        hostile.act(address(hub), r.fee, abi.encodeCall(hub.request, (r, inputs())));
        _opened(r, Outcome.Opened);
    }

    function assignOne(uint256 seed) external {
        (bool found, Request memory r, bytes32 id) = _find(seed, IInferenceHub.Status.Open);
        if (!found || block.timestamp >= r.expiry || !_anyLive(r)) return;
        assign(r);
        assertEq(hub.stateOf(id).prover, PROVER);
        _note(Outcome.Assigned);
    }

    function fulfilOne(uint256 seed, bool refusing) external {
        (bool found, Request memory r, bytes32 id) = _find(seed, IInferenceHub.Status.Assigned);
        if (!found || block.timestamp >= hub.stateOf(id).deadline || !_anyLive(r)) return;
        uint256 pin = router.isLive(r.routes[0].selector) ? 0 : 1;
        consumer.refuse(refusing);
        uint256 calls = consumer.calls();
        uint256 expected = hub.creditOf(PROVER) + r.fee + hub.bondOf(r);
        bytes memory proof = proofFor(r, pin);
        vm.prank(PROVER);
        hub.fulfil{gas: 1_000_000}(r, r.routes[pin].route, outputs(), proof);
        assertEq(hub.creditOf(PROVER), expected, "the prover is paid");
        deliveries[id] += 1;
        _ended(id, IInferenceHub.Status.Delivered);
        _noteDelivery(r, id, calls);
    }

    function retryOne(uint256 seed) external {
        if (_retryable.length == 0) return;
        bytes32 id = _retryable[seed % _retryable.length];
        for (uint256 i = 0; i < _requests.length; ++i) {
            Request memory r = requestAt(i);
            if (hub.requestIdOf(r) != id || block.timestamp >= hub.stateOf(id).deadline) continue;
            consumer.refuse(false);
            uint256 calls = consumer.calls();
            hub.retryCallback(r, outputs());
            assertEq(consumer.calls(), calls + 1, "the consumer is called");
            assertEq(hub.stateOf(id).undelivered, 0);
            _retryable[seed % _retryable.length] = _retryable[_retryable.length - 1];
            _retryable.pop();
            _note(Outcome.Retried);
            return;
        }
    }

    function expireOne(uint256 seed) external {
        (bool found, Request memory r, bytes32 id) = _find(seed, IInferenceHub.Status.Assigned);
        if (!found || !_allLive(r)) return;
        if (block.timestamp < hub.stateOf(id).deadline) vm.warp(hub.stateOf(id).deadline);
        bool last = hub.stateOf(id).expired == 3 || block.timestamp >= r.expiry;
        hub.expire(r);
        if (last) _ended(id, IInferenceHub.Status.Refunded);
        _note(last ? Outcome.RefundedAfterExpiries : Outcome.Reopened);
    }

    function cancelOne(uint256 seed) external {
        (bool found, Request memory r, bytes32 id) = _find(seed, IInferenceHub.Status.Open);
        if (!found) return;
        vm.prank(r.requester);
        hub.cancel(r);
        _ended(id, IInferenceHub.Status.Refunded);
        _note(Outcome.Cancelled);
    }

    /// Stops a verifier and lists the program anew with another one, so that the run goes on.
    function stopOne(uint256 seed) external {
        (bool found,,) = _find(seed, IInferenceHub.Status.Assigned);
        if (!found) return;
        stopVerifier(_selectors[seed % 2]);
        _freshRegistration(seed % 2);
    }

    function voidOne(uint256 seed) external {
        (bool found, Request memory r, bytes32 id) = _find(seed, IInferenceHub.Status.Assigned);
        if (!found || _allLive(r)) return;
        bool reopens = _anyLive(r) && block.timestamp < r.expiry;
        vm.prank(PROVER);
        hub.voidAssignment(r);
        if (!reopens) _ended(id, IInferenceHub.Status.Refunded);
        _note(reopens ? Outcome.VoidedToOpen : Outcome.VoidedToRefund);
    }

    function withdrawSome(uint256 seed, uint256 amount) external {
        address account = [REQUESTER, PROVER, STRANGER][seed % 3];
        amount = bound(amount, 0, hub.creditOf(account));
        uint256 before = account.balance;
        vm.prank(account);
        hub.withdraw(amount);
        assertEq(account.balance, before + amount);
        _note(Outcome.Withdrawn);
    }

    function depositSome(uint64 amount) external {
        vm.prank(STRANGER);
        hub.deposit{value: amount}();
    }

    function elapse(uint16 time) external {
        skip(time);
    }

    // Inside

    function _newRequest(address requester, uint96 fee, uint96 extra, uint8 routes)
        private
        view
        returns (Request memory r)
    {
        r = aRequest();
        (r.requester, r.payer, r.registrationId) = (requester, requester, _registration);
        r.fee = uint128(bound(fee, 0, 2 ether));
        r.bond = r.fee + uint128(bound(extra, 0, 2 ether));
        r.nonce = _requests.length;
        r.routes = new RoutePin[](routes % 2 + 1);
        for (uint256 i = 0; i < r.routes.length; ++i) {
            r.routes[i] = RoutePin(uint8(i + 1), _selectors[i], KEY_1);
        }
    }

    function _opened(Request memory r, Outcome outcome) private {
        _requests.push(abi.encode(r));
        assertStatus(r, IInferenceHub.Status.Open);
        _note(outcome);
    }

    function _ended(bytes32 id, IInferenceHub.Status status) private {
        assertEq(uint256(finalStatus[id]), 0, "an end is final");
        finalStatus[id] = status;
    }

    function _noteDelivery(Request memory r, bytes32 id, uint256 calls) private {
        if (r.requester == REQUESTER) return _note(Outcome.DeliveredToAccount);
        if (r.requester == address(consumer) && consumer.calls() == calls) _retryable.push(id);
        _note(hub.stateOf(id).undelivered == 0 ? Outcome.DeliveredToConsumer : Outcome.CallbackFailed);
    }

    function _note(Outcome outcome) private {
        reached[outcome] += 1;
    }

    /// The first request at or after a random place that is in `status`.
    function _find(uint256 seed, IInferenceHub.Status status)
        private
        view
        returns (bool, Request memory r, bytes32 id)
    {
        uint256 count = _requests.length;
        for (uint256 i = 0; i < count; ++i) {
            r = requestAt((seed % count + i) % count);
            id = hub.requestIdOf(r);
            if (hub.statusOf(id) == status) return (true, r, id);
        }
        return (false, r, id);
    }

    function _anyLive(Request memory r) private view returns (bool live) {
        for (uint256 i = 0; i < r.routes.length; ++i) {
            live = live || router.isLive(r.routes[i].selector);
        }
    }

    /// Every verifier that was live at the assignment still is.
    function _allLive(Request memory r) private view returns (bool live) {
        uint8 counted = hub.stateOf(hub.requestIdOf(r)).liveAtAssignment;
        live = true;
        for (uint256 i = 0; i < r.routes.length; ++i) {
            if (counted & (1 << i) != 0 && !router.isLive(r.routes[i].selector)) live = false;
        }
    }

    /// Binds a new selector in place `which`, and lists the program under a new owner with it.
    function _freshRegistration(uint256 which) private {
        _selectors[which] = bytes4(0xf0000000 + ++_selectorCount);
        vm.prank(ADMIN);
        router.add(_selectors[which], address(verifier));
        if (_selectors[1 - which] == 0) return;
        vm.startPrank(vm.addr(0xa11ce + _selectorCount));
        _registration = registry.register(header(ioSpec(0)), "");
        registry.bindKey(_registration, 1, _selectors[0], KEY_1);
        registry.bindKey(_registration, 2, _selectors[1], KEY_1);
        vm.stopPrank();
    }
}
