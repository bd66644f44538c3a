// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {IEzklVerifier} from "../../src/interfaces/IEzklVerifier.sol";
import {Statement, Tensor} from "../../src/interfaces/Types.sol";
import {Halo2Adapter} from "../../src/verifiers/Halo2Adapter.sol";
import {Halo2Key} from "../../src/verifiers/Halo2Key.sol";
import {Halo2VerifierReusable} from "../../src/verifiers/generated/Halo2VerifierReusable.sol";

/// A committed proof with everything that it was made for (test/fixtures/halo2, rebuilt by `make fixtures`).
struct Halo2Case {
    uint256[4] srsG2;
    Halo2Key key;
    Statement statement;
    Tensor[] outputs;
    bytes proof; // abi.encode(instances, halo2Proof)
}

abstract contract Halo2Fixture is Test {
    string internal constant FIXTURES = "test/fixtures/halo2/";

    function loadCase(string memory name) internal view returns (Halo2Case memory loaded) {
        string memory json = vm.readFile(string.concat(FIXTURES, name, ".json"));
        uint256[] memory srsG2 = vm.parseJsonUintArray(json, ".srsG2");
        loaded.srsG2 = [srsG2[0], srsG2[1], srsG2[2], srsG2[3]];
        loaded.key = abi.decode(vm.parseJsonBytes(json, ".key"), (Halo2Key));
        loaded.statement = Statement({
            modelId: vm.parseJsonBytes32(json, ".statement.modelId"),
            inputRoot: vm.parseJsonBytes32(json, ".statement.inputRoot"),
            outputRoot: vm.parseJsonBytes32(json, ".statement.outputRoot")
        });
        uint256 count = 0;
        while (vm.keyExistsJson(json, _output(count, ""))) ++count;
        loaded.outputs = new Tensor[](count);
        for (uint256 i = 0; i < count; ++i) {
            loaded.outputs[i] = _tensor(json, i);
        }
        loaded.proof = vm.parseJsonBytes(json, ".proof");
    }

    function deployAdapter(uint256[4] memory srsG2) internal returns (Halo2Adapter) {
        return new Halo2Adapter(IEzklVerifier(address(new Halo2VerifierReusable())), srsG2);
    }

    function _tensor(string memory json, uint256 i) private pure returns (Tensor memory tensor) {
        uint256[] memory dims = vm.parseJsonUintArray(json, _output(i, ".dims"));
        tensor.width = 4;
        tensor.dims = new uint32[](dims.length);
        for (uint256 j = 0; j < dims.length; ++j) {
            tensor.dims[j] = uint32(dims[j]);
        }
        tensor.data = vm.parseJsonBytes(json, _output(i, ".data"));
    }

    function _output(uint256 i, string memory field) private pure returns (string memory) {
        return string.concat(".outputs[", vm.toString(i), "]", field);
    }
}
