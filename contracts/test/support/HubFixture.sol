// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {InferenceHub} from "../../src/core/InferenceHub.sol";
import {ModelRegistry} from "../../src/core/ModelRegistry.sol";
import {VerifierRouter} from "../../src/core/VerifierRouter.sol";
import {IInferenceHub} from "../../src/interfaces/IInferenceHub.sol";
import {ModelHeader, Request, RoutePin, Statement, Tensor} from "../../src/interfaces/Types.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {DigestVerifier} from "./DigestVerifier.sol";

/// A hub with one registration: 4 public inputs of 16 bits to 3 outputs, keys bound for routes 1 and 2.
abstract contract HubFixture is Test {
    bytes4 internal constant SELECTOR_1 = 0x11111111;
    bytes4 internal constant SELECTOR_2 = 0x22222222;
    bytes32 internal constant KEY_1 = keccak256("key 1");
    bytes32 internal constant KEY_2 = keccak256("key 2");

    address internal immutable MODEL_OWNER = makeAddr("model owner");
    address internal immutable ADMIN = makeAddr("router owner");
    address internal immutable GUARDIAN = makeAddr("guardian");
    address internal immutable PROVER = makeAddr("prover");
    address internal immutable STRANGER = makeAddr("stranger");
    uint256 internal immutable REQUESTER_KEY;
    address internal immutable REQUESTER;

    VerifierRouter internal router;
    ModelRegistry internal registry;
    InferenceHub internal hub;
    DigestVerifier internal verifier;
    bytes32 internal registrationId;
    bytes32 internal hashedRegistrationId; // the same with a hashed input

    constructor() {
        (REQUESTER, REQUESTER_KEY) = makeAddrAndKey("requester");
    }

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        router = new VerifierRouter(ADMIN, GUARDIAN);
        registry = new ModelRegistry(router);
        hub = new InferenceHub(registry, router);
        verifier = new DigestVerifier();
        vm.startPrank(ADMIN);
        router.add(SELECTOR_1, address(verifier));
        router.add(SELECTOR_2, address(verifier));
        vm.stopPrank();
        registrationId = _register(ioSpec(0));
        hashedRegistrationId = _register(ioSpec(1));
        vm.deal(REQUESTER, 100 ether);
        vm.deal(PROVER, 100 ether);
        vm.deal(STRANGER, 100 ether);
    }

    function ioSpec(uint8 visibility) internal pure returns (bytes memory) {
        return abi.encodePacked(
            hex"01010200000001000000040410", visibility, hex"0000000100020000000001000000030410000000000100"
        );
    }

    function header(bytes memory spec) internal pure returns (ModelHeader memory) {
        return ModelHeader(keccak256("graph"), keccak256("weights"), spec, 1);
    }

    function inputs() internal pure returns (Tensor[] memory) {
        uint32[] memory dims = new uint32[](2);
        (dims[0], dims[1]) = (1, 4);
        return _single(dims, abi.encodePacked(int32(1), int32(-2), int32(32767), int32(-32768)));
    }

    function outputs() internal pure returns (Tensor[] memory) {
        uint32[] memory dims = new uint32[](1);
        dims[0] = 3;
        return _single(dims, abi.encodePacked(int32(-7), int32(0), int32(9)));
    }

    function aRequest() internal view returns (Request memory r) {
        r.requester = REQUESTER;
        r.payer = REQUESTER;
        r.registrationId = registrationId;
        r.inputRoot = StatementLib.inputRoot(inputs());
        r.routes = pins(1);
        r.fee = 1 ether;
        r.bond = 1.5 ether;
        r.proveWindow = 600;
        r.expiry = uint64(block.timestamp) + 1 days;
    }

    /// The standard request with its i-th field changed; unchanged for 0.
    function changed(uint256 i) internal view returns (Request memory r) {
        r = aRequest();
        r.payer = address(0);
        if (i == 1) r.requester = PROVER;
        if (i == 2) r.payer = REQUESTER;
        if (i == 3) r.registrationId = hashedRegistrationId;
        if (i == 4) r.inputRoot = keccak256("another");
        if (i == 5) r.routes = pins(2);
        if (i == 6) r.routes[0].keyDigest = KEY_2;
        if (i == 7) r.fee += 1;
        if (i == 8) r.bond += 1;
        if (i == 9) r.proveWindow += 1;
        if (i == 10) r.expiry += 1;
        if (i == 11) r.callbackGas += 1;
        if (i == 12) r.nonce += 1;
    }

    /// The first `count` of the bound keys.
    function pins(uint256 count) internal pure returns (RoutePin[] memory list) {
        list = new RoutePin[](count);
        if (count > 0) list[0] = RoutePin(1, SELECTOR_1, KEY_1);
        if (count > 1) list[1] = RoutePin(2, SELECTOR_2, KEY_2);
    }

    /// What the test verifier accepts for the request's answer by its `pin`-th route.
    function proofFor(Request memory r, uint256 pin) internal view returns (bytes memory) {
        Statement memory s =
            Statement(registry.modelIdOf(r.registrationId), r.inputRoot, StatementLib.outputRoot(outputs()));
        return verifier.proofOf(r.routes[pin].keyDigest, s);
    }

    function openRequest(Request memory r) internal returns (bytes32) {
        vm.prank(REQUESTER);
        return hub.request{value: r.fee}(r, inputs());
    }

    function assign(Request memory r) internal {
        uint256 bond = hub.bondOf(r);
        vm.prank(PROVER);
        hub.assign{value: bond}(r);
    }

    function fulfil(Request memory r) internal {
        bytes memory proof = proofFor(r, 0);
        vm.prank(PROVER);
        hub.fulfil(r, 1, outputs(), proof);
    }

    /// A request of its own in the given status.
    function reached(IInferenceHub.Status status) internal returns (Request memory r) {
        r = aRequest();
        r.nonce = 1000 + uint256(status);
        if (status == IInferenceHub.Status.None) return r;
        openRequest(r);
        if (status == IInferenceHub.Status.Open) return r;
        if (status == IInferenceHub.Status.Refunded) {
            vm.prank(REQUESTER);
            hub.cancel(r);
            return r;
        }
        assign(r);
        if (status == IInferenceHub.Status.Delivered) fulfil(r);
    }

    function stopVerifier(bytes4 selector) internal {
        vm.prank(GUARDIAN);
        router.stop(selector);
    }

    function signed(Request memory r) internal view returns (bytes memory) {
        (uint8 v, bytes32 r_, bytes32 s) = vm.sign(REQUESTER_KEY, hub.requestIdOf(r));
        return abi.encodePacked(r_, s, v);
    }

    function assertStatus(Request memory r, IInferenceHub.Status expected) internal view {
        assertEq(uint256(hub.statusOf(hub.requestIdOf(r))), uint256(expected));
    }

    function _register(bytes memory spec) private returns (bytes32 id) {
        vm.startPrank(MODEL_OWNER);
        id = registry.register(header(spec), "ipfs://program");
        registry.bindKey(id, 1, SELECTOR_1, KEY_1);
        registry.bindKey(id, 2, SELECTOR_2, KEY_2);
        vm.stopPrank();
    }

    function _single(uint32[] memory dims, bytes memory data) private pure returns (Tensor[] memory list) {
        list = new Tensor[](1);
        list[0] = Tensor(4, dims, data);
    }
}
