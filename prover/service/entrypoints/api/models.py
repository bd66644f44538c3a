"""/v1/models"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Path, Response, UploadFile

from circuits.errors import InferproofError
from prover.service.domain.models import ModelSource
from prover.service.entrypoints.api.access import DepsOf
from prover.service.entrypoints.api.schemas import HEX32, ModelBody
from prover.service.handlers.register_model import ModelUpload, register_model

# Compiling takes all cores and much memory, so uploads wait for each other.
_compiling = threading.Lock()

router = APIRouter(prefix="/v1/models", tags=["models"])

ZIP_MAGIC = b"PK\x03\x04"  # a .program is a zip; no ONNX file begins like this


@router.post("", status_code=201, responses={200: {"model": ModelBody, "description": "It was held already"}})
def post_model(
    response: Response,
    deps: DepsOf,
    file: Annotated[UploadFile, File(description="An ONNX model, or a .program")],
    calibration: Annotated[UploadFile | None, File(description="ONNX only: inputs by name, .npz")] = None,
    bits: Annotated[int, Form(ge=8, le=24)] = 16,
    weight_bits: Annotated[int, Form(ge=8, le=24)] = 16,
) -> ModelBody:
    """Compiles and holds a model. The same program again is the same model, with the first fidelity report."""
    with tempfile.TemporaryDirectory(prefix="inferproof-upload-") as folder:
        path, data = FilePath(folder) / "model", FilePath(folder) / "calibration.npz"
        _save(file, path)
        with path.open("rb") as stored:
            source = ModelSource.PROGRAM if stored.read(4) == ZIP_MAGIC else ModelSource.ONNX
        upload = ModelUpload(
            name=file.filename or "model",
            source=source,
            path=path,
            calibration=_save(calibration, data) if calibration else None,
            bits=bits,
            weight_bits=weight_bits,
        )
        names = {path: upload.name, data: (calibration.filename if calibration else None) or data.name}
        with _compiling, _told_by_name(names):
            model, made = register_model(deps, upload)
    if not made:
        response.status_code = 200
    return ModelBody.of(model)


@router.get("/{model_id}")
def get_model(model_id: Annotated[str, Path(pattern=HEX32)], deps: DepsOf) -> ModelBody:
    with deps.database.transaction() as work:
        return ModelBody.of(work.models.get(model_id))


@contextmanager
def _told_by_name(names: Mapping[FilePath, str]) -> Iterator[None]:
    """A refusal names a file as its sender does: where it lies here is nobody else's business, and it is gone soon."""

    def told(value: Any) -> Any:
        for path, name in names.items() if isinstance(value, str) else ():
            value = value.replace(str(path), name)
        return value

    try:
        yield
    except InferproofError as error:
        error.message = told(error.message)
        error.details = {key: told(value) for key, value in error.details.items()}
        raise


def _save(upload: UploadFile, path: FilePath) -> FilePath:
    with path.open("wb") as target:
        shutil.copyfileobj(upload.file, target)
    return path
