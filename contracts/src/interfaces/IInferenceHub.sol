// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ICredits} from "./ICredits.sol";
import {Request, Tensor} from "./Types.sol";

interface IInferenceHub is ICredits {
    enum Status {
        None,
        Open,
        Assigned,
        Delivered,
        Refunded
    }

    event Requested(
        bytes32 indexed requestId,
        bytes32 indexed registrationId,
        address indexed requester,
        Request request,
        Tensor[] inputs
    );
    event Assigned(bytes32 indexed requestId, address indexed prover, uint256 bond, uint64 deadline);
    event Reopened(bytes32 indexed requestId, address indexed prover, uint256 nextBond);
    event Delivered(
        bytes32 indexed requestId, address indexed prover, uint8 route, bytes32 outputRoot, Tensor[] outputs
    );
    event CallbackFailed(bytes32 indexed requestId, address indexed consumer, bytes reason);
    event CallbackSucceeded(bytes32 indexed requestId, address indexed consumer);
    event Refunded(bytes32 indexed requestId, address indexed requester, uint256 amount);

    function request(Request calldata r, Tensor[] calldata inputs) external payable returns (bytes32 requestId);
    function requestSigned(Request calldata r, Tensor[] calldata inputs, bytes calldata signature)
        external
        payable
        returns (bytes32 requestId);
    function assign(Request calldata r) external payable;
    function fulfil(Request calldata r, uint8 route, Tensor[] calldata outputs, bytes calldata proof) external;
    function expire(Request calldata r) external;
    function cancel(Request calldata r) external;
    function voidAssignment(Request calldata r) external;
    function retryCallback(Request calldata r, Tensor[] calldata outputs) external;
    function cancelNonce(uint256 nonce) external;
    function deposit() external payable;

    function requestIdOf(Request calldata r) external view returns (bytes32);
    function statusOf(bytes32 requestId) external view returns (Status);
}
