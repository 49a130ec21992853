"""How a server that was wedged is proven to work again, whatever it makes of our question; and every probe is told."""

import json
import threading
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from shared.configuration.server_urls import server_url
from shared.fleet import servers
from shared.fleet.servers import server_states
from shared.models import JobStatus, Outcome
from tests import jobs
from tests.simulator.running import BOTH, RunningSimulator
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import QUICK, RunningWorker
from tests.worker_service.waiting import until
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.oldest_version import why_too_old
from worker_service.fleet.health_probe import HealthProbe
from worker_service.fleet.timings import FleetTimings
from worker_service.fleet.wedge import GRAPHS, canary_id, is_canary

REFUSAL = json.dumps({"error": {"type": "x", "message": "no such node", "details": ""}, "node_errors": {}})


def state(deployment: Deployment) -> str:
    with deployment.messenger.transaction() as session:
        return server_states(session)[deployment.comfyui.url]


def outcome(deployment: Deployment, kind: str) -> tuple[str, str | None]:
    found = deployment.server().probes[kind]
    return found["outcome"], found["problem"]


def wedged(worker: RunningWorker, deployment: Deployment) -> None:
    worker.look()
    worker.resources.fleet.record_wedge(deployment.comfyui.url, "so it seemed")


def patient(deployment: Deployment, **timings: float) -> RunningWorker:
    """A worker that is not started, so that nobody looks but the test."""
    fleet = FleetTimings(canary_s=0.6, **timings)
    return RunningWorker(deployment.environ, timings=replace(QUICK, fleet=fleet))


def test_a_canary_is_a_uuid_as_newer_comfyui_wants_it() -> None:
    drawn = {canary_id() for _ in range(100)}
    assert len(drawn) == 100
    for canary in drawn:
        found = uuid.UUID(canary)
        assert (str(found), found.version, found.variant, is_canary(canary)) == (canary, 8, uuid.RFC_4122, True)
    assert not is_canary(str(uuid.uuid4()))


@BOTH
def test_a_canary_that_another_worker_left_is_looked_for_before_one_is_sent(deployment: Deployment) -> None:
    stall = deployment.comfyui.fault("stall", at="take")
    first, second = patient(deployment), patient(deployment)
    wedged(first, deployment)
    first.look()
    second.look()
    assert outcome(deployment, "runs") == ("failed", "the small prompt that was sent still waits")
    assert len(deployment.comfyui.executions()) == 1
    stall.clear()
    second.until(lambda: deployment.server().wedged_since is None)
    assert outcome(deployment, "runs") == ("passed", None)
    first.close()
    second.close()


@BOTH
def test_a_server_that_lacks_the_first_canarys_nodes_is_asked_with_another(deployment: Deployment) -> None:
    worker = patient(deployment)
    wedged(worker, deployment)
    deployment.comfyui.fault("answer", path="/prompt", status=400, body=REFUSAL, times=1)
    worker.until(lambda: deployment.server().wedged_since is None)
    worker.close()
    assert len(GRAPHS) > 1


def test_a_server_that_refuses_every_canary_is_proven_by_jobs_one_at_a_time(deployment: Deployment) -> None:
    worker = patient(deployment, one_job_after_s=0)
    wedged(worker, deployment)
    refusing = deployment.comfyui.fault("answer", path="/prompt", status=400, body=REFUSAL)
    worker.look()
    worker.close()
    assert outcome(deployment, "runs") == ("refused", "ComfyUI refused the workflow: no such node")
    assert state(deployment) == "half-open"
    refusing.clear()
    with deployment.worker():
        deployment.ended(deployment.submit())
    assert state(deployment) == "up"


def test_one_that_refuses_and_still_has_the_prompt_that_ended_its_thread_gets_no_job(deployment: Deployment) -> None:
    stall = deployment.comfyui.fault("stall", at="take")
    worker = patient(deployment, one_job_after_s=0)
    wedged(worker, deployment)
    worker.look()  # our own small prompt waits there
    deployment.comfyui.fault("answer", path="/prompt", status=400, body=REFUSAL)
    worker.look()
    assert state(deployment) == "wedged"
    worker.close()
    stall.clear()


class Odd(ComfyUIClient):
    """A client of which nobody expected what it raises."""

    def version(self) -> str:
        raise ZeroDivisionError


def test_a_probe_that_fails_in_any_way_says_so_and_the_next_one_comes(deployment: Deployment) -> None:
    worker = patient(deployment)
    worker.look()
    odd, closing = Odd(server_url(deployment.comfyui.url)), threading.Event()
    probe = HealthProbe(worker.resources.fleet, odd, closing)
    probe.probe_safely()
    assert outcome(deployment, "answers") == ("failed", "the probe did not understand it: ZeroDivisionError")
    assert state(deployment) == "unreachable"
    closing.set()  # what goes wrong while all is closed is nobody's fault
    worker.look()
    probe.probe_safely()
    assert (outcome(deployment, "answers"), state(deployment)) == (("passed", None), "up")
    odd.close()
    worker.close()


@pytest.mark.parametrize("version", ["\\u0000" * 70, "v" * 100, "\\ud800"])
def test_a_version_that_no_row_takes_is_cut_and_cleaned(deployment: Deployment, version: str) -> None:
    deployment.comfyui.fault("answer", path="/system_stats", body=f'{{"system": {{"comfyui_version": "{version}"}}}}')
    worker = patient(deployment)
    worker.look()
    worker.close()
    assert len(deployment.server().version or "") <= 64


def test_what_the_restart_command_came_to_is_shown_and_it_runs_again_while_nothing_changes(
    deployment: Deployment, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    deployment.environ["COMFYUI_RESTART_COMMAND"] = f"sh -c 'echo x >> {ran}; exit 3'"
    deployment.comfyui.fault("kill_worker", at="take")
    worker = patient(deployment, restart_every_s=0)
    wedged(worker, deployment)
    until(lambda: "restart" in deployment.server().probes)
    assert outcome(deployment, "restart") == ("failed", "it ended with status 3")
    worker.until(lambda: len(ran.read_text().split()) > 1)
    until(lambda: deployment.server().wedged_since)
    worker.close()


def test_resuming_a_wedged_server_brings_it_back(deployment: Deployment) -> None:
    with deployment.worker() as worker:
        deployment.comfyui.fault("answer", path="/prompt", status=503, times=1)  # the canary goes amiss
        wedged(worker, deployment)
        with deployment.messenger.transaction() as session:
            servers.resume(session, deployment.comfyui.url)
        assert (state(deployment), deployment.server().problem) == ("up", None)
        deployment.ended(deployment.submit())


@BOTH
def test_a_server_that_gives_prompts_ids_of_its_own_gets_no_more_jobs_and_says_why(
    deployment: Deployment, another: RunningSimulator
) -> None:
    deployment.environ["COMFYUI_URLS"] = f"{deployment.comfyui.url},{another.url}"
    deployment.comfyui.fault("own_prompt_id")
    with deployment.worker():
        with deployment.messenger.transaction() as session:
            servers.drain(session, another.url)
        first = deployment.submit()
        deployment.until(first, lambda job: job.attempt)
        with deployment.messenger.transaction() as session:
            servers.resume(session, another.url)
        until(lambda: state(deployment) == "unfit")
        done = [deployment.ended(job_id) for job_id in (first, deployment.submit(), deployment.submit())]
    assert {job.server for job in done} == {another.url}
    assert state(deployment) == "unfit"
    assert "prompt_id" in (deployment.server().problem or "")
    (execution,) = deployment.comfyui.executions().values()
    assert execution.outcomes in ([], ["interrupted"], ["success"]), "it was taken out as far as that was possible"
    assert deployment.outcomes(first) == [Outcome.RETRIED, Outcome.COMPLETED]
    assert jobs.attempts(deployment.messenger, first)[0].error_code == "server_unfit"


def test_where_there_is_no_other_the_job_fails_with_that_sentence(deployment: Deployment) -> None:
    deployment.comfyui.fault("own_prompt_id")
    with deployment.worker():
        job = deployment.ended(deployment.submit(), JobStatus.FAILED)
    assert (job.error_code, deployment.outcomes(job.id)) == ("server_unfit", [Outcome.FAILED])
    assert "does not take the prompt_id that the client chooses" in (job.error_message or "")


def test_a_server_that_is_too_old_gets_no_job_until_it_is_another_version(deployment: Deployment) -> None:
    old = '{"system": {"comfyui_version": "0.3.40"}, "devices": []}'
    told = deployment.comfyui.fault("answer", path="/system_stats", body=old)
    worker = patient(deployment)
    worker.look()
    assert state(deployment) == "unfit"
    worker.look()
    assert "0.3.57 is the oldest" in (deployment.server().problem or "")
    told.clear()
    worker.look()
    worker.close()
    assert (state(deployment), deployment.server().problem) == ("up", None)


def test_versions_that_nobody_can_tell_are_given_a_try() -> None:
    taken = ("0.3.57", "v0.4", "0.8.0", "0.33.0", "1.0", "unknown", "", "main-abc", "0.3.57-fork")
    refused = ("0.3.56", "v0.3.9", "0.2.7-custom", "0.0.1")
    assert [why_too_old(version) for version in taken] == [None] * len(taken)
    assert all(why_too_old(version) for version in refused)
