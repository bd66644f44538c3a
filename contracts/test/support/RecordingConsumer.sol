// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {InferenceConsumer} from "../../src/core/InferenceConsumer.sol";
import {IInferenceHub} from "../../src/interfaces/IInferenceHub.sol";
import {AttestedOutput, Request, Tensor} from "../../src/interfaces/Types.sol";

/// A consumer that does nothing but remember, or revert while it is told to.
contract RecordingConsumer is InferenceConsumer {
    error NotNow();

    bytes32 public lastRequest;
    bytes32 public lastOutputs;
    uint256 public calls;
    uint256 public gasOnEntry;
    bool public refusing;

    constructor(IInferenceHub hub) payable InferenceConsumer(hub) {}

    receive() external payable {}

    function open(Request memory r, Tensor[] memory inputs) external returns (bytes32) {
        return _openRequest(r, inputs);
    }

    function refuse(bool refusing_) external {
        refusing = refusing_;
    }

    function _onAttested(bytes32 requestId, AttestedOutput calldata output) internal override {
        uint256 left = gasleft();
        if (refusing) revert NotNow();
        (lastRequest, lastOutputs, gasOnEntry) = (requestId, keccak256(abi.encode(output.outputs)), left);
        calls += 1;
    }
}
