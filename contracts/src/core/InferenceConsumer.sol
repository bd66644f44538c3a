// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IInferenceConsumer} from "../interfaces/IInferenceConsumer.sol";
import {IInferenceHub} from "../interfaces/IInferenceHub.sol";
import {AttestedOutput, Request, Tensor} from "../interfaces/Types.sol";

/// Base of a contract that acts on attested outputs. It accepts a callback only from the hub, only once, and only for
/// a request that this contract itself opened, with the program, the input and a pinned key that it stored then.
abstract contract InferenceConsumer is IInferenceConsumer {
    error NotTheHub(address caller, address hub);
    error NotOpenedHere(bytes32 requestId);
    error OtherProgramOrInput(bytes32 requestId, bytes32 registrationId, bytes32 inputRoot);
    error KeyNotPinned(bytes32 requestId, uint8 route, bytes32 keyDigest);
    error RequesterIsNotThis(address requester);

    IInferenceHub public immutable HUB;

    /// keccak256(registrationId, inputRoot) of each request opened here and not yet answered.
    mapping(bytes32 requestId => bytes32 subject) private _subjectOf;
    mapping(bytes32 requestId => mapping(uint8 route => bytes32 keyDigest)) private _pinnedKey;

    constructor(IInferenceHub hub) {
        HUB = hub;
    }

    /// Never reached for a request that somebody else opened, even through the same hub with the same values.
    function onInference(bytes32 requestId, AttestedOutput calldata output) external {
        if (msg.sender != address(HUB)) revert NotTheHub(msg.sender, address(HUB));
        bytes32 subject = _subjectOf[requestId];
        if (subject == 0) revert NotOpenedHere(requestId);
        if (subject != _subject(output.registrationId, output.inputRoot)) {
            revert OtherProgramOrInput(requestId, output.registrationId, output.inputRoot);
        }
        if (_pinnedKey[requestId][output.route] != output.keyDigest || output.keyDigest == 0) {
            revert KeyNotPinned(requestId, output.route, output.keyDigest);
        }
        delete _subjectOf[requestId];
        delete _pinnedKey[requestId][output.route];
        _onAttested(requestId, output);
    }

    /// True from opening until the answer is applied; an answer whose `_onAttested` reverted can be retried.
    function isAwaited(bytes32 requestId) external view returns (bool) {
        return _subjectOf[requestId] != 0;
    }

    /// Opens `r` at the hub and remembers what its answer must match. The fee comes from this contract's credit at the
    /// hub where that suffices (earlier refunds), otherwise from its balance.
    function _openRequest(Request memory r, Tensor[] memory inputs) internal returns (bytes32 requestId) {
        if (r.requester != address(this)) revert RequesterIsNotThis(r.requester);
        uint256 value = HUB.creditOf(address(this)) >= r.fee ? 0 : r.fee;
        requestId = HUB.request{value: value}(r, inputs);
        _subjectOf[requestId] = _subject(r.registrationId, r.inputRoot);
        for (uint256 i = 0; i < r.routes.length; ++i) {
            _pinnedKey[requestId][r.routes[i].route] = r.routes[i].keyDigest;
        }
    }

    /// What to do with a final output. A revert here leaves the hub's payment untouched and allows a retry.
    function _onAttested(bytes32 requestId, AttestedOutput calldata output) internal virtual;

    function _subject(bytes32 registrationId, bytes32 inputRoot) private pure returns (bytes32) {
        return keccak256(abi.encode(registrationId, inputRoot));
    }
}
