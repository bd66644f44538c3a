// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Challenges} from "./Challenges.sol";
import {DisputeLib} from "./DisputeLib.sol";
import {Challenge, Claim, Reveal} from "./DisputeTypes.sol";

/// What the claimant answers, once for all challenges at the same position; docs/protocol/optimistic.md section 3.
/// DisputeEvidence checks that it is what the position asks for.
abstract contract Reveals is Challenges {
    error NotTheClaimant(address caller, address claimant);
    error NotTheDefendersTurn(bytes32 challengeId);

    function reveal(bytes32 challengeId, bytes calldata body) external running {
        _answer(challengeId, body);
    }

    function revealTensor(bytes32 challengeId, bytes calldata, bytes32, bytes calldata body) external running {
        _answer(challengeId, body);
    }

    function revealSums(bytes32 challengeId, bytes calldata, bytes calldata accumulators) external running {
        _answer(challengeId, accumulators);
    }

    function _answer(bytes32 challengeId, bytes calldata body) private {
        Challenge storage c = _open(challengeId);
        Claim storage claimed = _pending(c.claimId);
        if (msg.sender != claimed.claimant) revert NotTheClaimant(msg.sender, claimed.claimant);
        Turn memory turn = _turnIn(c);
        if (!turn.defenders) revert NotTheDefendersTurn(challengeId);
        if (gameTime() >= turn.deadline) revert DeadlinePassed(challengeId, turn.deadline);
        bytes32 root = abi.decode(_evidence(), (bytes32));
        bytes32 positionKey = DisputeLib.positionKey(c.at);
        _reveals[c.claimId][positionKey] = Reveal(gameTime(), root);
        emit Revealed(c.claimId, challengeId, positionKey, root, body);
    }
}
