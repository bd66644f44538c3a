// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {VerifierRouter} from "../../src/core/VerifierRouter.sol";
import {Statement} from "../../src/interfaces/Types.sol";
import {DigestVerifier} from "../support/DigestVerifier.sol";

contract VerifierRouterTest is Test {
    bytes4 private constant SELECTOR = 0xabcdef01;
    address private immutable GUARDIAN = makeAddr("guardian");
    address private immutable STRANGER = makeAddr("stranger");

    VerifierRouter private router;
    DigestVerifier private verifier;
    Statement private statement = Statement(bytes32("m"), bytes32("i"), bytes32("o"));

    function setUp() public {
        router = new VerifierRouter(address(this), GUARDIAN);
        verifier = new DigestVerifier();
        router.add(SELECTOR, address(verifier));
    }

    function test_routes_to_the_bound_verifier() public {
        assertTrue(router.isLive(SELECTOR));
        assertEq(router.verifierOf(SELECTOR), address(verifier));
        router.verify(SELECTOR, "key", statement, verifier.proofOf("key", statement));
        vm.expectRevert(abi.encodeWithSelector(DigestVerifier.NotTheProof.selector, bytes32("key")));
        router.verify(SELECTOR, "key", statement, "something else");
    }

    function test_rejects_an_unknown_selector() public {
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.SelectorNotLive.selector, bytes4("zz"), 0));
        router.verify("zz", "key", statement, "");
        assertFalse(router.isLive("zz"));
    }

    function test_a_stopped_verifier_accepts_nothing() public {
        vm.prank(GUARDIAN);
        router.stop(SELECTOR);
        assertFalse(router.isLive(SELECTOR));
        bytes memory proof = verifier.proofOf("key", statement);
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.SelectorNotLive.selector, SELECTOR, 2));
        router.verify(SELECTOR, "key", statement, proof);
    }

    function test_a_removed_verifier_accepts_nothing() public {
        router.remove(SELECTOR);
        bytes memory proof = verifier.proofOf("key", statement);
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.SelectorNotLive.selector, SELECTOR, 3));
        router.verify(SELECTOR, "key", statement, proof);
        assertEq(router.verifierOf(SELECTOR), address(verifier));
    }

    function test_a_used_selector_never_comes_back_as_something_else() public {
        DigestVerifier other = new DigestVerifier();
        _expectTaken(1);
        router.add(SELECTOR, address(other));
        vm.prank(GUARDIAN);
        router.stop(SELECTOR);
        _expectTaken(2);
        router.add(SELECTOR, address(other));
        router.remove(SELECTOR);
        _expectTaken(3);
        router.add(SELECTOR, address(other));
        assertFalse(router.isLive(SELECTOR));
    }

    function test_stop_and_removal_are_final() public {
        vm.prank(GUARDIAN);
        router.stop(SELECTOR);
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.SelectorNotLive.selector, SELECTOR, 2));
        vm.prank(GUARDIAN);
        router.stop(SELECTOR);
        router.remove(SELECTOR);
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.SelectorNotRemovable.selector, SELECTOR, 3));
        router.remove(SELECTOR);
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.SelectorNotRemovable.selector, bytes4("zz"), 0));
        router.remove("zz");
    }

    function test_only_the_owner_adds_removes_and_names_the_guardian() public {
        vm.startPrank(STRANGER);
        bytes memory refused = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, STRANGER);
        vm.expectRevert(refused);
        router.add("zz", address(verifier));
        vm.expectRevert(refused);
        router.remove(SELECTOR);
        vm.expectRevert(refused);
        router.setGuardian(STRANGER);
    }

    function test_only_the_guardian_stops() public {
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.NotTheGuardian.selector, address(this), GUARDIAN));
        router.stop(SELECTOR);
        router.setGuardian(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.NotTheGuardian.selector, GUARDIAN, STRANGER));
        vm.prank(GUARDIAN);
        router.stop(SELECTOR);
    }

    function test_ownership_moves_only_when_accepted() public {
        router.transferOwnership(STRANGER);
        assertEq(router.owner(), address(this));
        vm.prank(STRANGER);
        router.acceptOwnership();
        assertEq(router.owner(), STRANGER);
    }

    function test_rejects_a_zero_selector_and_a_verifier_without_code() public {
        vm.expectRevert(VerifierRouter.ZeroSelector.selector);
        router.add(0, address(verifier));
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.VerifierWithoutCode.selector, STRANGER));
        router.add("zz", STRANGER);
    }

    function _expectTaken(uint8 state) private {
        vm.expectRevert(
            abi.encodeWithSelector(VerifierRouter.SelectorTaken.selector, SELECTOR, address(verifier), state)
        );
    }
}
