// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ModelHeader} from "./Types.sol";

interface IModelRegistry {
    struct RouteKey {
        bytes4 selector;
        bytes32 keyDigest;
    }

    event ModelRegistered(
        bytes32 indexed registrationId, bytes32 indexed modelId, address indexed owner, string locator
    );
    event RouteKeyBound(bytes32 indexed registrationId, uint8 indexed route, bytes4 selector, bytes32 keyDigest);
    event LocatorChanged(bytes32 indexed registrationId, string locator);
    event ModelDeprecated(bytes32 indexed registrationId);

    /// Lists the program named by `header` under the caller; the locator says where the program file is.
    function register(ModelHeader calldata header, string calldata locator) external returns (bytes32 registrationId);
    function bindKey(bytes32 registrationId, uint8 route, bytes4 selector, bytes32 keyDigest) external;
    function setLocator(bytes32 registrationId, string calldata locator) external;
    function deprecate(bytes32 registrationId) external;

    function registrationIdOf(address owner, bytes32 modelId) external view returns (bytes32);
    function modelIdOf(bytes32 registrationId) external view returns (bytes32);
    function ownerOf(bytes32 registrationId) external view returns (address);
    function ioSpecOf(bytes32 registrationId) external view returns (bytes memory);
    function locatorOf(bytes32 registrationId) external view returns (string memory);
    function keyOf(bytes32 registrationId, uint8 route) external view returns (RouteKey memory);
    function isDeprecated(bytes32 registrationId) external view returns (bool);
}
