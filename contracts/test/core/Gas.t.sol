// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Request, Tensor} from "../../src/interfaces/Types.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {Halo2Adapter} from "../../src/verifiers/Halo2Adapter.sol";
import {Halo2Case, Halo2Fixture} from "../support/Halo2Fixture.sol";
import {HubFixture} from "../support/HubFixture.sol";
import {RecordingConsumer} from "../support/RecordingConsumer.sol";

/// One measured call a test, kept in .gas-snapshot and compared by
/// `forge snapshot --root contracts --offline --match-contract GasTest --snap contracts/.gas-snapshot --check`.
/// A guard against regressions; what a user pays is a receipt's gasUsed (bench/gas).
contract HubGasTest is HubFixture {
    modifier unmetered() {
        vm.pauseGasMetering();
        _;
    }

    function test_gas_register() public unmetered {
        bytes memory spec = ioSpec(0);
        vm.resumeGasMetering();
        registry.register(header(spec), "ipfs://program");
    }

    function test_gas_request() public unmetered {
        Request memory r = aRequest();
        Tensor[] memory x = inputs();
        vm.prank(REQUESTER);
        vm.resumeGasMetering();
        hub.request{value: 1 ether}(r, x);
    }

    function test_gas_request_signed() public unmetered {
        Request memory r = aRequest();
        r.payer = address(0);
        bytes memory signature = signed(r);
        Tensor[] memory x = inputs();
        vm.prank(STRANGER);
        vm.resumeGasMetering();
        hub.requestSigned{value: 1 ether}(r, x, signature);
    }

    function test_gas_assign() public unmetered {
        Request memory r = aRequest();
        openRequest(r);
        vm.prank(PROVER);
        vm.resumeGasMetering();
        hub.assign{value: 1.5 ether}(r);
    }

    function test_gas_fulfil_without_verifier() public unmetered {
        Request memory r = aRequest();
        openRequest(r);
        assign(r);
        bytes memory proof = proofFor(r, 0);
        Tensor[] memory y = outputs();
        vm.prank(PROVER);
        vm.resumeGasMetering();
        hub.fulfil(r, 1, y, proof);
    }

    function test_gas_fulfil_with_callback() public unmetered {
        RecordingConsumer consumer = new RecordingConsumer{value: 1 ether}(hub);
        Request memory r = aRequest();
        (r.requester, r.payer, r.callbackGas) = (address(consumer), address(consumer), 200_000);
        consumer.open(r, inputs());
        assign(r);
        bytes memory proof = proofFor(r, 0);
        Tensor[] memory y = outputs();
        vm.prank(PROVER);
        vm.resumeGasMetering();
        hub.fulfil(r, 1, y, proof);
    }

    function test_gas_expire() public unmetered {
        Request memory r = aRequest();
        openRequest(r);
        assign(r);
        skip(600);
        vm.resumeGasMetering();
        hub.expire(r);
    }

    function test_gas_cancel() public unmetered {
        Request memory r = aRequest();
        openRequest(r);
        vm.prank(REQUESTER);
        vm.resumeGasMetering();
        hub.cancel(r);
    }

    function test_gas_input_root_of_1024_values() public unmetered {
        Tensor[] memory x = new Tensor[](1);
        x[0] = Tensor(4, new uint32[](1), new bytes(4096));
        x[0].dims[0] = 1024;
        vm.resumeGasMetering();
        StatementLib.inputRoot(x);
    }
}

contract Halo2GasTest is Halo2Fixture {
    function test_gas_register_key() public {
        vm.pauseGasMetering();
        Halo2Case memory c = loadCase("gemm_relu");
        Halo2Adapter adapter = deployAdapter(c.srsG2);
        vm.resumeGasMetering();
        adapter.registerKey(c.key);
    }

    function test_gas_verify() public {
        vm.pauseGasMetering();
        Halo2Case memory c = loadCase("gemm_relu");
        Halo2Adapter adapter = deployAdapter(c.srsG2);
        bytes32 keyDigest = adapter.registerKey(c.key);
        vm.resumeGasMetering();
        adapter.verify(keyDigest, c.statement, c.proof);
    }

    function test_gas_verify_1024_public_inputs() public {
        vm.pauseGasMetering();
        Halo2Case memory c = loadCase("wide1024");
        Halo2Adapter adapter = deployAdapter(c.srsG2);
        bytes32 keyDigest = adapter.registerKey(c.key);
        vm.resumeGasMetering();
        adapter.verify(keyDigest, c.statement, c.proof);
    }
}
