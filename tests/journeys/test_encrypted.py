"""A system whose PostgreSQL, Redis and ComfyUI are spoken to by TLS, by certificates of an authority of its own."""

from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from deploy.local.ports import free_ports
from deploy.local.servers import Servers
from deploy.local.system import Plan, running_system
from tests.certificates import Certificate, certificate
from tests.conftest import TEST_DATABASE
from tests.journeys.conftest import BODY, Journey, bearer
from tests.simulator.running import RunningSimulator
from tests.tls_front import tls_front

pytestmark = [pytest.mark.system, pytest.mark.landing, pytest.mark.timeout(300)]


def test_a_job_is_done_with_all_of_it_encrypted(
    servers: Servers, simulator: RunningSimulator, environ: dict[str, str], folder: Path
) -> None:
    made = certificate(folder, "localhost")
    with ExitStack() as stack:
        variables = {
            **environ,
            "DATABASE_URL": fronted(stack, environ["DATABASE_URL"], made, f"sslmode=verify-full&sslrootcert={made[0]}"),
            "REDIS_URL": fronted(stack, servers.redis(TEST_DATABASE), made, f"ssl_ca_certs={made[0]}"),
            "COMFYUI_URLS": fronted(stack, simulator.url, made),
            "CA_FILE": str(made.certificate),
        }
        plan = Plan(folder / "system", durable=False, api_ports=free_ports())
        system = stack.enter_context(running_system(plan, variables, say=lambda _: None))
        http = stack.enter_context(httpx.Client(base_url=system.api_url, headers=bearer(system.key), timeout=30))
        here = Journey(system, http, simulator)
        job = here.completed(here.submit()["id"])
        assert job["width"] == BODY["width"]
        assert http.get("/health/ready").json()["status"] == "ready"


def fronted(stack: ExitStack, url: str, made: Certificate, query: str = "") -> str:
    """The URL of the same server by TLS."""
    parts = urlsplit(url)
    is_postgresql = parts.scheme.startswith("postgresql")
    port = stack.enter_context(tls_front(parts.port or 0, made, is_postgresql=is_postgresql))
    user = parts.netloc.rpartition("@")[0]
    scheme = parts.scheme if is_postgresql else f"{parts.scheme}s"
    return parts._replace(scheme=scheme, netloc=f"{user}{'@' if user else ''}localhost:{port}", query=query).geturl()
