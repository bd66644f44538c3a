// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Opcode} from "../../src/dispute/DescriptorLib.sol";
import {Descriptors} from "./Descriptors.sol";
import {StepCalls} from "./StepCalls.sol";

/// One step of every op, kept in .gas-snapshot: the call alone.
contract OneStepGasTest is StepCalls {
    modifier unmetered() {
        vm.pauseGasMetering();
        _;
    }

    function test_gas_contract_dense_4096() public unmetered {
        measure(dense(4096));
    }

    function test_gas_contract_convolution() public unmetered {
        measure(convolution());
    }

    function test_gas_contract_worst() public unmetered {
        measure(scattered(Opcode.CONTRACT, 2, LARGEST, Descriptors.rescale(12)));
    }

    function test_gas_linear_2() public unmetered {
        measure(elementwise(Opcode.LINEAR, 2, LARGEST, coefficients(2)));
    }

    function test_gas_linear_worst() public unmetered {
        measure(elementwise(Opcode.LINEAR, 24, LARGEST, coefficients(24)));
    }

    function test_gas_mul() public unmetered {
        measure(elementwise(Opcode.MUL, 2, LARGEST, Descriptors.rescale(3)));
    }

    function test_gas_reduce_sum_worst() public unmetered {
        measure(scattered(Opcode.REDUCE_SUM, 1, LARGEST, hex"000000050301"));
    }

    function test_gas_lookup() public unmetered {
        measure(lookup());
    }

    function test_gas_max_2() public unmetered {
        measure(elementwise(Opcode.MAX, 2, LARGEST, ""));
    }

    function test_gas_max_worst() public unmetered {
        measure(elementwise(Opcode.MAX, 24, LARGEST, ""));
    }

    function test_gas_argmax_worst() public unmetered {
        measure(scattered(Opcode.ARGMAX, 1, LARGEST, ""));
    }

    function test_gas_compare() public unmetered {
        measure(elementwise(Opcode.COMPARE, 2, LARGEST, hex"00"));
    }

    function test_gas_select() public unmetered {
        measure(elementwise(Opcode.SELECT, 3, LARGEST, ""));
    }

    function test_gas_index() public unmetered {
        measure(elementwise(Opcode.INDEX, 1, LARGEST, Descriptors.i32(0)));
    }

    function test_gas_index_worst() public unmetered {
        measure(concatenation());
    }

    function test_gas_gather() public unmetered {
        measure(gather());
    }

    function test_gas_divide() public unmetered {
        measure(elementwise(Opcode.DIVIDE, 2, LARGEST, hex"0501"));
    }

    function test_gas_rsqrt() public unmetered {
        measure(elementwise(Opcode.RSQRT, 1, LARGEST, hex"1e"));
    }
}

/// The whole of a transaction that does nothing else: calldata too.
contract OneStepTransactionTest is StepCalls {
    uint256 private constant MOST = 1_500_000;
    uint256 private constant TYPICAL = 500_000;

    function test_a_dense_step_is_far_below_500k() public {
        assertLt(transactionGas(dense(4096)), TYPICAL);
    }

    function test_a_convolution_step_is_far_below_500k() public {
        assertLt(transactionGas(convolution()), TYPICAL);
    }

    function test_48_chunks_of_2_to_the_24_elements_are_below_the_most() public {
        assertLt(transactionGas(scattered(Opcode.CONTRACT, 2, 1 << 24, Descriptors.rescale(12))), MOST);
    }

    function test_24_operands_of_2_to_the_24_elements_are_below_the_most() public {
        assertLt(transactionGas(elementwise(Opcode.MAX, 24, 1 << 24, "")), MOST);
    }

    function test_24_chunks_of_2_to_the_28_elements_are_below_the_most() public {
        assertLt(transactionGas(scattered(Opcode.ARGMAX, 1, LARGEST, "")), MOST);
    }

    function test_255_operands_are_below_the_most() public {
        assertLt(transactionGas(concatenation()), MOST);
    }

    /// Its calldata alone costs more than the target there: still a tenth of what a transaction may use.
    function test_48_chunks_of_2_to_the_28_elements_fit_a_transaction() public {
        assertLt(transactionGas(scattered(Opcode.CONTRACT, 2, LARGEST, Descriptors.rescale(12))), 1_700_000);
    }
}
