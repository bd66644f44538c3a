// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IInferenceConsumer} from "../../src/interfaces/IInferenceConsumer.sol";
import {AttestedOutput} from "../../src/interfaces/Types.sol";

/// Every way in which a consumer can try to keep a prover from being paid, or to be paid itself.
contract HostileConsumer is IInferenceConsumer {
    enum Attack {
        Revert,
        BurnGas,
        RevertWithBomb,
        ReturnBomb,
        InvalidOpcode,
        CallBack
    }

    Attack private _attack;
    bytes[] private _calls;
    bytes[] public answers; // what each call back into the hub came to

    function prepare(Attack attack, bytes[] memory calls) external {
        _attack = attack;
        _calls = calls;
    }

    function answerCount() external view returns (uint256) {
        return answers.length;
    }

    /// Lets a test act as this account.
    function act(address target, uint256 value, bytes calldata data) external payable {
        (bool done, bytes memory reason) = target.call{value: value}(data);
        require(done, string(reason));
    }

    function onInference(bytes32, AttestedOutput calldata) external {
        if (_attack == Attack.Revert) revert("hostile");
        if (_attack == Attack.BurnGas) while (true) {}
        assembly {
            // Attack.RevertWithBomb, Attack.ReturnBomb: about as much as the gas given can pay for
            if eq(sload(_attack.slot), 2) { revert(0, 300000) }
            if eq(sload(_attack.slot), 3) { return(0, 300000) }
            if eq(sload(_attack.slot), 4) { invalid() }
        }
        for (uint256 i = 0; i < _calls.length; ++i) {
            (, bytes memory answer) = msg.sender.call(_calls[i]);
            answers.push(answer);
        }
    }

    receive() external payable {}
}
