// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ModelHeader} from "../interfaces/Types.sol";
import {IoSpecLib, ProgramIo} from "../libraries/IoSpecLib.sol";
import {StatementLib} from "../libraries/StatementLib.sol";
import {DisputeLib} from "./DisputeLib.sol";
import {DisputeKey, DisputeTerms} from "./DisputeTypes.sol";

/// What a key of this route has to be; docs/protocol/optimistic.md section 1.
library KeyLib {
    error TermOutOfRange(uint256 term, uint256 value, uint256 max);
    error NoBond(uint256 claimBond, uint256 challengeBond);
    error NumOpsOutOfRange(uint256 numOps, uint256 max);
    error GraphRootMismatch(bytes32 expected, bytes32 actual);
    error HashedInputs();
    error OutputOutsideGraph(uint256 output, uint256 op, uint256 numOps);

    uint256 internal constant MAX_OPS = 1 << 16;
    uint256 internal constant MAX_TERM = 30 days;

    function keyOf(ModelHeader calldata header, uint32 numOps, bytes32 graphTree, DisputeTerms calldata terms)
        internal
        pure
        returns (DisputeKey memory)
    {
        _requireTerms(terms);
        _requireGraph(header, numOps, graphTree);
        return DisputeKey(StatementLib.modelId(header), graphTree, header.weightsRoot, numOps, terms);
    }

    function _requireTerms(DisputeTerms calldata terms) private pure {
        if (terms.claimBond == 0 || terms.challengeBond == 0) revert NoBond(terms.claimBond, terms.challengeBond);
        uint32[4] memory times = [terms.window, terms.proveTime, terms.clock, terms.extension];
        for (uint256 i = 0; i < 4; ++i) {
            if (times[i] == 0 || times[i] > MAX_TERM) revert TermOutOfRange(i, times[i], MAX_TERM);
        }
    }

    /// The header has to be that of a graph of `numOps` ops, of which its outputs are, and whose input everybody gets.
    function _requireGraph(ModelHeader calldata header, uint32 numOps, bytes32 graphTree) private pure {
        if (numOps == 0 || numOps > MAX_OPS) revert NumOpsOutOfRange(numOps, MAX_OPS);
        bytes32 graphRoot = DisputeLib.graphRoot(numOps, graphTree);
        if (graphRoot != header.graphRoot) revert GraphRootMismatch(header.graphRoot, graphRoot);
        ProgramIo memory io = IoSpecLib.parse(header.ioSpec);
        if (io.hashedInputs) revert HashedInputs();
        for (uint256 i = 0; i < io.outputOps.length; ++i) {
            if (io.outputOps[i] >= numOps) revert OutputOutsideGraph(i, io.outputOps[i], numOps);
        }
    }
}
