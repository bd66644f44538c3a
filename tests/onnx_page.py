"""docs/onnx-ops.md: which ONNX operators compile, and what became of each of ONNX's own node tests."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import onnx
import onnxruntime
from onnx import defs

from circuits.onnx.coverage import FAMILIES, SUPPORTED
from circuits.onnx.graph import type_name
from circuits.onnx.inputs import INPUT_TYPES
from circuits.onnx.load import OLDEST_OPSET
from tests.onnx_node_tests import DISCONTINUOUS, Outcome

PAGE = Path(__file__).parents[1] / "docs" / "onnx-ops.md"

# Computed while the file is read, or written as another operator: no program ever has them.
BEFORE = {
    "Constant": "computed on import",
    "ConstantOfShape": "computed on import; its shape constant",
    "Dropout": "dropped; training_mode is false",
    "Range": "computed on import; all inputs constant",
    "Scatter": "as ScatterElements",
    "Shape": "computed on import",
    "Size": "computed on import",
    "Upsample": "as Resize",
    "ai.onnx.ml::ZipMap": "dropped: the output is the tensor of probabilities",
}
INTRODUCTION = """# ONNX operators

Written by `make fixtures` from the compiler's own checks and from ONNX's own node tests, run on onnx {onnx} and
onnxruntime {runtime}; do not edit. `inferproof model check FILE.onnx` says the same of one model, node by node.

- Opsets {oldest} to {newest}; operators are read in their newest signature (`circuits/onnx/signature.py`).
- Inputs: {types}. A value of an integer type has 32 bits in a program.
- Nodes whose inputs are all constant are computed on import, whatever their operator.
- An operator that is not below, but that ONNX itself defines by those that are, is replaced by its definition.
- Anything else is refused by name, node and place, all such nodes at once (`onnx_unsupported_ops`).
"""


def page(outcomes: Sequence[Outcome]) -> str:
    """The whole page."""
    kinds = ", ".join(type_name(kind) for kind in sorted(INPUT_TYPES))
    head = INTRODUCTION.format(
        onnx=onnx.__version__, runtime=onnxruntime.__version__, oldest=OLDEST_OPSET,
        newest=defs.onnx_opset_version(), types=kinds,
    )  # fmt: skip
    return "\n".join([head, *_operators(outcomes), "", *_tests(outcomes), "", *_refusals(outcomes)]) + "\n"


def known(operators: Iterable[str]) -> bool:
    return set(operators) <= {*SUPPORTED, *BEFORE}


def _operators(outcomes: Sequence[Outcome]) -> list[str]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in filter(lambda outcome: known(outcome.operators), outcomes):
        for operator in outcome.operators:
            counts[operator][outcome.result] += 1
    families = {operator: family for family, checks in FAMILIES.items() for operator in checks}
    lines = [
        "## Operators",
        "",
        "With how many node tests that use no other operators became of each.",
        "",
        "| operator | family | has to hold | passed | refused | wrong |",
        "|---|---|---|---|---|---|",
    ]
    for operator in sorted({*SUPPORTED, *BEFORE}, key=lambda name: ("::" in name, name)):
        condition = BEFORE.get(operator) or _with_names(operator, SUPPORTED[operator].__doc__ or "")
        numbers = " | ".join(str(counts[operator][result]) for result in ("passed", "refused", "wrong"))
        lines.append(f"| {operator} | {families.get(operator, 'import')} | {condition} | {numbers} |")
    return lines


def _with_names(operator: str, condition: str) -> str:
    """`inputs 1, 2 constant` with the names that ONNX gives the inputs."""
    domain, _, name = operator.rpartition("::")
    inputs = defs.get_schema(name, domain=domain).inputs

    def named(match: re.Match[str]) -> str:
        positions = [int(digit) for digit in re.findall(r"\d+", match[0])]
        return ", ".join(f"`{inputs[p].name}`" for p in positions if p < len(inputs))

    return " ".join(re.sub(r"inputs? \d+(, \d+)*", named, condition).split())


def _tests(outcomes: Sequence[Outcome]) -> list[str]:
    lines = [
        "## Node tests",
        "",
        "Each is compiled at 16 bits with its own input as calibration, run, and compared with the output it expects.",
        "Inputs that have to be constant are frozen to the test's data, as with `--freeze`. Passed: integers and",
        "booleans equal; real numbers within the error that the compile report states, and within 1 % of the largest",
        "expected value (0.1 % where only sums, products and moves are computed).",
        "",
        "| | tests | passed | refused | wrong |",
        "|---|---|---|---|---|",
    ]
    groups = {
        "only operators above": [outcome for outcome in outcomes if known(outcome.operators)],
        "others": [outcome for outcome in outcomes if not known(outcome.operators)],
        "all": list(outcomes),
    }
    for name, group in groups.items():
        numbers = Counter(outcome.result for outcome in group)
        lines.append(f"| {name} | {len(group)} | {numbers['passed']} | {numbers['refused']} | {numbers['wrong']} |")
    if DISCONTINUOUS:
        lines += ["", "Not compared, since rounding the input already decides otherwise:", ""]
        lines += [f"- `{name}`: {reason}" for name, reason in sorted(DISCONTINUOUS.items())]
    return lines


def _refusals(outcomes: Sequence[Outcome]) -> list[str]:
    """Every refused test under its reason: those of the operators above by name, others by operator."""
    lines = ["## Why node tests are refused"]
    refused = [outcome for outcome in outcomes if outcome.result == "refused"]
    for title, group in (
        ("Of operators above", [outcome for outcome in refused if known(outcome.operators)]),
        ("Of other operators", [outcome for outcome in refused if not known(outcome.operators)]),
    ):
        reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
        for outcome in group:
            reasons[outcome.code, plain_reason(outcome)].append(outcome.name.removeprefix("test_"))
        lines += ["", f"### {title}", "", "| tests | code | reason | which |", "|---|---|---|---|"]
        for (code, reason), names in sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0])):
            lines.append(f"| {len(names)} | `{code}` | {reason} | {', '.join(names)} |")
    return lines


def plain_reason(outcome: Outcome) -> str:
    """The same words for tests that are refused for the same reason: without the names and numbers of one test."""
    absent = sorted({operator for operator, reason in outcome.nodes if reason == "the operator is not supported"})
    if absent:
        return "no such operator: " + ", ".join(absent)
    if outcome.nodes:
        reasons = dict.fromkeys(f"{operator}: {_without_names(reason)}" for operator, reason in outcome.nodes)
        return "; ".join(reasons)
    return _without_names(outcome.reason)


def _without_names(reason: str) -> str:
    reason = re.sub(r"^\w+ \(\w*\): ", "", reason)
    reason = re.sub(r" \(\w+_\d+\)", "", reason)
    reason = re.sub(r" ?\('[^']*'\)| '[^']*'", "", reason)
    reason = re.sub(r"\(or freeze.*", "", reason).replace("|", "/")
    return reason.strip()
