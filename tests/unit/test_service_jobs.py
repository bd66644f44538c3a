"""Jobs survive what happens to workers, brokers and callers."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from service_fakes import KEY_DIGEST, Blocker, FakeProver, hold_model, make_deps, wait_until

from circuits.errors import EnvironmentFailure, InputError
from prover.backend import Progress
from prover.service.domain.errors import Conflict, NotFound
from prover.service.domain.jobs import Job, JobState
from prover.service.handlers.deps import Deps
from prover.service.handlers.read_results import read_call, read_job, read_outputs
from prover.service.handlers.run_job import Outcome, run_job
from prover.service.handlers.submit_job import JobRequest, cancel_job, submit_job
from prover.service.handlers.sweep import release_worker, sweep
from verifier.messages import ProofFile

INPUT = {"input_data": [[1.0, -2.0]]}


@pytest.fixture
def deps(tmp_path: Path) -> Deps:
    return make_deps(tmp_path)


def submit(deps: Deps, **changes: object) -> Job:
    request = JobRequest(input=INPUT, model_id=hold_model(deps))
    return submit_job(deps, replace(request, **changes))[0]  # type: ignore[arg-type]


def with_proof_that(deps: Deps, during: object) -> Deps:
    return replace(deps, prover=FakeProver(during=during))  # type: ignore[arg-type]


def pass_time(deps: Deps, seconds: float) -> None:
    deps.clock.now += seconds  # type: ignore[attr-defined]


def test_proves_and_stores_what_the_interpreter_computes(deps: Deps) -> None:
    job = submit(deps)
    assert deps.broker.sent == [job.id]  # type: ignore[attr-defined]
    assert run_job(deps, job.id) is Outcome.PROVEN
    done = read_job(deps, job.id)
    assert (done.state, done.final, done.lease) == (JobState.PROVEN, True, None)
    assert b'"integers": [3, -6]' in read_outputs(deps, job.id)
    assert done.result is not None
    assert done.result.key_digest == KEY_DIGEST
    proof = ProofFile.from_json(deps.store.get(done.result.proof_artifact))
    assert proof.statement.output_root == done.result.output_root


def test_a_doubled_message_proves_once(deps: Deps) -> None:
    job = submit(deps)
    assert run_job(deps, job.id) is Outcome.PROVEN
    assert run_job(deps, job.id) is Outcome.SKIPPED
    assert deps.prover.runs == 1  # type: ignore[attr-defined]


def test_a_message_about_no_job_is_skipped(deps: Deps) -> None:
    assert run_job(deps, "f" * 32) is Outcome.SKIPPED


def test_the_same_idempotency_key_gives_the_same_job(deps: Deps) -> None:
    first = submit(deps, idempotency_key="k", owner="a")
    again, made = submit_job(deps, JobRequest(INPUT, first.model_id, owner="a", idempotency_key="k"))
    assert (again.id, made) == (first.id, False)
    other, made = submit_job(deps, JobRequest(INPUT, first.model_id, owner="b", idempotency_key="k"))
    assert made
    assert other.id != first.id


def test_an_idempotency_key_is_refused_for_another_request(deps: Deps) -> None:
    first = submit(deps, idempotency_key="k")
    with pytest.raises(Conflict) as refused:
        submit_job(deps, JobRequest({"input_data": [[9.0, 9.0]]}, first.model_id, idempotency_key="k"))
    assert refused.value.code == "idempotency_key_reused"


def test_two_callers_at_once_with_one_key_make_one_job(deps: Deps) -> None:
    model_id = hold_model(deps)
    barrier, ids = threading.Barrier(4), []

    def call() -> None:
        barrier.wait()
        ids.append(submit_job(deps, JobRequest(INPUT, model_id, idempotency_key="k"))[0].id)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 4
    assert len(set(ids)) == 1


def test_refuses_a_model_that_is_not_held(deps: Deps) -> None:
    with pytest.raises(NotFound) as refused:
        submit_job(deps, JobRequest(INPUT, "0x" + "00" * 32))
    assert refused.value.code == "model_not_found"


def test_refuses_a_model_that_no_longer_fits(deps: Deps) -> None:
    model_id = hold_model(deps)
    smaller = replace(deps, settings=deps.settings.model_copy(update={"memory_limit_bytes": 1000}))
    with pytest.raises(InputError) as refused:
        submit_job(smaller, JobRequest(INPUT, model_id))
    assert refused.value.code == "model_too_large"


def test_a_broker_that_is_down_loses_no_job(deps: Deps) -> None:
    deps.broker.down = True  # type: ignore[attr-defined]
    job = submit(deps)
    assert sweep(deps) == 1
    deps.broker.down = False  # type: ignore[attr-defined]
    assert sweep(deps) == 1
    assert deps.broker.sent == [job.id]  # type: ignore[attr-defined]
    assert sweep(deps) == 0


def test_a_lost_message_is_sent_again_ever_more_rarely(deps: Deps) -> None:
    job = submit(deps)
    waits = []
    for _ in range(3):
        waited = 0
        while not sweep(deps):
            pass_time(deps, 10)
            waited += 10
        waits.append(waited)
    assert waits == sorted(waits)
    assert waits[0] >= deps.settings.lease_s
    assert set(deps.broker.sent) == {job.id}  # type: ignore[attr-defined]


def start_in_thread(deps: Deps, job: Job, outcomes: list[Outcome], stopping: threading.Event | None = None) -> Blocker:
    blocker = Blocker()
    slow = with_proof_that(deps, blocker)
    threading.Thread(target=lambda: outcomes.append(run_job(slow, job.id, stopping))).start()
    assert blocker.entered.wait(10)
    return blocker


def test_progress_is_on_the_row_while_the_proof_goes_on(deps: Deps) -> None:
    job, outcomes = submit(deps), []
    blocker = start_in_thread(deps, job, outcomes)
    wait_until(lambda: read_job(deps, job.id).phase == "prove" and read_job(deps, job.id).fraction == 0.7)
    blocker.release.set()
    wait_until(lambda: outcomes == [Outcome.PROVEN])


def test_cancelling_a_running_job_stops_its_proof(deps: Deps) -> None:
    job, outcomes = submit(deps), []
    start_in_thread(deps, job, outcomes)
    assert cancel_job(deps, job.id).state is JobState.CANCELLED
    wait_until(lambda: outcomes == [Outcome.ABANDONED])
    assert read_job(deps, job.id).state is JobState.CANCELLED


def test_a_stopping_worker_gives_its_job_back_and_no_attempt_is_counted(deps: Deps) -> None:
    job, outcomes, stopping = submit(deps), [], threading.Event()
    start_in_thread(deps, job, outcomes, stopping)
    stopping.set()
    wait_until(lambda: outcomes == [Outcome.RELEASED])
    back = read_job(deps, job.id)
    assert (back.state, back.attempts) == (JobState.QUEUED, 0)
    assert sweep(deps) == 1


def test_a_worker_that_lost_its_lease_cannot_finish_the_job(deps: Deps) -> None:
    job, outcomes = submit(deps), []
    blocker = start_in_thread(deps, job, outcomes)
    release_worker(deps, "w")  # as if it had been seen dead
    assert run_job(deps, job.id) is Outcome.PROVEN
    version = read_job(deps, job.id).version
    blocker.release.set()
    wait_until(lambda: outcomes == [Outcome.ABANDONED])
    assert read_job(deps, job.id).version == version


def test_a_heartbeat_keeps_a_long_proof_from_the_sweep(deps: Deps) -> None:
    job, outcomes = submit(deps), []
    blocker = start_in_thread(deps, job, outcomes)
    pass_time(deps, deps.settings.lease_s * 0.9)
    before = deps.clock() + deps.settings.lease_s

    def prolonged() -> bool:
        lease = read_job(deps, job.id).lease
        return lease is not None and lease.until >= before

    wait_until(prolonged)
    sweep(deps)
    assert read_job(deps, job.id).state is JobState.RUNNING
    blocker.release.set()
    wait_until(lambda: outcomes == [Outcome.PROVEN])


def dying(error: BaseException) -> object:
    def during(progress: Progress) -> None:
        raise error

    return during


def test_what_lies_outside_is_tried_again_and_then_fails_with_its_code(deps: Deps) -> None:
    job = submit(deps)
    killed = with_proof_that(deps, dying(EnvironmentFailure("halo2_phase_killed", "killed by signal 9")))
    outcomes = [run_job(killed, job.id) for _ in range(deps.settings.max_attempts)]
    assert outcomes == [Outcome.RELEASED, Outcome.RELEASED, Outcome.FAILED]
    failure = read_job(deps, job.id).failure
    assert failure is not None
    assert failure.code == "halo2_phase_killed"


def test_what_was_asked_for_wrongly_fails_at_once(deps: Deps) -> None:
    job = submit(deps)
    assert run_job(with_proof_that(deps, dying(InputError("halo2_op_refused", "no"))), job.id) is Outcome.FAILED
    assert read_job(deps, job.id).attempts == 1


def test_a_bug_fails_the_job_and_still_surfaces(deps: Deps) -> None:
    job = submit(deps)
    with pytest.raises(ZeroDivisionError):
        run_job(with_proof_that(deps, dying(ZeroDivisionError())), job.id)
    failure = read_job(deps, job.id).failure
    assert failure is not None
    assert failure.code == "internal_error"


def test_a_job_whose_workers_keep_dying_fails_instead_of_going_round(deps: Deps) -> None:
    job = submit(deps)
    for _ in range(deps.settings.max_attempts):
        outcomes: list[Outcome] = []
        blocker = start_in_thread(deps, job, outcomes)
        pass_time(deps, 0)
        release_worker(deps, "w")
        blocker.release.set()
        wait_until(lambda seen=outcomes: bool(seen))
    final = read_job(deps, job.id)
    assert final.failure is not None
    assert (final.state, final.failure.code) == (JobState.FAILED, "worker_lost")


def test_results_of_a_job_without_a_proof_are_refused(deps: Deps) -> None:
    job = submit(deps)
    for read in (read_outputs, read_call):
        with pytest.raises(Conflict) as refused:
            read(deps, job.id)
        assert refused.value.code == "result_not_ready"


def test_a_corrupt_artifact_is_noticed(deps: Deps) -> None:
    digest = deps.store.put(b"content")
    path = deps.store.local_path(digest)
    path.write_bytes(b"kontent")
    with pytest.raises(EnvironmentFailure) as refused:
        deps.store.get(digest)
    assert refused.value.code == "artifact_corrupt"
    assert deps.store.put(b"content") == digest
    assert deps.store.get(digest) == b"content"


def test_pages_are_stable_while_jobs_arrive(deps: Deps) -> None:
    made = [submit(deps).id for _ in range(5)]
    with deps.database.transaction() as work:
        first = work.jobs.page(None, 2)
    submit(deps)
    with deps.database.transaction() as work:
        second = work.jobs.page(first[-1].seq, 2)
        third = work.jobs.page(second[-1].seq, 2)
    assert [j.id for j in (*first, *second, *third)] == made[::-1]
