"""The services of the world are started, each on ports that nobody has taken meanwhile."""

from collections.abc import Callable, Mapping
from functools import partial

import psutil

from deploy.local.ports import free_ports, listens, start_on_a_free_port
from deploy.local.process import Command, Process, Processes
from deploy.local.system import Plan as LocalPlan
from deploy.local.system import service, status
from tests.chaos.plan import APIS, SCHEDULERS, WORKERS, Plan

READY_WITHIN_S = 120.0


def start_services(processes: Processes, plan: Plan, environ: Mapping[str, str]) -> list[str]:
    """Start all of them, and wait until a job would run. The URLs of the APIs."""
    local = LocalPlan(plan.directory, durable=False, api_ports=free_ports())
    for name in named("worker", WORKERS):
        start_with_metrics(processes, partial(service, local, name, ("worker_service",)), environ)
    for name in named("scheduler", SCHEDULERS):
        start_with_metrics(processes, partial(service, local, name, ("worker_service.scheduler",)), environ)
    return [start_api(processes, local, name, environ) for name in named("api", APIS)]


def start_with_metrics(
    processes: Processes, command: Callable[[Mapping[str, str]], Command], environ: Mapping[str, str]
) -> Process:
    """Start a service, on another port if somebody took the one for its metrics. Returns once it shows them."""

    def start_on(port: int) -> Process:
        process = processes.start(command({**environ, "METRICS_PORT": str(port)}))
        process.wait_until(lambda: any(listens(pid, port) for pid in family(process.pid)), within_s=READY_WITHIN_S)
        return process

    return start_on_a_free_port(start_on, free_ports())


def family(pid: int) -> list[int]:
    """A process and those below it: a worker's metrics are shown by its child."""
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.Error:
        return []


def start_api(processes: Processes, local: LocalPlan, name: str, environ: Mapping[str, str]) -> str:
    def start_on(port: int) -> tuple[Process, str]:
        given = {**environ, "API_HOST": "127.0.0.1", "API_PORT": str(port)}
        api = start_with_metrics(processes, partial(service, local, name, ("api_service",)), given)
        url = f"http://127.0.0.1:{port}"
        api.wait_until(lambda: status(f"{url}/health/live") == "ok", within_s=READY_WITHIN_S)
        return api, url

    api, url = start_on_a_free_port(start_on, local.api_ports)
    api.wait_until(lambda: status(f"{url}/health/ready") == "ready", within_s=READY_WITHIN_S)
    return url


def named(kind: str, count: int) -> list[str]:
    return [f"{kind}-{number}" for number in range(1, count + 1)]
