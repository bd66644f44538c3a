// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {InferenceConsumer} from "../core/InferenceConsumer.sol";
import {IInferenceHub} from "../interfaces/IInferenceHub.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {AttestedOutput, Request, RoutePin, Tensor} from "../interfaces/Types.sol";
import {StatementLib} from "../libraries/StatementLib.sol";
import {TensorLib} from "../libraries/TensorLib.sol";
import {FeedReturns} from "./FeedReturns.sol";
import {Rails, RiskRails} from "./RiskRails.sol";
import {RiskUpdates} from "./RiskUpdates.sol";

/// Publishes a loan-to-value ratio and a liquidation threshold that follow from a registered model's attested output on
/// returns this contract builds from a price feed. Anybody may ask for an update; nobody may choose its input, and no
/// account can set a value: everything in the constructor is final.
///
/// Stewards that read this interface ignore updates older than six hours, so ask for one when it is about to be read.
contract AttestedRiskOracle is InferenceConsumer, RiskUpdates {
    using RiskRails for Rails;

    /// The program: the source's window of returns in, one drawdown in [0, 1] out.
    struct Model {
        IModelRegistry registry;
        bytes32 registrationId;
        uint8 outputScaleBits;
    }

    /// What each request offers and demands; see `Request`.
    struct Terms {
        uint128 fee;
        uint128 bond;
        uint32 proveWindow;
        uint32 callbackGas;
    }

    struct Config {
        address market; // the collateral asset that the published values are for
        Model model;
        FeedReturns.Source source;
        Terms terms;
        Rails rails;
        uint32 minDelay; // seconds between two applied updates, at least
        uint32 maxResultAge; // seconds between observation and application, at most
        uint16 initialLtv; // in force until the first update, in basis points
        uint16 initialThreshold;
    }

    enum Skip {
        Malformed,
        OlderThanApplied,
        TooOld,
        TooSoon
    }

    error ModelNotAsConfigured(bytes32 registrationId, bytes ioSpec);
    error PinsMissing();
    error PinNotBound(uint8 route, bytes4 selector, bytes32 keyDigest);
    error ResultAgeWithinProveWindow(uint256 maxResultAge, uint256 proveWindow);
    error AlreadyApplied(uint256 observedAt);
    error TooSoonToAsk(uint256 nextUpdate);
    error TooLateToProve(uint256 observedAt, uint256 lastAssignment);
    error WrongFee(uint256 sent, uint256 fee);
    error AlreadySponsored(uint256 observedAt);

    event UpdateRequested(bytes32 indexed requestId, uint256 indexed observedAt, address indexed caller);
    event UpdateApplied(bytes32 indexed requestId, uint256 indexed observedAt, int256 drawdown);
    event UpdateSkipped(bytes32 indexed requestId, uint256 indexed observedAt, Skip reason);
    event Sponsored(address indexed sponsor, uint256 amount);

    uint256 private constant IO_SPEC_LENGTH = 41;

    uint256 public requestCount;
    uint64 public appliedObservation; // observation time of the last applied result
    uint64 public appliedAt;

    mapping(bytes32 requestId => uint64 observedAt) public observationOf;
    mapping(uint256 observedAt => bool) public sponsoredAt;

    Config private _config;
    RoutePin[] private _pins;

    constructor(IInferenceHub hub, Config memory c, RoutePin[] memory pins)
        InferenceConsumer(hub)
        RiskUpdates(c.market, c.initialLtv, c.initialThreshold)
    {
        FeedReturns.requireValid(c.source);
        c.rails.requireConsistent();
        c.rails.requireInside(c.initialLtv, c.initialThreshold);
        if (c.maxResultAge <= c.terms.proveWindow) {
            revert ResultAgeWithinProveWindow(c.maxResultAge, c.terms.proveWindow);
        }
        _requireModelAsConfigured(c);
        _storePins(c.model, pins);
        _config = c;
    }

    /// Asks for an update on the returns up to the last midnight before now. `roundIds[i]` names the feed's last round at
    /// or before i days earlier; no other list is accepted. Pay the fee, or send nothing to spend what was sponsored,
    /// once an observation. Any number of requests may be open; the first result that arrives in time is applied.
    function requestUpdate(uint80[] calldata roundIds) external payable returns (bytes32 requestId) {
        Config memory c = _config;
        uint256 observedAt = FeedReturns.observationTime(block.timestamp);
        if (observedAt <= appliedObservation) revert AlreadyApplied(observedAt);
        // Else a result could be proven at once, be paid for, and be skipped as too soon.
        if (block.timestamp < _nextUpdate(c.minDelay)) revert TooSoonToAsk(_nextUpdate(c.minDelay));
        _takeFee(c.terms.fee, observedAt);

        Tensor[] memory inputs = new Tensor[](1);
        inputs[0] = FeedReturns.inputAt(c.source, observedAt, roundIds);
        requestId = _openRequest(_requestFor(c, observedAt, StatementLib.inputRoot(inputs)), inputs);
        observationOf[requestId] = uint64(observedAt);
        emit UpdateRequested(requestId, observedAt, msg.sender);
    }

    /// Pays for updates in advance. What was paid for an update that nobody delivered stays for later ones, too.
    function sponsor() external payable {
        HUB.deposit{value: msg.value}();
        emit Sponsored(msg.sender, msg.value);
    }

    function config() external view returns (Config memory, RoutePin[] memory) {
        return (_config, _pins);
    }

    /// Never reverts by itself: what may not be applied is skipped with the reason. The prover is paid either way.
    function _onAttested(bytes32 requestId, AttestedOutput calldata output) internal override {
        uint256 observedAt = observationOf[requestId];
        (bool wellFormed, int32 drawdown) = _scalar(output.outputs);
        if (!wellFormed) {
            emit UpdateSkipped(requestId, observedAt, Skip.Malformed);
        } else if (observedAt <= appliedObservation) {
            emit UpdateSkipped(requestId, observedAt, Skip.OlderThanApplied);
        } else if (block.timestamp > observedAt + _config.maxResultAge) {
            emit UpdateSkipped(requestId, observedAt, Skip.TooOld);
        } else if (block.timestamp < _nextUpdate(_config.minDelay)) {
            emit UpdateSkipped(requestId, observedAt, Skip.TooSoon);
        } else {
            _apply(Origin(requestId, uint64(observedAt), drawdown));
        }
    }

    function _apply(Origin memory origin) private {
        Rails memory rails = _config.rails;
        (uint256 newLtv, uint256 newThreshold) =
            rails.next(ltv, liquidationThreshold, origin.drawdown, _config.model.outputScaleBits);
        appliedObservation = origin.observedAt;
        appliedAt = uint64(block.timestamp);
        _publish(origin, uint16(newLtv), uint16(newThreshold));
        emit UpdateApplied(origin.requestId, origin.observedAt, origin.drawdown);
    }

    function _nextUpdate(uint256 minDelay) private view returns (uint256) {
        return appliedAt + minDelay;
    }

    /// Every fee goes through the hub's credit, which the request is then paid from. Sponsored money is spent at most
    /// once an observation, so that nobody empties it with requests for the same result.
    function _takeFee(uint256 fee, uint256 observedAt) private {
        if (msg.value == 0) {
            if (sponsoredAt[observedAt]) revert AlreadySponsored(observedAt);
            uint256 credit = HUB.creditOf(address(this));
            if (credit < fee) revert WrongFee(credit, fee);
            sponsoredAt[observedAt] = true;
        } else {
            if (msg.value != fee) revert WrongFee(msg.value, fee);
            HUB.deposit{value: fee}();
        }
    }

    /// Open for as long as a prover that is assigned at the last moment still delivers a result that may be applied.
    function _requestFor(Config memory c, uint256 observedAt, bytes32 inputRoot) private returns (Request memory) {
        uint256 lastAssignment = observedAt + c.maxResultAge - c.terms.proveWindow;
        if (block.timestamp >= lastAssignment) revert TooLateToProve(observedAt, lastAssignment);
        return Request({
            requester: address(this),
            payer: address(this),
            registrationId: c.model.registrationId,
            inputRoot: inputRoot,
            routes: _pins,
            fee: c.terms.fee,
            bond: c.terms.bond,
            proveWindow: c.terms.proveWindow,
            expiry: uint64(lastAssignment),
            callbackGas: c.terms.callbackGas,
            nonce: requestCount++
        });
    }

    /// One value of dims [1, 1].
    function _scalar(Tensor[] calldata outputs) private pure returns (bool, int32) {
        if (outputs.length != 1) return (false, 0);
        Tensor calldata t = outputs[0];
        bool shaped = t.width == 4 && t.dims.length == 2 && t.dims[0] == 1 && t.dims[1] == 1 && t.data.length == 4;
        return shaped ? (true, int32(TensorLib.valueAt(t.data, 0))) : (false, int32(0));
    }

    /// The ioSpec must be the configured one, but for which op gives the output and in how many bits.
    function _requireModelAsConfigured(Config memory c) private view {
        bytes memory spec = c.model.registry.ioSpecOf(c.model.registrationId);
        bool same = spec.length == IO_SPEC_LENGTH && c.model.outputScaleBits < 32;
        if (same) {
            bytes memory input = _publicPort(c.source.window, spec[12], c.source.scaleBits);
            bytes memory operand = bytes.concat(spec[19], spec[20], spec[21], spec[22], spec[23]);
            bytes memory result = _publicPort(1, spec[34], c.model.outputScaleBits);
            bool bitsSame = uint8(spec[12]) == c.source.bits;
            same = bitsSame && keccak256(spec) == keccak256(bytes.concat(hex"0101", input, operand, result));
        }
        if (!same) revert ModelNotAsConfigured(c.model.registrationId, spec);
    }

    /// The bytes of a public port of dims [1, columns] with one scale; docs/protocol/statement.md section 5.
    function _publicPort(uint32 columns, bytes1 bits, uint8 scaleBits) private pure returns (bytes memory) {
        return abi.encodePacked(uint8(2), uint32(1), columns, uint8(4), bits, uint8(0), uint32(1), scaleBits);
    }

    function _storePins(Model memory model, RoutePin[] memory pins) private {
        if (pins.length == 0) revert PinsMissing();
        for (uint256 i = 0; i < pins.length; ++i) {
            RoutePin memory pin = pins[i];
            IModelRegistry.RouteKey memory key = model.registry.keyOf(model.registrationId, pin.route);
            bool bound = key.keyDigest != 0 && key.keyDigest == pin.keyDigest && key.selector == pin.selector;
            if (!bound) revert PinNotBound(pin.route, pin.selector, pin.keyDigest);
            _pins.push(pin);
        }
    }
}
