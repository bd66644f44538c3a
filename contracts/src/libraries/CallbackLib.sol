// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {LibCall} from "solady/utils/LibCall.sol";
import {IInferenceConsumer} from "../interfaces/IInferenceConsumer.sol";
import {AttestedOutput, Request, RoutePin, Tensor} from "../interfaces/Types.sol";

/// Calls a consumer that may revert, burn its gas or return megabytes, and comes back in any case.
library CallbackLib {
    error CallbackGasTooLow(uint256 available, uint256 wanted);
    error CallbackReverted(bytes32 requestId, address consumer, bytes reason);

    /// What is left for the hub after the call: one storage write and one event with a bounded reason.
    uint256 internal constant MARGIN = 60_000;
    uint16 internal constant MAX_REASON = 256;

    function isWanted(Request calldata r) internal view returns (bool) {
        return r.callbackGas > 0 && r.requester.code.length > 0;
    }

    /// Calls with up to `gasLimit`. Reverts if the consumer cannot be given `r.callbackGas`: otherwise whoever sends the
    /// transaction could make a good consumer fail by sending too little.
    function call(
        bytes32 requestId,
        Request calldata r,
        RoutePin calldata pin,
        Tensor[] calldata outputs,
        uint256 gasLimit
    ) internal returns (bool accepted, bytes memory reason) {
        AttestedOutput memory output = AttestedOutput(r.registrationId, r.inputRoot, pin.route, pin.keyDigest, outputs);
        bytes memory payload = abi.encodeCall(IInferenceConsumer.onInference, (requestId, output));
        // Last before the call: the EVM keeps back a 64th, and the hub must have its margin even if all else is burnt.
        uint256 available = gasleft() * 63 / 64;
        if (available < r.callbackGas + MARGIN) revert CallbackGasTooLow(available, r.callbackGas + MARGIN);
        if (gasLimit > available - MARGIN) gasLimit = available - MARGIN;
        (accepted,, reason) = LibCall.tryCall(r.requester, 0, gasLimit, MAX_REASON, payload);
    }
}
