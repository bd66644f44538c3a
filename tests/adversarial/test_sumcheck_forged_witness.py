"""A forged witness pushed through the honest prover of the sumcheck route (docs/protocol/sumcheck.md section 4)."""

from __future__ import annotations

import dataclasses

import halo2_choices
import halo2_programs
import numpy as np
import one_op
import pytest
from sumcheck_forging import Forger, check, parts, rejection

from circuits.lower.sumcheck.system import Kind
from prover.key_cache import KeyCache
from prover.sumcheck import Argument, ProvingKey
from prover.sumcheck.table import fill_rows

# gemm_relu's first layer, a ReLU fused into its rescale: acc + half = 2^7·(2^15·h + l) + ρ and y = m·l + (2^15 − 1)·c
# with (h, m, c) looked up. Its second layer never saturates: acc + half = 2^9·y + ρ.
CLAMPED, SELECTED, PLAIN = 0, 1, 2
BITS = 15


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> KeyCache:
    return KeyCache(tmp_path_factory.mktemp("sumcheck") / "cache")


@pytest.fixture(scope="module")
def gemm(cache: KeyCache) -> Forger:
    program = halo2_programs.gemm_relu()
    return Forger.of(program, halo2_programs.random_inputs(program, 1), cache)


def at_first(values: np.ndarray, amount: int) -> np.ndarray:
    changed = values.copy()
    changed.reshape(-1)[0] += amount
    return changed


def only_lookups_fail(forger: Forger, forged: list[np.ndarray]) -> bool:
    """Whether all identities hold: the forger got as far as one gets without the tables."""
    found = forger.violations(forged)
    return bool(found) and {violation.kind for violation in found} == {"fractions"}


def test_accepts_the_honest_witness(gemm: Forger) -> None:
    assert gemm.violations(gemm.honest) == []
    check(gemm.statement(gemm.honest), gemm.keys.key, gemm.argue(gemm.honest))


@pytest.mark.parametrize("sign", [1, -1])
def test_rejects_remainder_that_is_off_by_the_divisor(gemm: Forger, sign: int) -> None:
    found = parts(gemm.lowering, PLAIN)
    divisor = max(found)
    quotient, remainder = found[divisor], found[1]
    public = gemm.lowering.system.of_kind(Kind.OUTPUT)[0]
    changes = {
        remainder: at_first(gemm.honest[remainder], sign * divisor),
        quotient: at_first(gemm.honest[quotient], -sign),
        public: at_first(gemm.honest[public], -sign),
    }
    forged = gemm.changed(changes)
    assert only_lookups_fail(gemm, forged)
    assert gemm.rejected(forged) == "fraction_sum_not_zero"


def test_rejects_quotient_that_is_off_by_its_range(gemm: Forger) -> None:
    found = parts(gemm.lowering, CLAMPED)
    scale = 1 << BITS
    low, high = (found[c] for c in sorted(found)[1:3])
    assert sorted(found)[2] == sorted(found)[1] * scale
    forged = gemm.changed({low: at_first(gemm.honest[low], scale), high: at_first(gemm.honest[high], -1)})
    assert {v.number for v in gemm.violations(forged) if v.kind == "identity"} <= {SELECTED}
    assert gemm.rejected(forged) == "fraction_sum_not_zero"


def clamped(gemm: Forger, h_sign: int) -> tuple[int, dict[str, int]]:
    """An element of the first layer whose h has this sign, and the tensors that select what becomes of it."""
    system, found = gemm.lowering.system, parts(gemm.lowering, CLAMPED)
    low, high = (found[c] for c in sorted(found)[1:3])
    (product,) = [term for term in system.identities[SELECTED].terms if len(term.readings) == 2]
    (middle,) = {reading.tensor for reading in product.readings} - {low}
    top = parts(gemm.lowering, SELECTED)[(1 << BITS) - 1]
    (element, *_) = np.flatnonzero(np.sign(gemm.honest[high].reshape(-1)) == h_sign)
    return int(element), {"low": low, "high": high, "middle": middle, "top": top}


@pytest.mark.parametrize(
    ("h_sign", "middle", "top"),
    [(-1, 1, 0), (-1, 0, 1), (1, 1, 0), (1, 0, 0)],
    ids=[
        "negative taken as it is",
        "negative saturated above",
        "overflow taken as it is",
        "overflow taken as negative",
    ],
)
def test_rejects_wrong_sign_of_a_relu_and_saturation_where_there_is_none(
    gemm: Forger, h_sign: int, middle: int, top: int
) -> None:
    element, tensors = clamped(gemm, h_sign)
    forged_output = gemm.made[1].copy()
    low = int(gemm.honest[tensors["low"]].reshape(-1)[element])
    forged_output.reshape(-1)[element] = middle * low + top * ((1 << BITS) - 1)
    forged = gemm.continued(1, forged_output)
    forged[tensors["middle"]].reshape(-1)[element] = middle
    forged[tensors["top"]].reshape(-1)[element] = top
    forged = gemm.lowering.recount(forged)
    assert only_lookups_fail(gemm, forged)
    assert gemm.rejected(forged) == "fraction_sum_not_zero"


@pytest.mark.parametrize("element", range(4), ids=["inside", "above", "below", "inside and negative"])
@pytest.mark.parametrize(("middle", "top"), [(1, 0), (0, 1), (0, 0)], ids=["as it is", "as above", "as below"])
def test_rejects_saturation_claimed_where_there_is_none_and_the_reverse(
    cache: KeyCache, element: int, middle: int, top: int
) -> None:
    """rescale(300·x) by 2 bits into 16: y = m·l + (2^16 − 1)·c − 2^15, with m and c the forger's choice."""
    program = one_op.program(one_op.linear((300,), (4,), 2, True), [(4,)])
    forger = Forger.of(program, [np.array([100, 2000, -2000, -436], np.int64)], cache)
    assert forger.made[0].tolist() == [7500, 2**15 - 1, -(2**15), -32700]
    system, honest = forger.lowering.system, forger.honest
    (number,) = [i for i, identity in enumerate(system.identities) if any(len(t.readings) == 2 for t in identity.terms)]
    (product,) = [term for term in system.identities[number].terms if len(term.readings) == 2]
    selector, low = sorted((reading.tensor for reading in product.readings), key=lambda t: int(honest[t].max()))
    selectors = {selector: middle, parts(forger.lowering, number)[2**16 - 1]: top}
    right = all(int(honest[tensor][element]) == chosen for tensor, chosen in selectors.items())
    output = forger.made[0].copy()
    output[element] = middle * int(honest[low][element]) + (2**16 - 1) * top - 2**15
    forged = forger.continued(0, output)
    for tensor, chosen in selectors.items():
        forged[tensor][element] = chosen
    forged = forger.lowering.recount(forged)
    if right:
        check(forger.statement(forged), forger.keys.key, forger.argue(forged))
    else:
        assert only_lookups_fail(forger, forged)
        assert forger.rejected(forged) == "fraction_sum_not_zero"


def multiplicities(gemm: Forger) -> list[int]:
    return [f.numerator.readings[0].tensor for f in gemm.lowering.system.fractions if f.numerator.coefficient == -1]


@pytest.mark.parametrize("wrong", [-1, 1])
@pytest.mark.parametrize("table", [0, 1])
def test_rejects_multiplicity_off_by_one_and_of_minus_one(gemm: Forger, table: int, wrong: int) -> None:
    """−1 is p − 1: what a table would take to cancel a lookup that it does not hold."""
    tensor = multiplicities(gemm)[table]
    unused = int(np.flatnonzero(gemm.honest[tensor].reshape(-1) == 0)[0])
    used = int(np.flatnonzero(gemm.honest[tensor].reshape(-1))[0])
    for row in (unused, used):
        forged = [values.copy() for values in gemm.honest]
        forged[tensor].reshape(-1)[row] += wrong
        assert only_lookups_fail(gemm, forged)
        assert gemm.rejected(forged) == "fraction_sum_not_zero"


def test_garbage_in_padding_changes_no_claim(gemm: Forger) -> None:
    """Nothing weighs cells that are not real: whatever is there, the true statement is accepted and a false one not."""
    key = gemm.keys.key
    ones = {t: np.ones(tensor.dims, np.int64) for t, tensor in enumerate(key.system.tensors)}
    padding = fill_rows(key.system, key.layout, ones, Kind.WITNESS) == 0
    assert padding.sum() > 20
    generator = np.random.default_rng(7)
    found = parts(gemm.lowering, PLAIN)
    quotient = found[max(found)]
    wrong = gemm.changed({quotient: at_first(gemm.honest[quotient], 1)})
    for assignment, accepted in ((gemm.honest, True), (wrong, False)):
        argument = Argument(gemm.keys.proving, assignment)
        rows, statement = argument.witness_rows(), gemm.statement(assignment)
        rows[padding] = generator.integers(-(2**62), 2**62, int(padding.sum()))
        proof = argument.prove_rows(statement, rows)
        if accepted:
            opened = check(statement, key, proof)
            np.testing.assert_array_equal(opened.outputs[0], gemm.made[-1])
        else:
            assert rejection(statement, key, proof) in {"fraction_sum_not_zero", "evaluation_mismatch"}


def swapped_weights(cache: KeyCache) -> Forger:
    """The same system as gemm_relu's, by the same ranges, with two weights of the second layer exchanged."""
    program = halo2_programs.gemm_relu()
    constants = list(program.constants)
    weights = constants[2].values.copy()
    weights[0, [0, 2]] = weights[0, [2, 0]]
    constants[2] = dataclasses.replace(constants[2], values=weights)
    other = dataclasses.replace(program, constants=tuple(constants))
    return Forger.of(other, halo2_programs.random_inputs(other, 1), cache)


def test_rejects_swapped_weights(gemm: Forger, cache: KeyCache) -> None:
    """With the other weights' cells the commitments do not open, with the key's own the claims do not hold."""
    other = swapped_weights(cache)
    assert other.lowering.system == gemm.lowering.system
    assert not np.array_equal(other.made[-1], gemm.made[-1])
    honest, string = gemm.keys.proving, gemm.keys.proving.reference_string
    statement = dataclasses.replace(other.statement(other.honest), model_id=gemm.keys.key.model_id)
    codes = []
    for rows in (other.keys.proving.setup_rows, honest.setup_rows):
        proof = Argument(ProvingKey(honest.key, rows, string), other.honest).prove(statement)
        codes.append(rejection(statement, gemm.keys.key, proof))
    assert codes == ["opening_mismatch", "evaluation_mismatch"]


def test_rejects_proof_under_another_models_key(gemm: Forger, cache: KeyCache) -> None:
    other = swapped_weights(cache)
    statement, proof = other.statement(other.honest), other.argue(other.honest)
    check(statement, other.keys.key, proof)
    assert rejection(statement, gemm.keys.key, proof) == "key_for_another_model"
    renamed = dataclasses.replace(statement, model_id=gemm.keys.key.model_id)
    assert rejection(renamed, gemm.keys.key, proof) not in {"key_for_another_model", "output_differs"}
    passed_off = dataclasses.replace(other.keys.key, model_id=gemm.keys.key.model_id)
    assert passed_off.digest() != gemm.keys.key.digest()


def public_bytes(*tensors: np.ndarray) -> bytes:
    return b"".join(tensor.astype(">i2").tobytes() for tensor in tensors)


@pytest.mark.parametrize("element", range(3))
def test_rejects_another_output_in_every_element(gemm: Forger, element: int) -> None:
    output = gemm.lowering.system.of_kind(Kind.OUTPUT)[0]
    forged = list(gemm.honest)
    forged[output] = forged[output].copy()
    forged[output].reshape(-1)[element] += 1
    statement, honest = gemm.statement(forged), gemm.argue(gemm.honest)
    assert rejection(statement, gemm.keys.key, honest) == "output_differs"
    assert gemm.rejected(forged) == "evaluation_mismatch"
    # The honest messages with another output in front: the output was absorbed before all of them.
    head = len(public_bytes(*gemm.inputs))
    spliced = honest[:head] + public_bytes(forged[output]) + honest[head + 2 * forged[output].size :]
    assert rejection(statement, gemm.keys.key, spliced) == "layer_mismatch"


def test_rejects_another_input(gemm: Forger) -> None:
    number = gemm.lowering.system.of_kind(Kind.INPUT)[0]
    for element in range(gemm.honest[number].size):
        forged = list(gemm.honest)
        forged[number] = forged[number].copy()
        forged[number].reshape(-1)[element] ^= 1
        statement, honest = gemm.statement(forged), gemm.argue(gemm.honest)
        assert rejection(statement, gemm.keys.key, honest) == "input_differs"
        assert gemm.rejected(forged) == "evaluation_mismatch"
        spliced = public_bytes(forged[number]) + honest[2 * forged[number].size :]
        assert rejection(statement, gemm.keys.key, spliced) == "layer_mismatch"


CHOICES = ("argmaxes", "comparisons", "selections", "gathers", "quotients", "roots", "attention")
PROGRAMS = {**halo2_programs.ONE_PER_OP, **{name: getattr(halo2_choices, name) for name in CHOICES}}


@pytest.mark.parametrize("name", PROGRAMS)
def test_rejects_every_ops_output_corrupted_in_turn(name: str, cache: KeyCache) -> None:
    """A maximum that is not the maximum, a softmax off by one, a wrong table entry: and everything after it follows."""
    program = PROGRAMS[name]()
    forger = Forger.of(program, halo2_programs.random_inputs(program, 2), cache)
    forged = [f for position in range(len(program.ops)) if (f := corrupted(forger, position)) is not None]
    assert forged
    for assignment in forged:
        assert forger.violations(assignment)
        codes = {"fraction_sum_not_zero", "evaluation_mismatch"}
        assert forger.rejected(assignment) in codes


def corrupted(forger: Forger, position: int) -> list[np.ndarray] | None:
    """One element of an op's output off by one; None if the op is fused with one that drops the difference."""
    output, bits = forger.made[position], forger.program.ops[position].bits
    element = int(np.random.default_rng(position).integers(output.size))
    for amount in (1, -1):
        changed = output.copy()
        changed.reshape(-1)[element] += amount
        if abs(2 * changed.reshape(-1)[element] + 1) >= 1 << bits:
            continue
        try:
            forged = forger.continued(position, changed)
        except IndexError:  # of a gather, outside its tensor
            continue
        if any(not np.array_equal(a, b) for a, b in zip(forged, forger.honest, strict=True)):
            return forged
    return None
