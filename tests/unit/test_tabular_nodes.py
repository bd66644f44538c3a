"""The other operators of ai.onnx.ml, made by hand, against onnxruntime; each with what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.tabular_models import INTEGER, REAL, compared, model, node, refused

COLUMNS = 3
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(80, COLUMNS)).astype(np.float32) * np.float32([1, 0.01, 300])
STANDARD = RNG.normal(size=(80, COLUMNS)).astype(np.float32)
FEATURES = {"x": (REAL, [None, COLUMNS])}
SAME = {"y": (REAL, [None, COLUMNS])}


def one(op: str, outputs: dict[str, Any], inputs: dict[str, Any] | None = None, **attributes: Any) -> onnx.ModelProto:
    inputs = inputs or FEATURES
    return model([node(op, list(inputs), list(outputs), **attributes)], inputs, outputs)


def test_a_scaler_sees_each_column_at_its_own_scale(tmp_path: Path) -> None:
    proto = one("Scaler", SAME, scale=[1.0, 100.0, 1 / 300], offset=[0.1, -0.002, 40.0])
    found = compared(tmp_path, proto, ROWS, ROWS)
    assert found.error("y") < 1e-4
    assert len(set(found.program.inputs[0].scales)) == COLUMNS
    assert "entries for 3 columns" in refused(tmp_path, one("Scaler", SAME, scale=[1.0, 2.0], offset=[0.0]))


@pytest.mark.parametrize("norm", ["MAX", "L1", "L2"])
def test_normalizers_leave_a_row_of_zeros_as_it_is(tmp_path: Path, norm: str) -> None:
    rows = np.concatenate([STANDARD, -np.abs(STANDARD[:4]), np.zeros((1, COLUMNS), np.float32)])
    rows = rows[(np.abs(rows.max(axis=1)) > 0.1) | ~rows.any(axis=1)]  # elsewhere a MAX is a division by almost nothing
    found = compared(tmp_path, one("Normalizer", SAME, norm=norm), rows, rows)
    assert found.error("y") < 2e-3
    assert not found.real["y"][-1].any()
    assert "none of MAX, L1, L2" in refused(tmp_path, one("Normalizer", SAME, norm="L3"))


@pytest.mark.parametrize(
    ("targets", "transform"), [(1, "NONE"), (1, "LOGISTIC"), (2, "NONE"), (2, "LOGISTIC"), (2, "SOFTMAX")]
)
def test_linear_regressors_transform_more_than_one_target(tmp_path: Path, targets: int, transform: str) -> None:
    weights = [0.5, -20.0, 0.001, 1.5, 10.0, -0.002][: targets * COLUMNS]
    proto = one(
        "LinearRegressor",
        {"y": (REAL, [None, targets])},
        targets=targets,
        coefficients=weights,
        intercepts=[0.25, -0.5][:targets],
        post_transform=transform,
    )
    assert compared(tmp_path, proto, ROWS, ROWS).error("y") < 1e-3


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX"])
@pytest.mark.parametrize("scores", [1, 2, 3])
def test_linear_classifiers_of_one_two_and_three_scores(tmp_path: Path, scores: int, transform: str) -> None:
    proto = one(
        "LinearClassifier",
        {"label": (INTEGER, [None]), "scores": (REAL, [None, max(2, scores)])},
        coefficients=[0.5, -20.0, 0.001, 1.5, 10.0, -0.002, -1.0, 5.0, 0.01][: scores * COLUMNS],
        intercepts=[0.25, -0.5, 0.1][:scores],
        classlabels_ints=[4, 2, 9][: max(2, scores)],
        post_transform=transform,
    )
    found = compared(tmp_path, proto, ROWS, ROWS)
    np.testing.assert_array_equal(found.real["label"], found.expected["label"])
    assert found.error("scores") < 1e-3


@pytest.mark.parametrize("shape", [[3, COLUMNS], [COLUMNS]], ids=["three rows", "a row of rank 1"])
def test_tables_of_other_shapes_than_one_row(tmp_path: Path, shape: list[int]) -> None:
    count = 3 if len(shape) > 1 else 1
    scaled = node("Scaler", ["x"], ["scaled"], scale=[1.0, 100.0, 1 / 300], offset=[0.1, -0.002, 40.0])
    unit = node("Normalizer", ["scaled"], ["unit"], norm="L2")
    classes = {"classlabels_ints": [4, 2], "coefficients": [0.5, -20.0, 1.5, -0.5, 1.0, 0.0], "intercepts": [0.25, 0.0]}
    linear = node("LinearClassifier", ["unit"], ["label", "scores"], **classes)
    outputs = {"label": (INTEGER, [count]), "scores": (REAL, [count, 2])}
    table = ROWS[: 26 * count].reshape(26, *shape)
    found = compared(tmp_path, model([scaled, unit, linear], {"x": (REAL, shape)}, outputs), table, table)
    np.testing.assert_array_equal(found.real["label"], found.expected["label"])
    assert found.error("scores") < 2e-3


def test_refuses_linear_classifiers_that_do_not_add_up(tmp_path: Path) -> None:
    outputs = {"label": (INTEGER, [None]), "scores": (REAL, [None, 2])}

    def proto(**changed: Any) -> onnx.ModelProto:
        good: dict[str, Any] = {"coefficients": [1.0] * 6, "intercepts": [0.0, 1.0], "classlabels_ints": [0, 1]}
        return one("LinearClassifier", outputs, **(good | changed))

    assert "3 intercepts for 2 classes" in refused(tmp_path, proto(intercepts=[0.0, 1.0, 2.0]))
    assert "2 coefficients for 3 columns" in refused(tmp_path, proto(coefficients=[1.0] * 4))
    assert "PROBIT" in refused(tmp_path, proto(post_transform="PROBIT"))


KERNELS = [
    ("LINEAR", [0.0, 0.0, 0.0]),
    ("POLY", [0.3, 0.5, 3.0]),
    ("RBF", [0.4, 0.0, 0.0]),
    ("SIGMOID", [0.2, 0.1, 0.0]),
]
VECTORS = 12


def vectors(seed: int) -> list[float]:
    return [float(v) for v in np.random.default_rng(seed).normal(size=VECTORS * COLUMNS).astype(np.float32)]


def coefficients(count: int, seed: int = 5) -> list[float]:
    return [float(v) for v in np.random.default_rng(seed).normal(size=count).astype(np.float32)]


@pytest.mark.parametrize(("kernel", "params"), KERNELS, ids=[name for name, _ in KERNELS])
def test_support_vector_regressors_of_every_kernel(tmp_path: Path, kernel: str, params: list[float]) -> None:
    proto = one(
        "SVMRegressor",
        {"y": (REAL, [None, 1])},
        kernel_type=kernel,
        kernel_params=params,
        n_supports=VECTORS,
        support_vectors=vectors(1),
        coefficients=coefficients(VECTORS),
        rho=[0.3],
    )
    found = compared(tmp_path, proto, STANDARD, STANDARD)
    assert found.error("y") < 1e-3 * max(1.0, float(np.abs(found.expected["y"]).max()))


@pytest.mark.parametrize("one_class", [0, 1])
def test_a_regressor_without_vectors_is_linear(tmp_path: Path, one_class: int) -> None:
    proto = one(
        "SVMRegressor", {"y": (REAL, [None, 1])}, kernel_params=[0.0, 0.0, 0.0],
        coefficients=[0.5, -1.0, 2.0], rho=[0.3], one_class=one_class,
    )  # fmt: skip
    assert compared(tmp_path, proto, STANDARD, STANDARD).error("y") < 1e-3


def svm_classifier(classes: int, kernel: str = "RBF", **changed: Any) -> onnx.ModelProto:
    pairs = classes * (classes - 1) // 2
    each = [VECTORS - 5 * (classes - 1)] + [5] * (classes - 1)
    made: dict[str, Any] = {
        "kernel_type": kernel,
        "kernel_params": dict(KERNELS)[kernel],
        "vectors_per_class": each,
        "support_vectors": vectors(2),
        "coefficients": coefficients(VECTORS * (classes - 1)),
        "rho": [0.1, -0.2, 0.05][:pairs],
        "classlabels_ints": [3, 5, 8][:classes],
    }
    made = {key: value for key, value in (made | changed).items() if value != []}
    columns = classes if classes < 3 or "prob_a" in changed or "vectors_per_class" not in made else pairs
    return one("SVMClassifier", {"label": (INTEGER, [None]), "scores": (REAL, [None, columns])}, **made)


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX"])
@pytest.mark.parametrize("classes", [2, 3])
def test_support_vector_classifiers_vote(tmp_path: Path, classes: int, transform: str) -> None:
    rows = np.delete(STANDARD, 2, axis=0)  # whose score is 4e-5
    found = compared(tmp_path, svm_classifier(classes, post_transform=transform), STANDARD, rows)
    np.testing.assert_array_equal(found.real["label"], found.expected["label"])
    assert found.error("scores") < 2e-3


def test_two_probabilities_are_coupled_as_onnxruntime_does(tmp_path: Path) -> None:
    proto = svm_classifier(2, "POLY", prob_a=[-2.5], prob_b=[0.3])
    found = compared(tmp_path, proto, STANDARD, STANDARD)
    np.testing.assert_array_equal(found.real["label"], found.expected["label"])
    # The iteration ends where its error is small: its result jumps there by up to its tolerance.
    assert found.error("scores") < 5e-3
    three = svm_classifier(3, prob_a=[-2.5] * 3, prob_b=[0.3] * 3)
    assert "coupled by iteration" in refused(tmp_path, three)


@pytest.mark.parametrize("classes", [2, 3])
def test_support_vector_classifiers_without_vectors(tmp_path: Path, classes: int) -> None:
    weights = coefficients(classes * COLUMNS)
    proto = svm_classifier(classes, "LINEAR", vectors_per_class=[], support_vectors=[], coefficients=weights)
    found = compared(tmp_path, proto, STANDARD, STANDARD)
    np.testing.assert_array_equal(found.real["label"], found.expected["label"])
    assert found.error("scores") < 1e-3


def test_refuses_support_vectors_that_do_not_add_up(tmp_path: Path) -> None:
    assert "kernel_type" in refused(tmp_path, svm_classifier(2, kernel_type="COSINE"))
    assert "degree" in refused(tmp_path, svm_classifier(2, "POLY", kernel_params=[1.0, 0.0, 2.5]))
    assert "2 classes" in refused(tmp_path, svm_classifier(2, vectors_per_class=[12]))
    assert "entries for 1 columns" in refused(tmp_path, svm_classifier(2, rho=[0.1, 0.2]))


def test_binarizer_and_imputer(tmp_path: Path) -> None:
    rows = STANDARD.copy()
    rows[::3, 1] = -1.0
    assert compared(tmp_path, one("Binarizer", SAME, threshold=0.25), rows, rows).error("y") == 0
    imputed = one("Imputer", SAME, imputed_value_floats=[0.5, 0.75, 1.0], replaced_value_float=-1.0)
    assert compared(tmp_path, imputed, rows, rows).error("y") < 1e-3
    missing = one("Imputer", SAME, imputed_value_floats=[0.5], replaced_value_float=float("nan"))
    assert compared(tmp_path, missing, rows, rows).error("y") < 1e-3
    assert "it has 0 values" in refused(tmp_path, one("Imputer", SAME))


def test_columns_are_taken_and_put_together(tmp_path: Path) -> None:
    indices = numpy_helper.from_array(np.array([2, 0, 2], np.int64), "indices")
    taken = node("ArrayFeatureExtractor", ["x", "indices"], ["taken"])
    joined = node("FeatureVectorizer", ["taken", "x"], ["y"], inputdimensions=[3, COLUMNS])
    proto = model([taken, joined], FEATURES, {"y": (REAL, [None, 3 + COLUMNS])}, [indices])
    assert compared(tmp_path, proto, STANDARD, STANDARD).error("y") < 1e-3
    wrong = model([taken, node("FeatureVectorizer", ["x"], ["y"], inputdimensions=[7])], FEATURES, SAME, [indices])
    assert "inputdimensions say [1, 7]" in refused(tmp_path, wrong)


def test_categories_become_columns(tmp_path: Path) -> None:
    whole = {"x": (INTEGER, [None, 2])}
    rows = np.random.default_rng(0).integers(-2, 5, (40, 2))
    proto = one("OneHotEncoder", {"y": (REAL, [None, 2, 3])}, whole, cats_int64s=[0, 3, -1], zeros=1)
    assert compared(tmp_path, proto, rows, rows).error("y") == 0
    assert "no cats_int64s" in refused(tmp_path, one("OneHotEncoder", {"y": (REAL, [None, 2, 0])}, whole, zeros=1))


@pytest.mark.parametrize("kind", ["int64s", "floats"])
def test_encoders_of_numbers(tmp_path: Path, kind: str) -> None:
    whole = {"x": (INTEGER, [None, 2])}
    rows = np.random.default_rng(0).integers(-2, 5, (40, 2))
    values: dict[str, Any] = {"int64s": [70, -8, 5], "floats": [0.25, -1.5, 3.7]}
    attributes = {
        f"values_{kind}": values[kind],
        f"default_{kind[:-1]}": values[kind][0] * 2,
        "keys_int64s": [3, 0, -1],
    }
    outputs = {"y": (INTEGER if kind == "int64s" else REAL, [None, 2])}
    found = compared(tmp_path, one("LabelEncoder", outputs, whole, **attributes), rows, rows)
    assert found.error("y") < (1e-9 if kind == "int64s" else 1e-3)


def test_an_encoder_of_few_possible_keys_is_one_lookup(tmp_path: Path) -> None:
    """After an ArgMax there are few integers that a key can be."""
    best = helper.make_node("ArgMax", ["x"], ["best"], axis=1, keepdims=0)
    named = node("LabelEncoder", ["best"], ["y"], keys_int64s=[0, 2], values_int64s=[10, -4], default_int64=7)
    proto = model([best, named], FEATURES, {"y": (INTEGER, [None])})
    found = compared(tmp_path, proto, STANDARD, STANDARD)
    assert found.error("y") == 0
    assert len(found.program.ops) == 2


def test_a_whole_column_of_no_known_type_is_refused(tmp_path: Path) -> None:
    truth = helper.make_node("Cast", ["x"], ["truth"], to=TensorProto.BOOL)
    proto = model([truth, node("Scaler", ["truth"], ["y"], scale=[1.0], offset=[0.0])], FEATURES, SAME)
    assert "no number" in refused(tmp_path, proto)
