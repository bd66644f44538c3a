// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {AttestedOutput} from "./Types.sol";

interface IInferenceConsumer {
    /// Called by the hub with a final output. State and payment of the request are settled before this call.
    function onInference(bytes32 requestId, AttestedOutput calldata output) external;
}
