// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Tensor} from "../interfaces/Types.sol";
import {IoSpecLib, ProgramIo} from "../libraries/IoSpecLib.sol";
import {StatementLib} from "../libraries/StatementLib.sol";
import {TensorLib} from "../libraries/TensorLib.sol";
import {DisputeLib} from "./DisputeLib.sol";
import {TreeLib} from "./TreeLib.sol";

/// What a claim has to show of its trace: the top of the tree, and the outputs in it. Section 1, "The claim".
library ClaimLib {
    error TopLength(uint256 expected, uint256 actual);
    error PaddingNotZero(uint256 position, bytes32 expected, bytes32 actual);
    error OutputPathCount(uint256 expected, uint256 actual);

    /// How many levels of the trace tree the top leaves out, and how deep it is itself.
    function topOf(uint256 numOps) internal pure returns (uint256 height, uint256 depth) {
        depth = TreeLib.depthOf(numOps);
        if (depth > DisputeLib.TOP_DEPTH) (height, depth) = (depth - DisputeLib.TOP_DEPTH, DisputeLib.TOP_DEPTH);
    }

    /// The root that the top folds to.
    function traceTree(bytes32[] memory top, uint256 numOps) internal pure returns (bytes32) {
        (uint256 height, uint256 depth) = topOf(numOps);
        if (top.length != 1 << depth) revert TopLength(1 << depth, top.length);
        bytes32 padding = TreeLib.zero(height);
        for (uint256 i = ((numOps - 1) >> height) + 1; i < top.length; ++i) {
            if (top[i] != padding) revert PaddingNotZero(i, padding, top[i]);
        }
        return TreeLib.fold(top, depth);
    }

    /// The outputs' root, once each of them fits its port and is the leaf of the trace that the graph names.
    function outputRoot(
        Tensor[] memory outputs,
        bytes memory ioSpec,
        bytes32[] calldata top,
        bytes32[][] calldata paths,
        uint256 numOps
    ) internal pure returns (bytes32) {
        ProgramIo memory io = IoSpecLib.parse(ioSpec);
        TensorLib.requireFit(io.outputs, outputs);
        if (paths.length != outputs.length) revert OutputPathCount(outputs.length, paths.length);
        (uint256 height,) = topOf(numOps);
        bytes32[] memory roots = new bytes32[](outputs.length);
        for (uint256 i = 0; i < outputs.length; ++i) {
            roots[i] = StatementLib.tensorRoot(outputs[i]);
            uint256 op = io.outputOps[i];
            uint256 below = op & ((1 << height) - 1);
            TreeLib.requireUnder(top[op >> height], roots[i], below, paths[i], height);
        }
        return StatementLib.outputRootOf(roots);
    }
}
