"""Names of classes become indices that remember them; whatever would have to read a name is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InputError
from circuits.onnx import import_onnx
from circuits.onnx.tabular_labels import index_labels
from tests.tabular_models import INTEGER, REAL, TEXT, compared, model, node, refused

COLUMNS = 3
ROWS = np.random.default_rng(0).normal(size=(40, COLUMNS)).astype(np.float32)
FEATURES = {"x": (REAL, [None, COLUMNS])}
NAMES = ["red", "white", "rosé"]
WEIGHTS = [0.5, -1.0, 0.25, 1.5, 0.75, -0.5, -1.0, 0.5, 1.0]


def classifier(names: list[str] | None = None) -> onnx.NodeProto:
    labels: dict[str, Any] = {"classlabels_strings": names or NAMES}
    weights = {"coefficients": WEIGHTS, "intercepts": [0.1, 0.2, -0.3]}
    return node("LinearClassifier", ["x"], ["label", "scores"], **labels, **weights)


def with_label(
    *nodes: onnx.NodeProto, kind: int = TEXT, names: list[str] | None = None, constants: Any = None, ml_opset: int = 3
) -> onnx.ModelProto:
    """A classifier whose label goes through `nodes` to the output y."""
    return model([classifier(names), *nodes], FEATURES, {"y": (kind, [None])}, constants, ml_opset)


def imported(path: Path, proto: onnx.ModelProto) -> Any:
    file = path / "model.onnx"
    onnx.save(proto, file)
    return import_onnx(file)


def identity(source: str = "label", made: str = "y") -> onnx.NodeProto:
    return helper.make_node("Identity", [source], [made])


def test_a_label_is_the_index_of_its_name(tmp_path: Path) -> None:
    proto = with_label(identity())
    original = onnx.ModelProto()
    original.CopyFrom(proto)
    found = compared(tmp_path, proto, ROWS, ROWS)
    (output,) = found.program.outputs
    assert output.port.labels == tuple(NAMES)
    assert found.error("y") == 0
    session = onnxruntime.InferenceSession(original.SerializeToString())
    (names,) = session.run(None, {"x": ROWS})
    assert [NAMES[int(i)] for i in found.integers["y"].reshape(-1)] == list(names)


def test_zip_maps_leave_the_probabilities(tmp_path: Path) -> None:
    zipped = node("ZipMap", ["scores"], ["y"], classlabels_strings=NAMES)
    proto = model([classifier(), zipped], FEATURES, {"label": (TEXT, [None])})
    mapping = helper.make_map_type_proto(TEXT, helper.make_tensor_type_proto(REAL, []))
    proto.graph.output.append(helper.make_value_info("y", helper.make_sequence_type_proto(mapping)))
    found = compared(tmp_path, proto, ROWS, ROWS)
    assert [output.port.dims for output in found.program.outputs] == [(1,), (1, 3)]
    assert found.error("y") < 1e-3
    assert found.error("label") == 0


def test_a_constant_of_names_is_indexed_by_first_occurrence(tmp_path: Path) -> None:
    classes = helper.make_tensor("classes", TEXT, [4], [b"b", b"a", b"b", b"c"])
    best = helper.make_node("ArgMax", ["x"], ["best"], axis=1, keepdims=0)
    taken = node("ArrayFeatureExtractor", ["classes", "best"], ["taken"])
    shape = numpy_helper.from_array(np.array([-1], np.int64), "shape")
    flat = helper.make_node("Reshape", ["taken", "shape"], ["y"])
    proto = model([best, taken, flat], FEATURES, {"y": (TEXT, [None])}, [classes, shape])
    graph = imported(tmp_path, proto).graph
    assert graph.labels == {"y": ("b", "a", "c")}
    found = compared(tmp_path, proto, ROWS, ROWS)
    np.testing.assert_array_equal(found.integers["y"][:, 0], np.array([0, 1, 0])[ROWS.argmax(axis=1)])


def test_names_that_are_numbers_are_cast(tmp_path: Path) -> None:
    cast = helper.make_node("Cast", ["label"], ["y"], to=TensorProto.INT64)
    proto = with_label(cast, kind=INTEGER, names=["10", "-4", "7"])
    found = compared(tmp_path, proto, ROWS, ROWS)
    assert found.error("y") == 0
    assert set(np.unique(found.real["y"])) <= {10.0, -4.0, 7.0}
    assert found.program.outputs[0].port.labels == ()


@pytest.mark.parametrize("opset", [1, 2, 4])
def test_encoders_read_names(tmp_path: Path, opset: int) -> None:
    keys: dict[str, Any] = {
        1: {"classes_strings": ["rosé", "red"], "default_int64": 9},
        2: {"keys_strings": ["rosé", "red"], "values_int64s": [0, 1], "default_int64": 9},
        4: {
            "keys_tensor": helper.make_tensor("k", TEXT, [2], ["rosé".encode(), b"red"]),
            "values_tensor": numpy_helper.from_array(np.array([0, 1], np.int64)),
            "default_tensor": numpy_helper.from_array(np.array([9], np.int64)),
        },
    }[opset]
    proto = with_label(node("LabelEncoder", ["label"], ["y"], **keys), kind=INTEGER, ml_opset=opset)
    found = compared(tmp_path, proto, ROWS, ROWS)
    assert found.error("y") == 0
    assert set(np.unique(found.real["y"])) == {0.0, 1.0, 9.0}


@pytest.mark.parametrize("opset", [2, 4])
def test_encoders_give_names(tmp_path: Path, opset: int) -> None:
    """To a name, and from a name to another."""
    values: dict[str, Any] = {"values_strings": ["low", "high"], "default_string": "none"}
    if opset == 4:
        made = {"values_tensor": helper.make_tensor("v", TEXT, [2], [b"low", b"high"])}
        values = made | {"default_tensor": helper.make_tensor("d", TEXT, [1], [b"none"])}
    best = helper.make_node("ArgMax", ["x"], ["best"], axis=1, keepdims=0)
    named = node("LabelEncoder", ["best"], ["y"], keys_int64s=[2, 0], **values)
    proto = model([best, named], FEATURES, {"y": (TEXT, [None])}, ml_opset=opset)
    found = compared(tmp_path, proto, ROWS, ROWS)
    assert found.program.outputs[0].port.labels == ("low", "high", "none")
    assert found.error("y") == 0
    renamed = with_label(
        node("LabelEncoder", ["label"], ["y"], keys_strings=["white", "red"], **values), ml_opset=opset
    )
    found = compared(tmp_path, renamed, ROWS, ROWS)
    assert found.program.outputs[0].port.labels == ("high", "low", "none")
    assert found.error("y") == 0


def test_refuses_all_that_would_read_a_name_at_once(tmp_path: Path) -> None:
    other = helper.make_tensor("other", TEXT, [1], [b"red"])
    same = helper.make_node("Equal", ["label", "other"], ["same"])
    cast = helper.make_node("Cast", ["label"], ["number"], to=TensorProto.INT64)
    message = refused(tmp_path, with_label(same, cast, identity(), constants=[other]))
    assert message.startswith("2 node(s)")
    assert "Equal (Equal_1, node 1)" in message
    assert "Cast (Cast_2, node 2)" in message


def test_refuses_names_as_input(tmp_path: Path) -> None:
    encoder = node("LabelEncoder", ["x"], ["y"], keys_strings=["a"], values_int64s=[1])
    proto = model([encoder], {"x": (TEXT, [None])}, {"y": (INTEGER, [None])})
    with pytest.raises(InputError) as refusal:
        imported(tmp_path, proto)
    assert refusal.value.code == "onnx_unsupported_input"


def test_a_model_without_names_is_left_alone() -> None:
    proto = model([node("Scaler", ["x"], ["y"], scale=[1.0], offset=[0.0])], FEATURES, {"y": (REAL, [None, COLUMNS])})
    before = proto.SerializeToString()
    assert index_labels(proto) == {}
    assert proto.SerializeToString() == before


def test_refuses_encoders_of_names_that_do_not_add_up(tmp_path: Path) -> None:
    uneven = node("LabelEncoder", ["label"], ["y"], keys_strings=["red", "white"], values_int64s=[1])
    assert "do not fit together" in refused(tmp_path, with_label(uneven, kind=INTEGER))
