"""scikit-learn, XGBoost and LightGBM models, exported the usual way and compiled as they are, against onnxruntime on
rows that neither training nor calibration saw."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import pytest
import xgboost
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost as convert_in_pipeline
from skl2onnx import to_onnx, update_registered_converter
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, SVR, NuSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from circuits.program.ops import Accumulating
from tests.tabular_models import Compared, compared

# How XGBoost's documentation has skl2onnx convert pipelines that end in it.
update_registered_converter(
    xgboost.XGBClassifier,
    "XGBoostXGBClassifier",
    calculate_linear_classifier_output_shapes,
    convert_in_pipeline,
    options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
)

LOADERS = {"cancer": load_breast_cancer, "wine": load_wine, "diabetes": load_diabetes}
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


@cache
def rows(data: str) -> Rows:
    """Rows to train and calibrate on, their targets, and held-out rows: 143 of breast cancer."""
    x, y = LOADERS[data](return_X_y=True)
    train, held_out, targets, _ = train_test_split(x.astype(np.float32), y, test_size=0.25, random_state=0)
    return train, targets, held_out


def exported(estimator: Any, columns: int) -> onnx.ModelProto:
    """As the library's own users export it: ZipMap and all."""
    if isinstance(estimator, xgboost.XGBModel):
        return convert_xgboost(estimator, initial_types=[("input", FloatTensorType([None, columns]))])
    if isinstance(estimator, lightgbm.LGBMModel):
        return convert_lightgbm(estimator, initial_types=[("input", FloatTensorType([None, columns]))])
    return to_onnx(estimator, np.zeros((1, columns), np.float32), target_opset={"": 21, "ai.onnx.ml": 3})


def trained(path: Path, estimator: Any, data: str, names: list[str] | None = None) -> Compared:
    train, targets, held_out = rows(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(train, np.array(names)[targets] if names else targets)
        proto = exported(estimator, train.shape[1])
    return compared(path, proto, train, held_out, interpreted=1)


def same_classes(found: Compared, tolerance: float = 1e-3) -> None:
    label, scores = (output.port.name for output in found.program.outputs)
    np.testing.assert_array_equal(found.real[label], found.expected[label])
    assert found.error(scores) < tolerance


SEED: dict[str, Any] = {"random_state": 0}
FOREST: dict[str, Any] = {"random_state": 0, "n_estimators": 20}
BOOSTED: dict[str, Any] = {"random_state": 0, "n_estimators": 20, "max_depth": 3}
LIGHT: dict[str, Any] = {"random_state": 0, "n_estimators": 20, "verbose": -1, "n_jobs": 1}


@pytest.mark.parametrize(
    "make",
    [
        lambda: xgboost.XGBClassifier(n_jobs=1, **SEED),
        lambda: RandomForestClassifier(**SEED),
        lambda: RandomForestClassifier(n_estimators=20, random_state=3),
    ],
    ids=["XGBoost", "RandomForest", "20 trees"],
)
def test_breast_cancer_is_classified_identically_at_default_options(tmp_path: Path, make: Callable[[], Any]) -> None:
    estimator = make()
    found = trained(tmp_path, estimator, "cancer")
    assert len(found.real[found.program.outputs[0].port.name]) == 143
    same_classes(found)


@pytest.mark.parametrize(
    ("estimator", "data"),
    [
        (DecisionTreeClassifier(**SEED), "cancer"),
        (DecisionTreeClassifier(**SEED), "wine"),
        (RandomForestClassifier(**FOREST), "wine"),
        (ExtraTreesClassifier(**FOREST), "cancer"),
        (GradientBoostingClassifier(**BOOSTED), "cancer"),
        (GradientBoostingClassifier(**BOOSTED), "wine"),
        (BaggingClassifier(n_estimators=3, **SEED), "cancer"),
        (AdaBoostClassifier(n_estimators=5, **SEED), "cancer"),
        (xgboost.XGBClassifier(n_jobs=1, **BOOSTED), "wine"),
        (lightgbm.LGBMClassifier(**LIGHT), "cancer"),
        (lightgbm.LGBMClassifier(**LIGHT), "wine"),
        (lightgbm.LGBMClassifier(boosting_type="rf", bagging_freq=1, bagging_fraction=0.5, **LIGHT), "wine"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
def test_trees_give_the_class_and_the_probabilities(tmp_path: Path, estimator: Any, data: str) -> None:
    same_classes(trained(tmp_path, estimator, data))


@pytest.mark.parametrize(
    ("steps", "data"),
    [
        ((StandardScaler(), LogisticRegression()), "cancer"),
        ((MinMaxScaler(), LogisticRegression()), "wine"),
        ((MaxAbsScaler(), LogisticRegression()), "cancer"),
        ((Normalizer(), LogisticRegression()), "wine"),
        ((Normalizer("l1"), LogisticRegression()), "wine"),
        ((Binarizer(threshold=2.0), LogisticRegression()), "wine"),
        (
            (KBinsDiscretizer(3, encode="ordinal", quantile_method="averaged_inverted_cdf"), LogisticRegression()),
            "wine",
        ),
        ((StandardScaler(), MLPClassifier((8,), max_iter=50, **SEED)), "wine"),
        ((StandardScaler(), SVC(**SEED)), "cancer"),
        ((StandardScaler(), SVC(kernel="linear", **SEED)), "wine"),
        ((ColumnTransformer([("a", StandardScaler(), [0, 12]), ("b", MinMaxScaler(), [5, 7])]), SVC(**SEED)), "wine"),
        ((StandardScaler(), RandomForestClassifier(**FOREST)), "cancer"),
        ((StandardScaler(), xgboost.XGBClassifier(n_jobs=1, **BOOSTED)), "wine"),
    ],
    ids=lambda value: "-".join(type(s).__name__ for s in value) if isinstance(value, tuple) else value,
)
def test_pipelines_give_the_class_and_the_probabilities(tmp_path: Path, steps: tuple[Any, ...], data: str) -> None:
    same_classes(trained(tmp_path, make_pipeline(*steps), data), tolerance=2e-3)


def test_probabilities_of_a_support_vector_machine(tmp_path: Path) -> None:
    pipeline = make_pipeline(StandardScaler(), SVC(probability=True, **SEED))
    # onnxruntime ends its iteration early, and jumps where it does one round less.
    same_classes(trained(tmp_path, pipeline, "cancer"), tolerance=5e-3)


@pytest.mark.parametrize(
    "estimator",
    [
        DecisionTreeRegressor(max_depth=6, **SEED),
        RandomForestRegressor(n_estimators=8, max_depth=6, **SEED),
        GradientBoostingRegressor(**BOOSTED),
        xgboost.XGBRegressor(n_jobs=1, **BOOSTED),
        lightgbm.LGBMRegressor(**LIGHT),
        StackingRegressor([("a", RandomForestRegressor(5, **SEED)), ("b", make_pipeline(StandardScaler(), Ridge()))]),
        make_pipeline(RobustScaler(), Ridge()),
        make_pipeline(MinMaxScaler(), LinearRegression()),
        make_pipeline(PolynomialFeatures(2), Ridge()),
        make_pipeline(StandardScaler(), SVR()),
        make_pipeline(StandardScaler(), NuSVR(kernel="poly")),
        make_pipeline(StandardScaler(), SVR(kernel="sigmoid")),
    ],
    ids=lambda e: "-".join(type(step).__name__ for _, step in e.steps) if hasattr(e, "steps") else type(e).__name__,
)
def test_regressions_are_within_a_five_thousandth_of_their_range(tmp_path: Path, estimator: Any) -> None:
    found = trained(tmp_path, estimator, "diabetes")
    (output,) = found.program.outputs
    assert found.error(output.port.name) < 2e-4 * float(np.abs(found.expected[output.port.name]).max())


def test_a_forest_too_large_for_all_questions_at_once_walks(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(500, 6)).astype(np.float32)
    forest = RandomForestRegressor(n_estimators=25, **SEED).fit(x[:400], x[:400, 0] * x[:400, 1] + x[:400, 2])
    found = compared(tmp_path, exported(forest, 6), x[:400], x[400:], interpreted=1)
    assert len(found.program.ops) > 50
    assert found.error(found.program.outputs[0].port.name) < 1e-5
    assert not any(isinstance(op, Accumulating) and op.saturates for op in found.program.ops)


def test_names_of_classes_stay_with_the_index(tmp_path: Path) -> None:
    names = ["barolo", "grignolino", "barbera"]
    found = trained(tmp_path, make_pipeline(StandardScaler(), LogisticRegression()), "wine", names)
    label = found.program.outputs[0].port
    assert label.labels == tuple(sorted(names))
    same_classes(found)
    same_classes(trained(tmp_path, RandomForestClassifier(**FOREST), "wine", names))
