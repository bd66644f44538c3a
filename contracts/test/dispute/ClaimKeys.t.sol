// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DisputeKey, DisputeTerms} from "../../src/dispute/DisputeTypes.sol";
import {IOptimisticClaims} from "../../src/dispute/IOptimisticClaims.sol";
import {KeyLib} from "../../src/dispute/KeyLib.sol";
import {ModelHeader} from "../../src/interfaces/Types.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {GameFixture} from "./support/GameFixture.sol";
import {Levels} from "./support/TraceBook.sol";

/// Keys of the route: anybody registers one, its digest says all that it is.
contract ClaimKeysTest is GameFixture {
    function test_a_key_is_named_by_the_model_and_the_terms() public view {
        DisputeTerms memory t = terms();
        bytes32 expected = keccak256(
            abi.encodePacked(
                hex"0b",
                StatementLib.modelId(modelHeader()),
                t.claimBond,
                t.challengeBond,
                t.window,
                t.proveTime,
                t.clock,
                t.extension
            )
        );
        assertEq(keyDigest, expected);
        DisputeKey memory key = claims.keyOf(keyDigest);
        assertEq(key.modelId, StatementLib.modelId(modelHeader()));
        assertEq(key.graphTree, _graphTree());
        assertEq(key.weightsRoot, modelHeader().weightsRoot);
        assertEq(key.numOps, OPS);
        assertEq(abi.encode(key.terms), abi.encode(t));
    }

    function test_registering_a_key_twice_changes_nothing() public {
        vm.recordLogs();
        vm.prank(STRANGER);
        assertEq(claims.registerKey(modelHeader(), OPS, _graphTree(), terms()), keyDigest);
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_other_terms_are_another_key() public {
        DisputeTerms memory t = terms();
        t.window += 1;
        vm.recordLogs();
        bytes32 other = claims.registerKey(modelHeader(), OPS, _graphTree(), t);
        assertNotEq(other, keyDigest);
        assertEq(vm.getRecordedLogs()[0].topics[0], IOptimisticClaims.KeyRegistered.selector);
        assertEq(claims.keyOf(other).terms.window, t.window);
        assertEq(claims.keyOf(keyDigest).terms.window, t.window - 1);
    }

    function test_rejects_a_game_without_bonds() public {
        DisputeTerms memory t = terms();
        t.claimBond = 0;
        _expectRefused(t, abi.encodeWithSelector(KeyLib.NoBond.selector, 0, t.challengeBond));
        t = terms();
        t.challengeBond = 0;
        _expectRefused(t, abi.encodeWithSelector(KeyLib.NoBond.selector, t.claimBond, 0));
    }

    function test_rejects_times_of_nothing_and_over_30_days() public {
        for (uint256 i = 0; i < 4; ++i) {
            _expectRefused(_withTime(i, 0), abi.encodeWithSelector(KeyLib.TermOutOfRange.selector, i, 0, 30 days));
            uint32 long = 30 days + 1;
            _expectRefused(_withTime(i, long), abi.encodeWithSelector(KeyLib.TermOutOfRange.selector, i, long, 30 days));
            claims.registerKey(modelHeader(), OPS, _graphTree(), _withTime(i, 1));
            claims.registerKey(modelHeader(), OPS, _graphTree(), _withTime(i, 30 days));
        }
    }

    function test_rejects_another_number_of_ops_or_another_graph() public {
        bytes32 tree = _graphTree();
        vm.expectPartialRevert(KeyLib.GraphRootMismatch.selector);
        claims.registerKey(modelHeader(), OPS - 1, tree, terms());
        vm.expectPartialRevert(KeyLib.GraphRootMismatch.selector);
        claims.registerKey(modelHeader(), OPS, keccak256("another"), terms());
        vm.expectRevert(abi.encodeWithSelector(KeyLib.NumOpsOutOfRange.selector, 0, 65_536));
        claims.registerKey(modelHeader(), 0, tree, terms());
        vm.expectRevert(abi.encodeWithSelector(KeyLib.NumOpsOutOfRange.selector, 65_537, 65_536));
        claims.registerKey(modelHeader(), 65_537, tree, terms());
    }

    function test_rejects_hashed_inputs_which_no_challenger_could_run() public {
        ModelHeader memory h = modelHeader();
        h.ioSpec[13] = 0x01; // the input's visibility
        vm.expectRevert(KeyLib.HashedInputs.selector);
        claims.registerKey(h, OPS, _graphTree(), terms());
    }

    function test_rejects_an_output_outside_the_graph() public {
        ModelHeader memory h = modelHeader();
        h.ioSpec[23] = bytes1(uint8(OPS)); // the low byte of the op that the output is
        vm.expectRevert(abi.encodeWithSelector(KeyLib.OutputOutsideGraph.selector, 0, OPS, OPS));
        claims.registerKey(h, OPS, _graphTree(), terms());
    }

    function _expectRefused(DisputeTerms memory t, bytes memory reason) private {
        bytes32 tree = _graphTree();
        vm.expectRevert(reason);
        claims.registerKey(modelHeader(), OPS, tree, t);
    }

    function _withTime(uint256 i, uint32 time) private pure returns (DisputeTerms memory t) {
        t = terms();
        if (i == 0) t.window = time;
        if (i == 1) t.proveTime = time;
        if (i == 2) t.clock = time;
        if (i == 3) t.extension = time;
    }

    function _graphTree() private pure returns (bytes32) {
        return Levels.root(graphLevels());
    }
}
