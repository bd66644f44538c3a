// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {InferenceHub} from "../../src/core/InferenceHub.sol";
import {ModelRegistry} from "../../src/core/ModelRegistry.sol";
import {VerifierRouter} from "../../src/core/VerifierRouter.sol";
import {IInferenceHub} from "../../src/interfaces/IInferenceHub.sol";
import {ModelHeader, PortSpec, Request, RoutePin, Tensor} from "../../src/interfaces/Types.sol";
import {InstanceLib} from "../../src/libraries/InstanceLib.sol";
import {Halo2Adapter} from "../../src/verifiers/Halo2Adapter.sol";
import {Halo2Key} from "../../src/verifiers/Halo2Key.sol";
import {Halo2Case, Halo2Fixture} from "../support/Halo2Fixture.sol";
import {RecordingConsumer} from "../support/RecordingConsumer.sol";

/// Every contract of the halo2 route together, with a real proof, from registration to a consumer's callback.
contract Halo2DeliveryTest is Halo2Fixture {
    bytes4 private constant SELECTOR = 0x68616c32;

    function test_a_real_proof_reaches_a_consumer() public {
        Halo2Case memory c = loadCase("gemm_relu");
        (InferenceHub hub, bytes32 registrationId, RoutePin[] memory pins) = _deploy(c);
        RecordingConsumer consumer = new RecordingConsumer{value: 1 ether}(hub);
        Request memory r;
        (r.requester, r.payer, r.registrationId) = (address(consumer), address(consumer), registrationId);
        (r.inputRoot, r.routes) = (c.statement.inputRoot, pins);
        (r.fee, r.bond, r.proveWindow) = (1 ether, 1 ether, 60);
        (r.expiry, r.callbackGas) = (uint64(block.timestamp) + 60, 200_000);
        (uint256[] memory instances,) = abi.decode(c.proof, (uint256[], bytes));
        bytes32 id = consumer.open(r, this.inputsOf(c.key, instances));
        hub.assign{value: 1 ether}(r);

        bytes memory forged = bytes.concat(c.proof);
        forged[forged.length - 1] ^= 0x01;
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofRejected.selector, pins[0].keyDigest));
        hub.fulfil(r, 1, c.outputs, forged);

        hub.fulfil(r, 1, c.outputs, c.proof);
        assertEq(uint256(hub.statusOf(id)), uint256(IInferenceHub.Status.Delivered));
        assertEq(consumer.lastOutputs(), keccak256(abi.encode(c.outputs)));
        assertEq(hub.creditOf(address(this)), 2 ether);
    }

    function inputsOf(Halo2Key memory key, uint256[] calldata instances)
        external
        pure
        returns (Tensor[] memory inputs)
    {
        (inputs,) = InstanceLib.readTensors(key.inputs, instances, 0);
    }

    /// A registration with the fixture's ports. Its modelId is said to be the fixture's: what a modelId binds is a matter
    /// of other tests, and no header is kept with the proof.
    function _deploy(Halo2Case memory c)
        private
        returns (InferenceHub hub, bytes32 registrationId, RoutePin[] memory pins)
    {
        VerifierRouter router = new VerifierRouter(address(this), address(this));
        ModelRegistry registry = new ModelRegistry(router);
        hub = new InferenceHub(registry, router);
        Halo2Adapter adapter = deployAdapter(c.srsG2);
        router.add(SELECTOR, address(adapter));
        bytes memory ioSpec = bytes.concat(hex"0101", _port(c.key.inputs[0]), hex"0200000000", _port(c.key.outputs[0]));
        registrationId = registry.register(ModelHeader("graph", "weights", ioSpec, 1), "");
        vm.mockCall(
            address(registry),
            abi.encodeCall(ModelRegistry.modelIdOf, (registrationId)),
            abi.encode(c.statement.modelId)
        );
        bytes32 keyDigest = adapter.registerKey(c.key);
        registry.bindKey(registrationId, 1, SELECTOR, keyDigest);
        pins = new RoutePin[](1);
        pins[0] = RoutePin(1, SELECTOR, keyDigest);
    }

    function _port(PortSpec memory port) private pure returns (bytes memory encoded) {
        encoded = abi.encodePacked(uint8(port.dims.length));
        for (uint256 i = 0; i < port.dims.length; ++i) {
            encoded = abi.encodePacked(encoded, port.dims[i]);
        }
        encoded = abi.encodePacked(encoded, uint8(4), port.bits, hex"000000000100");
    }
}
