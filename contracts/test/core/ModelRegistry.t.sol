// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ModelRegistry} from "../../src/core/ModelRegistry.sol";
import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {ModelHeader} from "../../src/interfaces/Types.sol";
import {IoSpecLib} from "../../src/libraries/IoSpecLib.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {HubFixture} from "../support/HubFixture.sol";

contract ModelRegistryTest is HubFixture {
    function test_registration_is_named_by_chain_registry_owner_and_program() public view {
        bytes32 modelId = StatementLib.modelId(header(ioSpec(0)));
        assertEq(registry.modelIdOf(registrationId), modelId);
        assertEq(registrationId, StatementLib.registrationId(block.chainid, address(registry), MODEL_OWNER, modelId));
        assertEq(registry.ownerOf(registrationId), MODEL_OWNER);
        assertEq(registry.ioSpecOf(registrationId), ioSpec(0));
        assertEq(registry.locatorOf(registrationId), "ipfs://program");
    }

    function test_nobody_squats_on_a_program() public {
        vm.prank(STRANGER);
        bytes32 other = registry.register(header(ioSpec(0)), "elsewhere");
        assertNotEq(other, registrationId);
        assertEq(registry.ownerOf(other), STRANGER);
        assertEq(registry.ownerOf(registrationId), MODEL_OWNER);
    }

    function test_rejects_a_second_registration_of_the_same_program_by_its_owner() public {
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.AlreadyRegistered.selector, registrationId));
        vm.prank(MODEL_OWNER);
        registry.register(header(ioSpec(0)), "");
    }

    function test_rejects_a_malformed_io_spec() public {
        ModelHeader memory bad = header(bytes.concat(ioSpec(0), hex"00"));
        vm.expectRevert(
            abi.encodeWithSelector(IoSpecLib.IoSpecTrailingBytes.selector, bad.ioSpec.length - 1, bad.ioSpec.length)
        );
        registry.register(bad, "");
    }

    function test_a_bound_key_never_changes() public {
        IModelRegistry.RouteKey memory key = registry.keyOf(registrationId, 1);
        assertEq(key.selector, SELECTOR_1);
        assertEq(key.keyDigest, KEY_1);
        vm.expectRevert(
            abi.encodeWithSelector(ModelRegistry.KeyAlreadyBound.selector, registrationId, 1, SELECTOR_1, KEY_1)
        );
        vm.prank(MODEL_OWNER);
        registry.bindKey(registrationId, 1, SELECTOR_2, KEY_2);
    }

    function test_only_the_owner_binds_relocates_and_deprecates() public {
        bytes memory refused =
            abi.encodeWithSelector(ModelRegistry.NotTheOwner.selector, registrationId, STRANGER, MODEL_OWNER);
        vm.startPrank(STRANGER);
        vm.expectRevert(refused);
        registry.bindKey(registrationId, 3, SELECTOR_1, KEY_1);
        vm.expectRevert(refused);
        registry.setLocator(registrationId, "evil");
        vm.expectRevert(refused);
        registry.deprecate(registrationId);
    }

    function test_owner_relocates_and_deprecates() public {
        vm.startPrank(MODEL_OWNER);
        registry.setLocator(registrationId, "https://new");
        registry.deprecate(registrationId);
        assertEq(registry.locatorOf(registrationId), "https://new");
        assertTrue(registry.isDeprecated(registrationId));
        assertFalse(registry.isDeprecated(hashedRegistrationId));
    }

    function test_rejects_routes_outside_1_to_4() public {
        vm.startPrank(MODEL_OWNER);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.UnknownRoute.selector, 0));
        registry.bindKey(registrationId, 0, SELECTOR_1, KEY_1);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.UnknownRoute.selector, 5));
        registry.bindKey(registrationId, 5, SELECTOR_1, KEY_1);
        registry.bindKey(registrationId, 4, SELECTOR_1, KEY_1);
    }

    function test_rejects_a_zero_key_digest() public {
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.ZeroKeyDigest.selector, registrationId, 3));
        vm.prank(MODEL_OWNER);
        registry.bindKey(registrationId, 3, SELECTOR_1, 0);
    }

    function test_rejects_a_selector_that_is_not_live() public {
        stopVerifier(SELECTOR_2);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.SelectorNotLive.selector, SELECTOR_2));
        vm.prank(MODEL_OWNER);
        registry.bindKey(registrationId, 3, SELECTOR_2, KEY_2);
    }

    function test_rejects_questions_about_unknown_registrations() public {
        bytes32 unknown = keccak256("unknown");
        bytes memory refused = abi.encodeWithSelector(ModelRegistry.UnknownRegistration.selector, unknown);
        vm.expectRevert(refused);
        registry.modelIdOf(unknown);
        vm.expectRevert(refused);
        registry.ownerOf(unknown);
        vm.expectRevert(refused);
        registry.ioSpecOf(unknown);
        vm.expectRevert(refused);
        registry.locatorOf(unknown);
        vm.expectRevert(refused);
        registry.isDeprecated(unknown);
        vm.expectRevert(refused);
        registry.bindKey(unknown, 1, SELECTOR_1, KEY_1);
    }
}
