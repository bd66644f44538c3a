"""The HTTP API: what it takes, and how it refuses."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from service_fakes import KEY_FILE, Blocker, FakeChain, FakeProver, hold_model, make_deps, tiny_program, wait_until
from sqlalchemy import select, update

from circuits.errors import EnvironmentFailure
from circuits.program.file import save_program
from prover.service.adapters.onnx_compiler import OnnxCompiler
from prover.service.adapters.tables import jobs
from prover.service.entrypoints.api import make_app
from prover.service.entrypoints.api.shallow import is_shallow
from prover.service.handlers.deps import Deps
from prover.service.handlers.run_job import run_job

INPUT = {"input_data": [[1.0, -2.0]]}


@pytest.fixture
def deps(tmp_path: Path) -> Deps:
    return make_deps(tmp_path, chain=FakeChain(), max_input_bytes=4096, max_upload_bytes=8192)


@pytest.fixture
def client(deps: Deps) -> Iterator[TestClient]:
    with TestClient(make_app(deps), raise_server_exceptions=False) as opened:
        yield opened


def post_job(client: TestClient, deps: Deps, **headers: str) -> dict[str, Any]:
    response = client.post("/v1/jobs", json={"model_id": hold_model(deps), "input": INPUT}, headers=headers)
    assert response.status_code in {200, 202}, response.text
    body: dict[str, Any] = response.json()
    return body


def require_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json", response.text
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["type"] == f"urn:inferproof:error:{code}"
    return body


def test_an_onnx_file_becomes_a_model(client: TestClient) -> None:
    response = client.post("/v1/models", files={"file": ("tiny.onnx", b"onnx...")}, data={"bits": "12"})
    assert response.status_code == 201
    model = response.json()
    assert model["model_id"] == "0x" + tiny_program().model_id().hex()
    assert (model["source"], model["fidelity"]) == ("onnx", {"max_error": 0.0})
    assert client.get(f"/v1/models/{model['model_id']}").json() == model


@pytest.mark.parametrize("opening", [b"[", b'{"":', b'[{"a":"]}"},'])
def test_a_body_too_deep_for_the_parser_does_not_end_the_service(tmp_path: Path, opening: bytes) -> None:
    client = TestClient(make_app(make_deps(tmp_path, max_input_bytes=2**22)), raise_server_exceptions=False)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)  # as web3 does, when it is imported
    try:
        body = b'{"input":' + opening * 99_000
        headers = {"Content-Type": "application/json"}
        require_problem(client.post("/v1/jobs", content=body, headers=headers), 400, "bad_request")
    finally:
        sys.setrecursionlimit(limit)


def test_brackets_in_strings_are_not_depth() -> None:
    assert is_shallow(b'{"a":"' + b"[" * 1000 + b'\\"' + b"[" * 1000 + b'","b":[[[1]]]}')
    assert is_shallow(b"[[1],[2]]" * 100)
    assert not is_shallow(b'"[",' + b"[" * 33)


def test_a_program_file_becomes_the_same_model(client: TestClient, tmp_path: Path) -> None:
    save_program(tiny_program(), tmp_path / "tiny.program")
    content = (tmp_path / "tiny.program").read_bytes()
    first = client.post("/v1/models", files={"file": ("tiny.program", content)})
    again = client.post("/v1/models", files={"file": ("other.program", content)})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["source"] == "program"
    assert again.json() == first.json()


def test_a_fidelity_report_is_kept_of_a_program_that_was_held_without_one(client: TestClient, deps: Deps) -> None:
    model_id = hold_model(deps)
    assert client.get(f"/v1/models/{model_id}").json()["fidelity"] is None
    response = client.post("/v1/models", files={"file": ("tiny.onnx", b"onnx...")})
    assert (response.status_code, response.json()["fidelity"]) == (200, {"max_error": 0.0})
    hold_model(deps)  # the file of the program again, which has no report
    assert client.get(f"/v1/models/{model_id}").json() == response.json()


def test_nobody_replaces_the_fidelity_report_of_a_held_program(client: TestClient) -> None:
    first = client.post("/v1/models", files={"file": ("tiny.onnx", b"onnx...")}).json()
    files = {"file": ("tiny.onnx", b"onnx..."), "calibration": ("mine.npz", b"whatever suits me")}
    assert client.post("/v1/models", files=files).json() == first
    assert client.get(f"/v1/models/{first['model_id']}").json() == first


def test_a_job_from_post_to_proof(client: TestClient, deps: Deps) -> None:
    job = post_job(client, deps)
    assert (job["state"], job["statement"]) == ("queued", None)
    run_job(deps, job["id"])
    done = client.get(f"/v1/jobs/{job['id']}").json()
    assert (done["state"], done["final"], done["fraction"]) == ("proven", True, 1.0)
    assert client.get(f"/v1/jobs/{job['id']}/outputs").json()["outputs"]["y"]["integers"] == [3, -6]
    proof = client.get(f"/v1/jobs/{job['id']}/proof").json()
    assert proof["statement"]["output_root"] == done["statement"]["output_root"]
    assert client.get(f"/v1/jobs/{job['id']}/key").content == KEY_FILE


def test_a_job_from_before_keys_were_kept_has_no_key(client: TestClient, deps: Deps) -> None:
    job_id = post_job(client, deps)["id"]
    run_job(deps, job_id)
    with deps.database.engine.begin() as connection:
        (before,) = connection.execute(select(jobs.c.result)).scalars()
        assert before.pop("key_artifact")
        connection.execute(update(jobs).values(result=before))
    assert client.get(f"/v1/jobs/{job_id}/proof").status_code == 200
    require_problem(client.get(f"/v1/jobs/{job_id}/key"), 409, "job_without_key")


def test_an_idempotency_key_makes_one_job(client: TestClient, deps: Deps) -> None:
    first = post_job(client, deps, **{"Idempotency-Key": "k"})
    response = client.post(
        "/v1/jobs", json={"model_id": first["model_id"], "input": INPUT}, headers={"Idempotency-Key": "k"}
    )
    assert (response.status_code, response.json()["id"]) == (200, first["id"])


def test_a_cursor_walks_every_job_once(client: TestClient, deps: Deps) -> None:
    made = [post_job(client, deps)["id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = client.get("/v1/jobs", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]


def test_a_registered_model_can_be_named_by_its_registration(client: TestClient, deps: Deps) -> None:
    from circuits.statement import keccak256

    assert isinstance(deps.chain, FakeChain)
    deps.chain.model_id = hold_model(deps)
    body = {"registration_id": "0x" + keccak256(b"registration").hex(), "input": INPUT}
    assert client.post("/v1/jobs", json=body).json()["model_id"] == deps.chain.model_id


BAD_JOBS = [
    ({"input": {"input_data": [[1.0, 2.0, 3.0]]}}, 422, "input_wrong_shape"),
    ({"input": {"input_data": [[1e6, 0.0]]}}, 422, "input_out_of_range"),
    ({"model_id": "0x" + "00" * 32}, 404, "model_not_found"),
    ({"model_id": "nonsense"}, 422, "request_invalid"),
    ({"registration_id": "0x" + "00" * 32}, 422, "request_invalid"),
    ({"model_id": None, "registration_id": "0x" + "00" * 32}, 422, "registration_unknown"),
    ({"input": {"rows": []}}, 422, "request_invalid"),
    ({"route": "tee"}, 422, "request_invalid"),
    ({"surprise": 1}, 422, "request_invalid"),
]


@pytest.mark.parametrize(("change", "status", "code"), BAD_JOBS)
def test_a_bad_job_is_one_problem_and_no_row(
    client: TestClient, deps: Deps, change: dict[str, Any], status: int, code: str
) -> None:
    body = {"model_id": hold_model(deps), "input": INPUT, **change}
    require_problem(client.post("/v1/jobs", json={k: v for k, v in body.items() if v is not None}), status, code)
    assert client.get("/v1/jobs").json()["jobs"] == []


def test_a_bad_job_is_told_in_our_words(client: TestClient) -> None:
    body = require_problem(client.post("/v1/jobs", json={"input": INPUT}), 422, "request_invalid")
    ours = "give model_id or registration_id, exactly one of them"
    assert (body["detail"], body["details"]["errors"]) == (f"body: {ours}", [{"where": ["body"], "problem": ours}])


def test_nan_in_an_input_is_a_problem_that_is_still_json(client: TestClient, deps: Deps) -> None:
    content = json.dumps({"model_id": hold_model(deps), "input": {"input_data": [[float("nan"), 1.0]]}})
    response = client.post("/v1/jobs", content=content, headers={"Content-Type": "application/json"})
    body = require_problem(response, 422, "input_not_finite")
    assert body["details"] == {"value": "nan"}


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"rubbish", "onnx_unreadable"), (b"", "onnx_unreadable"), (b"PK\x03\x04rubbish", "program_unreadable")],
)
def test_a_bad_model_file_is_one_problem_and_no_model(
    client: TestClient, deps: Deps, content: bytes, code: str
) -> None:
    require_problem(client.post("/v1/models", files={"file": ("m", content)}), 422, code)
    with deps.database.transaction() as work:
        assert work.models.find("0x" + tiny_program().model_id().hex()) is None


@pytest.mark.parametrize(
    ("model", "calibration", "code"),
    [
        (b"rubbish", None, "onnx_unreadable"),
        (b"PK\x03\x04rubbish", None, "program_unreadable"),
        (b"PK\x05\x06" + bytes(18), None, "onnx_unreadable"),
        (b"PK\x03\x04PK\x05\x06" + bytes(18), None, "program_malformed"),
        (b"onnx", b"rubbish", "calibration_unreadable"),
    ],
)
def test_a_bad_upload_is_told_by_its_senders_name(
    client: TestClient, deps: Deps, model: bytes, calibration: bytes | None, code: str
) -> None:
    app = make_app(replace(deps, compiler=OnnxCompiler()))
    files = {"file": ("mine.onnx", model)}
    if calibration is not None:
        files["calibration"] = ("data.npz", calibration)
    text = TestClient(app).post("/v1/models", files=files)
    body = require_problem(text, 422, code)
    assert ("mine.onnx" if calibration is None else "data.npz") in body["detail"]
    assert tempfile.gettempdir() not in text.text


def test_a_model_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    deps = make_deps(tmp_path, prover=FakeProver(memory=1 << 50))
    client = TestClient(make_app(deps))
    body = require_problem(client.post("/v1/models", files={"file": ("m", b"onnx")}), 422, "model_too_large")
    assert body["details"]["peak_memory_bytes"] == 1 << 50
    require_problem(client.get(f"/v1/models/0x{tiny_program().model_id().hex()}"), 404, "model_not_found")


def test_uploads_have_limits_declared_or_not(client: TestClient, deps: Deps) -> None:
    require_problem(client.post("/v1/models", files={"file": ("m", b"x" * 9000)}), 413, "upload_too_large")
    require_problem(client.post("/v1/jobs", content=b"[" + b"1," * 4000), 413, "upload_too_large")

    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100

    headers = {"Content-Type": "application/json"}
    require_problem(client.post("/v1/jobs", content=chunks(), headers=headers), 413, "upload_too_large")


@pytest.mark.parametrize("path", ["", "/proof", "/key", "/outputs", "/calldata", "/events"])
def test_an_unknown_job_is_not_found_everywhere(client: TestClient, path: str) -> None:
    require_problem(client.get("/v1/jobs/" + "0" * 32 + path), 404, "job_not_found")


@pytest.mark.parametrize("path", ["proof", "key", "outputs", "calldata"])
def test_results_before_the_proof_are_a_conflict(client: TestClient, deps: Deps, path: str) -> None:
    job = post_job(client, deps)
    require_problem(client.get(f"/v1/jobs/{job['id']}/{path}"), 409, "result_not_ready")


def test_a_proven_job_cannot_be_cancelled(client: TestClient, deps: Deps) -> None:
    job = post_job(client, deps)
    assert client.post(f"/v1/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
    require_problem(client.post(f"/v1/jobs/{job['id']}/cancel"), 409, "transition_refused")


@pytest.mark.parametrize("cursor", ["rubbish", "djE6LTE", "djI6MQ", "é"])
def test_a_foreign_cursor_is_refused(client: TestClient, cursor: str) -> None:
    require_problem(client.get("/v1/jobs", params={"cursor": cursor}), 422, "cursor_invalid")


def test_an_unknown_path_and_method_are_problems_too(client: TestClient) -> None:
    require_problem(client.get("/v2/nothing"), 404, "not_found")
    require_problem(client.delete("/v1/jobs"), 405, "method_not_allowed")


def test_a_bug_is_a_problem_without_its_inside(client: TestClient, deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> object:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(type(deps.store), "put", explode)
    response = client.post("/v1/jobs", json={"model_id": "0x" + "00" * 32, "input": INPUT})
    assert response.status_code == 404
    response = client.post("/v1/models", files={"file": ("m", b"onnx")})
    require_problem(response, 500, "internal_error")
    assert "secret" not in response.text


def test_events_follow_a_job_to_its_end(tmp_path: Path) -> None:
    blocker = Blocker()
    deps = make_deps(tmp_path, prover=FakeProver(during=blocker))
    client = TestClient(make_app(deps))
    job = post_job(client, deps)
    worker = threading.Thread(target=run_job, args=(deps, job["id"]))
    worker.start()
    threading.Timer(1.2, blocker.release.set).start()
    with client.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
        events = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
    worker.join()
    assert events[-1]["state"] == "proven"
    assert any(event["phase"] == "prove" and event["fraction"] == 0.7 for event in events)


def test_keys_are_asked_for_where_the_operator_set_some(tmp_path: Path) -> None:
    deps = make_deps(tmp_path, api_keys=(SecretStr("first"), SecretStr("second")))
    client = TestClient(make_app(deps))
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic first"}):
        response = client.get("/v1/jobs", headers=headers)
        require_problem(response, 401, "unauthorized")
        assert response.headers["www-authenticate"] == "Bearer"
    assert client.get("/v1/jobs", headers={"Authorization": "Bearer second"}).status_code == 200
    assert client.get("/health").status_code == 200


def test_an_idempotency_key_belongs_to_its_caller(tmp_path: Path) -> None:
    deps = make_deps(tmp_path, api_keys=(SecretStr("first"), SecretStr("second")))
    client = TestClient(make_app(deps))
    ids = {
        post_job(client, deps, **{"Authorization": f"Bearer {key}", "Idempotency-Key": "k"})["id"]
        for key in ("first", "second", "first")
    }
    assert len(ids) == 2


def test_a_request_id_is_taken_over_or_made(client: TestClient) -> None:
    assert client.get("/health", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    made = client.get("/health", headers={"X-Request-Id": "not ours\t{}"}).headers["x-request-id"]
    assert len(made) == 32


def ready(deps: Deps, **extra: Any) -> Any:
    return TestClient(make_app(deps, extra)).get("/ready")


def test_ready_asks_everything_and_names_what_is_missing(deps: Deps) -> None:
    assert ready(deps).status_code == 503
    with deps.database.transaction() as work:
        work.workers.seen("w", 1, ["cpu"], deps.clock())
    assert ready(deps).json()["ready"] is True
    deps.broker.down = True  # type: ignore[attr-defined]
    assert failing(ready(deps)) == {"broker"}
    deps.broker.down = False  # type: ignore[attr-defined]

    def unreachable() -> int:
        raise EnvironmentFailure("chain_unreachable", "no chain")

    deps.chain.head = unreachable  # type: ignore[union-attr,method-assign]
    assert failing(ready(deps)) == {"chain"}
    deps.clock.now += 60  # type: ignore[attr-defined]
    assert failing(ready(deps)) == {"chain", "worker"}


def test_ready_notices_a_database_that_is_gone(deps: Deps) -> None:
    deps.database.engine.dispose()
    folder = deps.settings.data_dir
    folder.rename(folder.with_name("gone"))
    folder.write_text("not a folder")
    answer = ready(deps)
    assert answer.status_code == 503
    assert {"database", "worker"} <= failing(answer)


def failing(response: Any) -> set[str]:
    return {name for name, check in response.json()["checks"].items() if not check["ok"]}


def test_metrics_count_jobs_and_requests(client: TestClient, deps: Deps) -> None:
    job = post_job(client, deps)
    wait_until(lambda: True)
    text = client.get("/metrics").text
    assert 'inferproof_jobs{kind="prove",state="queued"} 1.0' in text
    assert 'inferproof_http_requests_total{method="POST",route="/v1/jobs",status="202"} 1.0' in text
    assert job["id"] not in text


def test_a_call_is_encoded_for_the_hub(tmp_path: Path) -> None:
    from contracts.client.artifacts import load_artifact
    from prover.service.handlers.listen_once import LogWindow, listen_once
    from prover.service.handlers.take_requests import take_requests

    chain = FakeChain()
    deps = replace(make_deps(tmp_path), chain=chain)
    chain.model_id = hold_model(deps)
    chain.open_request()
    listen_once(deps, chain, LogWindow(10))
    take_requests(deps, chain)
    client = TestClient(make_app(deps))
    (job,) = client.get("/v1/jobs").json()["jobs"]
    run_job(deps, job["id"])
    call = client.get(f"/v1/jobs/{job['id']}/calldata").json()
    assert call["function"].startswith("InferenceHub.fulfil((address,")
    assert any(e.get("name") == "fulfil" for e in load_artifact("InferenceHub").abi)
