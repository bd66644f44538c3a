"""What a claim commits to, opened anywhere: trees of a program, and of its run on one input.

docs/protocol/optimistic.md section 1. Hashing is plain Python unless the caller brings something faster: `hasher`, and
`chunk_levels` for whole chunk trees. Chunk trees are made when first asked for, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from circuits.lower.optimistic import TOP_DEPTH, accumulators, chunk_count
from circuits.program.graph import Program
from circuits.program.ops import Op
from circuits.program.refs import Ref, Source
from circuits.statement import (
    CHUNK_BYTES,
    Hasher,
    Integers,
    Tag,
    graph_root,
    keccak256,
    leaf,
    shape_header,
    tensor_bytes,
)
from verifier.dispute.reveals import encode_sums
from verifier.dispute.rules import OpSize, revealed_height
from verifier.dispute.tree import Tree, tree_levels
from verifier.dispute.types import DescriptorProof, Phase, Position, StepRoots

# The levels of the chunk tree of a tensor of the given width, as `verifier.dispute.tree.tree_levels` gives them.
ChunkLevels = Callable[[Integers, int], list[bytes]]


def chunk_bytes(values: Integers, width: int) -> bytes:
    """A tensor's chunks, the last one padded with zeros."""
    data = tensor_bytes(values, width)
    return data.ljust(CHUNK_BYTES * chunk_count(values.size, width), b"\0")


def plain_chunk_levels(hasher: Hasher) -> ChunkLevels:
    def levels(values: Integers, width: int) -> list[bytes]:
        data = chunk_bytes(values, width)
        chunks = (data[i : i + CHUNK_BYTES] for i in range(0, len(data), CHUNK_BYTES))
        return tree_levels(b"".join(leaf(chunk, hasher) for chunk in chunks), hasher)

    return levels


def tensor_root_over(merkle_root: bytes, dims: Sequence[int], width: int, hasher: Hasher = keccak256) -> bytes:
    return hasher(bytes([Tag.TENSOR]) + shape_header(width, dims) + merkle_root)


class CommittedProgram:
    """A program's descriptors and constants under their roots; shared by every claim of it."""

    def __init__(self, program: Program, hasher: Hasher = keccak256, chunk_levels: ChunkLevels | None = None) -> None:
        self.program = program
        self.hasher = hasher
        self.chunk_levels = chunk_levels or plain_chunk_levels(hasher)
        self.descriptors = [op.encode() for op in program.ops]
        self._constant_trees: dict[int, Tree] = {}

    @cached_property
    def graph(self) -> Tree:
        return Tree.of((leaf(descriptor, self.hasher) for descriptor in self.descriptors), self.hasher)

    @cached_property
    def graph_root(self) -> bytes:
        return graph_root(self.descriptors, self.hasher)

    @cached_property
    def weights(self) -> Tree:
        """Over the constants' tensor roots."""
        constants = enumerate(self.program.constants)
        roots = (
            tensor_root_over(self.constant_tree(i).root, c.values.shape, c.width, self.hasher) for i, c in constants
        )
        return Tree.of(roots, self.hasher)

    def constant_tree(self, index: int) -> Tree:
        if index not in self._constant_trees:
            constant = self.program.constants[index]
            self._constant_trees[index] = Tree(self.chunk_levels(constant.values, constant.width), self.hasher)
        return self._constant_trees[index]

    def descriptor_proof(self, op: int) -> DescriptorProof:
        return DescriptorProof(self.descriptors[op], self.graph.siblings(0, op))

    def size_of(self, op: int) -> OpSize:
        return OpSize.of(self.program.ops[op])


class CommittedTrace:
    """Every op's output on one input, as a claim commits to it.

    `made` are the outputs in execution order, whether true or not; `roots` their tensor roots, if they are known.
    """

    def __init__(
        self,
        program: Program | CommittedProgram,
        inputs: Sequence[Integers],
        made: Sequence[Integers],
        hasher: Hasher = keccak256,
        roots: Sequence[bytes] | None = None,
    ) -> None:
        self.committed = program if isinstance(program, CommittedProgram) else CommittedProgram(program, hasher)
        self.program = self.committed.program
        self.hasher = self.committed.hasher
        self.inputs = inputs
        self.made = made
        self._trees: dict[Ref, Tree] = {}
        self._roots = None if roots is None else list(roots)

    @cached_property
    def tensor_roots(self) -> list[bytes]:
        """T_0 ... T_(n-1)."""
        if self._roots is not None:
            return self._roots
        return [self._tensor_root(Ref(Source.OP, j)) for j in range(len(self.program.ops))]

    @cached_property
    def trace(self) -> Tree:
        return Tree.of(self.tensor_roots, self.hasher)

    @property
    def trace_tree(self) -> bytes:
        """The root that a claim carries."""
        return self.trace.root

    @cached_property
    def input_roots(self) -> list[bytes]:
        return [self._tensor_root(Ref(Source.INPUT, i)) for i in range(len(self.program.inputs))]

    @cached_property
    def input_root(self) -> bytes:
        return self.hasher(bytes([Tag.INPUT, len(self.input_roots)]) + b"".join(self.input_roots))

    @cached_property
    def output_root(self) -> bytes:
        roots = [self.tensor_roots[output.ref.index] for output in self.program.outputs]
        return self.hasher(bytes([Tag.OUTPUT, len(roots)]) + b"".join(roots))

    @property
    def step_roots(self) -> StepRoots:
        ops = len(self.program.ops)
        return StepRoots(self.input_root, self.committed.weights.root, self.trace_tree, ops)

    @property
    def top_height(self) -> int:
        """Of the nodes that the claim shows."""
        return max(0, self.trace.height - TOP_DEPTH)

    @cached_property
    def top(self) -> tuple[bytes, ...]:
        return self.trace.below(self.trace.height, 0, self.top_height)

    @cached_property
    def output_paths(self) -> tuple[tuple[bytes, ...], ...]:
        """For every output, the siblings of its leaf up to the top node over it."""
        return tuple(self.trace.siblings(0, output.ref.index, self.top_height) for output in self.program.outputs)

    def node(self, height: int, index: int) -> bytes:
        """Of the trace tree."""
        return self.trace.node(height, index)

    def siblings(self, height: int, index: int, top: int | None = None) -> tuple[bytes, ...]:
        """In the trace tree, from a node up to its ancestor at height `top`, the root by default."""
        return self.trace.siblings(height, index, top)

    def op(self, index: int) -> Op:
        return self.program.ops[index]

    def operands(self, op: int) -> list[Integers]:
        """The tensors that an op reads, in order."""
        return [self.tensor(ref) for ref in self.program.ops[op].operands]

    def tensor(self, ref: Ref) -> Integers:
        if ref.source is Source.CONST:
            return self.program.constants[ref.index].values
        return (self.inputs if ref.source is Source.INPUT else self.made)[ref.index]

    def width(self, ref: Ref) -> int:
        return self.program.constants[ref.index].width if ref.source is Source.CONST else 4

    def tree(self, ref: Ref) -> Tree:
        """The chunk tree of a tensor."""
        if ref.source is Source.CONST:
            return self.committed.constant_tree(ref.index)
        if ref not in self._trees:
            self._trees[ref] = Tree(self.committed.chunk_levels(self.tensor(ref), 4), self.hasher)
        return self._trees[ref]

    def chunk_tree(self, op: int) -> Tree:
        """Of an op's output."""
        return self.tree(Ref(Source.OP, op))

    def path(self, ref: Ref) -> tuple[bytes, ...]:
        """What shows a tensor's root under the claim's or the key's roots."""
        if ref.source is Source.INPUT:
            return tuple(self.input_roots)
        return (self.trace if ref.source is Source.OP else self.committed.weights).siblings(0, ref.index)

    def chunks(self, ref: Ref, first: int, stop: int) -> bytes:
        """The chunks first <= n < stop of a tensor, those past its end left out."""
        values, width = self.tensor(ref).reshape(-1), self.width(ref)
        stop = min(stop, chunk_count(values.size, width))
        if stop <= first:
            return b""
        each = CHUNK_BYTES // width
        part = tensor_bytes(values[first * each : stop * each], width)
        return part.ljust((stop - first) * CHUNK_BYTES, b"\0")

    def descriptor_proof(self, op: int) -> DescriptorProof:
        return self.committed.descriptor_proof(op)

    def size_of(self, op: int) -> OpSize:
        return self.committed.size_of(op)

    def reveal_body(self, at: Position) -> bytes:
        """What the defender reveals at a position: nodes, chunks or accumulators."""
        if at.phase is Phase.SUM:
            found = accumulators(self.program.ops[at.op], self.operands(at.op), at.element, at.lo, at.hi)
            return encode_sums(found)
        if at.phase is Phase.TRACE and not at.is_leaf:
            return b"".join(self.trace.below(at.height, at.index, revealed_height(at)))
        tree = self.chunk_tree(at.op)
        height = tree.height if at.is_leaf else at.height
        below = revealed_height(at, tree.height)
        if below == 0:
            return self.chunks(Ref(Source.OP, at.op), at.index << height, (at.index + 1) << height)
        return b"".join(tree.below(height, at.index, below))

    def _tensor_root(self, ref: Ref) -> bytes:
        return tensor_root_over(self.tree(ref).root, self.tensor(ref).shape, self.width(ref), self.hasher)
