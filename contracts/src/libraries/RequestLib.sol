// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IVerifierRouter} from "../interfaces/IVerifierRouter.sol";
import {Request, RoutePin, Tensor} from "../interfaces/Types.sol";
import {IoSpecLib, ProgramIo} from "./IoSpecLib.sol";
import {StatementLib} from "./StatementLib.sol";
import {TensorLib} from "./TensorLib.sol";

/// A request's EIP-712 hash, and the checks that it makes sense before any money is taken for it.
library RequestLib {
    error ModelDeprecated(bytes32 registrationId);
    error PinCount(uint256 count, uint256 max);
    error DuplicateRoute(uint8 route);
    error PinIsNotTheBoundKey(uint8 route, bytes4 selector, bytes32 keyDigest);
    error RouteNotLive(uint8 route, bytes4 selector);
    error RouteNotPinned(uint8 route);
    error InputRootMismatch(bytes32 expected, bytes32 actual);
    error HashedInputInCalldata(uint256 tensors);

    uint256 internal constant MAX_PINS = 4;

    bytes32 internal constant PIN_TYPEHASH = keccak256("RoutePin(uint8 route,bytes4 selector,bytes32 keyDigest)");
    bytes32 internal constant REQUEST_TYPEHASH = keccak256(
        "Request(address requester,address payer,bytes32 registrationId,bytes32 inputRoot,RoutePin[] routes,"
        "uint128 fee,uint128 bond,uint64 proveWindow,uint64 expiry,uint32 callbackGas,uint256 nonce)"
        "RoutePin(uint8 route,bytes4 selector,bytes32 keyDigest)"
    );

    /// EIP-712's hashStruct; the hub's domain turns it into the request's id.
    function hashStruct(Request calldata r) internal pure returns (bytes32) {
        return keccak256(
            bytes.concat(
                abi.encode(REQUEST_TYPEHASH, r.requester, r.payer, r.registrationId, r.inputRoot, _hashPins(r.routes)),
                abi.encode(r.fee, r.bond, r.proveWindow, r.expiry, r.callbackGas, r.nonce)
            )
        );
    }

    function _hashPins(RoutePin[] calldata pins) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](pins.length);
        for (uint256 i = 0; i < pins.length; ++i) {
            hashes[i] = keccak256(abi.encode(PIN_TYPEHASH, pins[i].route, pins[i].selector, pins[i].keyDigest));
        }
        return keccak256(abi.encodePacked(hashes));
    }

    /// Every pin is the registration's own bound key, its verifier is live, and no route is named twice.
    function requireBoundPins(Request calldata r, IModelRegistry registry, IVerifierRouter router) internal view {
        if (registry.isDeprecated(r.registrationId)) revert ModelDeprecated(r.registrationId);
        if (r.routes.length == 0 || r.routes.length > MAX_PINS) revert PinCount(r.routes.length, MAX_PINS);
        for (uint256 i = 0; i < r.routes.length; ++i) {
            RoutePin calldata pin = r.routes[i];
            for (uint256 j = 0; j < i; ++j) {
                if (r.routes[j].route == pin.route) revert DuplicateRoute(pin.route);
            }
            IModelRegistry.RouteKey memory key = registry.keyOf(r.registrationId, pin.route);
            // An unbound key is all zero, and so is a pin made up to equal it.
            if (key.keyDigest == 0 || key.keyDigest != pin.keyDigest || key.selector != pin.selector) {
                revert PinIsNotTheBoundKey(pin.route, pin.selector, pin.keyDigest);
            }
            if (!router.isLive(pin.selector)) revert RouteNotLive(pin.route, pin.selector);
        }
    }

    /// A program with public inputs gets them in calldata, so that anybody can prove or check the answer; one with
    /// hashed inputs gets none, and its inputRoot is a commitment that only a proof can open.
    function requireInputs(Request calldata r, Tensor[] calldata inputs, bytes memory ioSpec) internal pure {
        ProgramIo memory io = IoSpecLib.parse(ioSpec);
        if (io.hashedInputs) {
            if (inputs.length != 0) revert HashedInputInCalldata(inputs.length);
            return;
        }
        Tensor[] memory tensors = inputs;
        TensorLib.requireFit(io.inputs, tensors);
        bytes32 root = StatementLib.inputRoot(tensors);
        if (root != r.inputRoot) revert InputRootMismatch(r.inputRoot, root);
    }

    function pinOf(Request calldata r, uint8 route) internal pure returns (RoutePin calldata) {
        for (uint256 i = 0; i < r.routes.length; ++i) {
            if (r.routes[i].route == route) return r.routes[i];
        }
        revert RouteNotPinned(route);
    }

    /// Bit i is set while the i-th pin's verifier is live.
    function livePins(Request calldata r, IVerifierRouter router) internal view returns (uint8 mask) {
        for (uint256 i = 0; i < r.routes.length; ++i) {
            if (router.isLive(r.routes[i].selector)) mask |= uint8(1 << i);
        }
    }
}
