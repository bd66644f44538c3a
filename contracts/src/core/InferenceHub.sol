// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IVerifierRouter} from "../interfaces/IVerifierRouter.sol";
import {Request, RoutePin, Statement, Tensor} from "../interfaces/Types.sol";
import {CallbackLib} from "../libraries/CallbackLib.sol";
import {RequestLib} from "../libraries/RequestLib.sol";
import {StatementLib} from "../libraries/StatementLib.sol";
import {Credits} from "./Credits.sol";
import {UnorderedNonces} from "./UnorderedNonces.sol";

/// Requests, their money, and the delivery of their answers; docs/protocol/hub.md tells a request's life. Nobody has
/// any privilege here: every coin in the hub is somebody's credit, a fee in escrow or an assigned prover's bond.
contract InferenceHub is Credits, UnorderedNonces, EIP712, ReentrancyGuardTransient {
    using RequestLib for Request;

    /// All that is stored of a request; the rest comes back in calldata and is checked by its hash.
    struct RequestState {
        Status status;
        uint8 expired; // assignments that ran out
        uint8 liveAtAssignment; // bit i: the i-th pin's verifier was live
        uint8 route; // once delivered
        uint64 deadline; // while assigned: of the prover; once delivered: of the callback's retries
        address prover; // while assigned
        address sponsor; // who paid the fee, if not the requester
        bytes32 undelivered; // output root of an answer whose callback failed
    }

    event Deposited(address indexed account, uint256 amount);

    error NotTheRequester(address caller, address requester);
    error SignatureInvalid(bytes32 requestId, address requester);
    error PayerNotAllowed(address payer);
    error WrongValue(uint256 sent, uint256 expected);
    error BondBelowFee(uint256 bond, uint256 fee);
    error WindowOutOfRange(uint256 proveWindow, uint256 max);
    error CallbackGasOverMax(uint256 callbackGas, uint256 max);
    error RequestExpired(bytes32 requestId, uint256 expiry);
    error NotExpired(bytes32 requestId, uint256 expiry);
    error WrongStatus(bytes32 requestId, Status status, Status expected);
    error NoLiveRoute(bytes32 requestId);
    error NotTheProver(bytes32 requestId, address caller, address prover);
    error DeadlinePassed(bytes32 requestId, uint256 deadline);
    error DeadlineNotReached(bytes32 requestId, uint256 deadline);
    error AssignmentVoid(bytes32 requestId);
    error AssignmentNotVoid(bytes32 requestId);
    error NothingToRetry(bytes32 requestId);
    error OutputRootMismatch(bytes32 expected, bytes32 actual);

    uint64 public constant MAX_PROVE_WINDOW = 30 days;
    uint64 public constant RETRY_WINDOW = 7 days;
    uint32 public constant MAX_CALLBACK_GAS = 2_000_000;
    uint8 public constant MAX_REOPENINGS = 3;

    IModelRegistry public immutable REGISTRY;
    IVerifierRouter public immutable ROUTER;

    mapping(bytes32 requestId => RequestState state) private _states;

    constructor(IModelRegistry registry, IVerifierRouter router) EIP712("inferproof InferenceHub", "1") {
        REGISTRY = registry;
        ROUTER = router;
    }

    /// Opens a request of the caller's own, paid by the value sent, or from the caller's credit if none is sent.
    function request(Request calldata r, Tensor[] calldata inputs) external payable returns (bytes32 requestId) {
        if (msg.sender != r.requester) revert NotTheRequester(msg.sender, r.requester);
        if (r.payer != address(0) && r.payer != r.requester) revert PayerNotAllowed(r.payer);
        requestId = requestIdOf(r);
        if (msg.value == 0) _takeCredit(r.requester, r.fee);
        else if (msg.value != r.fee) revert WrongValue(msg.value, r.fee);
        _open(requestId, r, inputs);
    }

    /// Opens a request that its requester signed (ECDSA or ERC-1271) and anybody submits. The requester's credit pays
    /// if it is named as the payer; the submitter's value does if the payer is zero.
    function requestSigned(Request calldata r, Tensor[] calldata inputs, bytes calldata signature)
        external
        payable
        returns (bytes32 requestId)
    {
        requestId = requestIdOf(r);
        if (!SignatureChecker.isValidSignatureNow(r.requester, requestId, signature)) {
            revert SignatureInvalid(requestId, r.requester);
        }
        if (r.payer == address(0)) {
            if (msg.value != r.fee) revert WrongValue(msg.value, r.fee);
            if (msg.sender != r.requester) _states[requestId].sponsor = msg.sender;
        } else {
            if (r.payer != r.requester) revert PayerNotAllowed(r.payer);
            if (msg.value != 0) revert WrongValue(msg.value, 0);
            _takeCredit(r.requester, r.fee);
        }
        _open(requestId, r, inputs);
    }

    /// Takes the request on: nobody else can answer it until the deadline. The value sent is the bond, exactly.
    function assign(Request calldata r) external payable {
        bytes32 requestId = requestIdOf(r);
        RequestState storage state = _requireStatus(requestId, Status.Open);
        if (block.timestamp >= r.expiry) revert RequestExpired(requestId, r.expiry);
        uint256 bond = _bondAfter(r, state.expired);
        if (msg.value != bond) revert WrongValue(msg.value, bond);
        uint8 live = r.livePins(ROUTER);
        if (live == 0) revert NoLiveRoute(requestId);
        uint64 deadline = uint64(block.timestamp) + r.proveWindow;
        (state.status, state.liveAtAssignment, state.deadline, state.prover) =
        (Status.Assigned, live, deadline, msg.sender);
        emit Assigned(requestId, msg.sender, bond, deadline);
    }

    /// Delivers the answer with a proof of it. Pays the prover whatever the requester's callback does.
    function fulfil(Request calldata r, uint8 route, Tensor[] calldata outputs, bytes calldata proof)
        external
        nonReentrant
    {
        bytes32 requestId = requestIdOf(r);
        RequestState storage state = _requireStatus(requestId, Status.Assigned);
        if (msg.sender != state.prover) revert NotTheProver(requestId, msg.sender, state.prover);
        if (block.timestamp >= state.deadline) revert DeadlinePassed(requestId, state.deadline);
        RoutePin calldata pin = r.pinOf(route);
        bytes32 outputRoot = StatementLib.outputRoot(outputs);
        Statement memory statement = Statement(REGISTRY.modelIdOf(r.registrationId), r.inputRoot, outputRoot);
        ROUTER.verify(pin.selector, pin.keyDigest, statement, proof);

        uint256 bond = _bondAfter(r, state.expired);
        (state.status, state.route) = (Status.Delivered, route);
        (state.deadline, state.prover) = (uint64(block.timestamp) + RETRY_WINDOW, address(0));
        _addCredit(msg.sender, r.fee + bond);
        emit Delivered(requestId, msg.sender, route, outputRoot, outputs);
        if (CallbackLib.isWanted(r)) _callBack(requestId, r, pin, outputs, outputRoot);
    }

    /// Ends an assignment that ran out. The requester gets the bond; the request reopens at twice the bond, or is refunded
    /// after its fourth assignment or once it expired.
    function expire(Request calldata r) external {
        bytes32 requestId = requestIdOf(r);
        RequestState storage state = _requireStatus(requestId, Status.Assigned);
        if (block.timestamp < state.deadline) revert DeadlineNotReached(requestId, state.deadline);
        if (_isVoid(state, r.livePins(ROUTER))) revert AssignmentVoid(requestId);
        address prover = state.prover;
        _addCredit(r.requester, _bondAfter(r, state.expired));
        if (state.expired == MAX_REOPENINGS || block.timestamp >= r.expiry) {
            _refund(requestId, r, state);
        } else {
            state.expired += 1;
            _reopen(requestId, r, state, prover);
        }
    }

    /// Takes back a request that nobody is working on: its requester at any time, anybody once it expired.
    function cancel(Request calldata r) external {
        bytes32 requestId = requestIdOf(r);
        RequestState storage state = _requireStatus(requestId, Status.Open);
        if (msg.sender != r.requester && block.timestamp < r.expiry) revert NotExpired(requestId, r.expiry);
        _refund(requestId, r, state);
    }

    /// Ends an assignment under which a pinned verifier was stopped or removed: the bond goes back to the prover. With
    /// another pin still live the request reopens, and before the deadline only the prover may choose that; with none
    /// the fee is refunded.
    function voidAssignment(Request calldata r) external {
        bytes32 requestId = requestIdOf(r);
        RequestState storage state = _requireStatus(requestId, Status.Assigned);
        uint8 live = r.livePins(ROUTER);
        if (!_isVoid(state, live)) revert AssignmentNotVoid(requestId);
        address prover = state.prover;
        if (live != 0 && msg.sender != prover && block.timestamp < state.deadline) {
            revert NotTheProver(requestId, msg.sender, prover);
        }
        _addCredit(prover, _bondAfter(r, state.expired));
        if (live == 0 || block.timestamp >= r.expiry) _refund(requestId, r, state);
        else _reopen(requestId, r, state, prover);
    }

    /// Hands a failed callback its outputs again, with all the gas the caller gives. Reverts if the consumer does.
    function retryCallback(Request calldata r, Tensor[] calldata outputs) external nonReentrant {
        bytes32 requestId = requestIdOf(r);
        RequestState storage state = _requireStatus(requestId, Status.Delivered);
        bytes32 expected = state.undelivered;
        if (expected == 0 || !CallbackLib.isWanted(r)) revert NothingToRetry(requestId);
        if (block.timestamp >= state.deadline) revert DeadlinePassed(requestId, state.deadline);
        bytes32 outputRoot = StatementLib.outputRoot(outputs);
        if (outputRoot != expected) revert OutputRootMismatch(expected, outputRoot);
        state.undelivered = 0;
        RoutePin calldata pin = r.pinOf(state.route);
        (bool accepted, bytes memory reason) = CallbackLib.call(requestId, r, pin, outputs, gasleft());
        if (!accepted) revert CallbackLib.CallbackReverted(requestId, r.requester, reason);
        emit CallbackSucceeded(requestId, r.requester);
    }

    /// Adds to the caller's own credit, from which `request` pays.
    function deposit() external payable {
        _addCredit(msg.sender, msg.value);
        emit Deposited(msg.sender, msg.value);
    }

    /// The EIP-712 digest that a requester signs, and the request's name everywhere.
    function requestIdOf(Request calldata r) public view returns (bytes32) {
        return _hashTypedDataV4(r.hashStruct());
    }

    function statusOf(bytes32 requestId) external view returns (Status) {
        return _states[requestId].status;
    }

    function stateOf(bytes32 requestId) external view returns (RequestState memory) {
        return _states[requestId];
    }

    /// What `assign` wants as value, or what the assigned prover has at stake.
    function bondOf(Request calldata r) external view returns (uint256) {
        return _bondAfter(r, _states[requestIdOf(r)].expired);
    }

    function _open(bytes32 requestId, Request calldata r, Tensor[] calldata inputs) private {
        _useNonce(r.requester, r.nonce);
        if (r.bond < r.fee) revert BondBelowFee(r.bond, r.fee);
        if (r.proveWindow == 0 || r.proveWindow > MAX_PROVE_WINDOW) {
            revert WindowOutOfRange(r.proveWindow, MAX_PROVE_WINDOW);
        }
        if (r.callbackGas > MAX_CALLBACK_GAS) revert CallbackGasOverMax(r.callbackGas, MAX_CALLBACK_GAS);
        if (block.timestamp >= r.expiry) revert RequestExpired(requestId, r.expiry);
        r.requireBoundPins(REGISTRY, ROUTER);
        r.requireInputs(inputs, REGISTRY.ioSpecOf(r.registrationId));
        _states[requestId].status = Status.Open;
        emit Requested(requestId, r.registrationId, r.requester, r, inputs);
    }

    function _reopen(bytes32 requestId, Request calldata r, RequestState storage state, address prover) private {
        (state.status, state.deadline, state.prover) = (Status.Open, 0, address(0));
        emit Reopened(requestId, prover, _bondAfter(r, state.expired));
    }

    function _refund(bytes32 requestId, Request calldata r, RequestState storage state) private {
        (state.status, state.deadline, state.prover) = (Status.Refunded, 0, address(0));
        address funder = state.sponsor == address(0) ? r.requester : state.sponsor;
        _addCredit(funder, r.fee);
        emit Refunded(requestId, funder, r.fee);
    }

    /// Everything the hub owes is settled before this; what a failing consumer did is undone by the EVM.
    function _callBack(
        bytes32 requestId,
        Request calldata r,
        RoutePin calldata pin,
        Tensor[] calldata outputs,
        bytes32 outputRoot
    ) private {
        (bool accepted, bytes memory reason) = CallbackLib.call(requestId, r, pin, outputs, r.callbackGas);
        if (accepted) {
            emit CallbackSucceeded(requestId, r.requester);
        } else {
            _states[requestId].undelivered = outputRoot;
            emit CallbackFailed(requestId, r.requester, reason);
        }
    }

    function _requireStatus(bytes32 requestId, Status expected) private view returns (RequestState storage state) {
        state = _states[requestId];
        if (state.status != expected) revert WrongStatus(requestId, state.status, expected);
    }

    /// Void: a verifier that the prover could count on when it was assigned is gone.
    function _isVoid(RequestState storage state, uint8 live) private view returns (bool) {
        return state.liveAtAssignment & ~live != 0;
    }

    function _bondAfter(Request calldata r, uint8 expired) private pure returns (uint256) {
        return uint256(r.bond) << expired;
    }
}
