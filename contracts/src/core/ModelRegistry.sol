// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {SSTORE2} from "solady/utils/SSTORE2.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IVerifierRouter} from "../interfaces/IVerifierRouter.sol";
import {ModelHeader} from "../interfaces/Types.sol";
import {IoSpecLib} from "../libraries/IoSpecLib.sol";
import {StatementLib} from "../libraries/StatementLib.sol";

/// Listings of programs and, per route, the verifier key of each. A key once bound never changes; nobody but the
/// registration's owner can bind one, and nobody at all can change what a registration means.
contract ModelRegistry is IModelRegistry {
    struct Registration {
        bytes32 modelId;
        address owner;
        bool deprecated;
        address ioSpecAt; // a contract whose code holds the ioSpec (SSTORE2)
        string locator;
    }

    error AlreadyRegistered(bytes32 registrationId);
    error UnknownRegistration(bytes32 registrationId);
    error NotTheOwner(bytes32 registrationId, address caller, address owner);
    error UnknownRoute(uint8 route);
    error ZeroKeyDigest(bytes32 registrationId, uint8 route);
    error KeyAlreadyBound(bytes32 registrationId, uint8 route, bytes4 selector, bytes32 keyDigest);
    error SelectorNotLive(bytes4 selector);

    uint8 public constant FIRST_ROUTE = 1;
    uint8 public constant LAST_ROUTE = 4;

    IVerifierRouter public immutable ROUTER;

    mapping(bytes32 registrationId => Registration registration) private _registrations;
    mapping(bytes32 registrationId => mapping(uint8 route => RouteKey key)) private _keys;

    constructor(IVerifierRouter router) {
        ROUTER = router;
    }

    modifier onlyOwnerOf(bytes32 registrationId) {
        address owner = _known(registrationId).owner;
        if (msg.sender != owner) revert NotTheOwner(registrationId, msg.sender, owner);
        _;
    }

    /// @inheritdoc IModelRegistry
    function register(ModelHeader calldata header, string calldata locator) external returns (bytes32 registrationId) {
        bytes32 modelId = StatementLib.modelId(header);
        registrationId = registrationIdOf(msg.sender, modelId);
        Registration storage registration = _registrations[registrationId];
        if (registration.owner != address(0)) revert AlreadyRegistered(registrationId);
        IoSpecLib.parse(header.ioSpec);
        registration.modelId = modelId;
        registration.owner = msg.sender;
        registration.ioSpecAt = SSTORE2.write(header.ioSpec);
        registration.locator = locator;
        emit ModelRegistered(registrationId, modelId, msg.sender, locator);
    }

    function bindKey(bytes32 registrationId, uint8 route, bytes4 selector, bytes32 keyDigest)
        external
        onlyOwnerOf(registrationId)
    {
        if (route < FIRST_ROUTE || route > LAST_ROUTE) revert UnknownRoute(route);
        if (keyDigest == 0) revert ZeroKeyDigest(registrationId, route);
        RouteKey storage key = _keys[registrationId][route];
        if (key.keyDigest != 0) revert KeyAlreadyBound(registrationId, route, key.selector, key.keyDigest);
        if (!ROUTER.isLive(selector)) revert SelectorNotLive(selector);
        (key.selector, key.keyDigest) = (selector, keyDigest);
        emit RouteKeyBound(registrationId, route, selector, keyDigest);
    }

    function setLocator(bytes32 registrationId, string calldata locator) external onlyOwnerOf(registrationId) {
        _registrations[registrationId].locator = locator;
        emit LocatorChanged(registrationId, locator);
    }

    /// Blocks new requests for good; those already open are not touched.
    function deprecate(bytes32 registrationId) external onlyOwnerOf(registrationId) {
        _registrations[registrationId].deprecated = true;
        emit ModelDeprecated(registrationId);
    }

    function registrationIdOf(address owner, bytes32 modelId) public view returns (bytes32) {
        return StatementLib.registrationId(block.chainid, address(this), owner, modelId);
    }

    function modelIdOf(bytes32 registrationId) external view returns (bytes32) {
        return _known(registrationId).modelId;
    }

    function ownerOf(bytes32 registrationId) external view returns (address) {
        return _known(registrationId).owner;
    }

    function ioSpecOf(bytes32 registrationId) external view returns (bytes memory) {
        return SSTORE2.read(_known(registrationId).ioSpecAt);
    }

    function locatorOf(bytes32 registrationId) external view returns (string memory) {
        return _known(registrationId).locator;
    }

    /// The key bound for a route; all zero while none is.
    function keyOf(bytes32 registrationId, uint8 route) external view returns (RouteKey memory) {
        return _keys[registrationId][route];
    }

    function isDeprecated(bytes32 registrationId) external view returns (bool) {
        return _known(registrationId).deprecated;
    }

    function _known(bytes32 registrationId) private view returns (Registration storage registration) {
        registration = _registrations[registrationId];
        if (registration.owner == address(0)) revert UnknownRegistration(registrationId);
    }
}
