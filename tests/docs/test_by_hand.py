"""The page on starting each service by hand works from the top: each block as pasted, those that stay in the back."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from deploy.local.ports import free_ports
from deploy.local.servers import Servers
from tests.docs.pages import ROOT, Block, blocks
from tests.docs.running import Reader, has, in_a_terminal, look_like_the_repository

pytestmark = [pytest.mark.system, pytest.mark.landing, pytest.mark.timeout(300)]

PAGE = ROOT / "docs" / "by-hand.md"
DATABASE = "generation"
STARTS_WITHIN_S = 60.0


@pytest.fixture
def database(servers: Servers) -> Iterator[None]:
    """Whatever the page leaves of its database is removed in the end."""
    yield
    admin = servers.create_database("by_hand")
    for statement in (f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", f"DROP ROLE IF EXISTS {DATABASE}"):
        subprocess.run(["psql", admin.replace("+psycopg2", ""), "-c", statement], check=True, capture_output=True)
    servers.drop_database("by_hand")


@pytest.mark.skipif(not (has("psql") and has("curl")), reason="there is no psql, or no curl")
@pytest.mark.usefixtures("database")
def test_each_service_by_hand(servers: Servers, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    look_like_the_repository(folder)
    ports = free_ports()
    port, comfyui = next(ports), next(ports)
    admin = urlsplit(servers.database_url)
    reader = Reader(folder, port, folder / "none.log")
    environ = {
        **reader.environ,
        "API_PORT": str(port),
        "PGPORT": str(admin.port),
        "PGUSER": admin.username or "",
        "PGPASSWORD": admin.password or "",
    }
    elsewhere = {
        "redis://127.0.0.1:6379/4": servers.redis(4),
        "127.0.0.1:5432": f"127.0.0.1:{admin.port}",
        "127.0.0.1:8000": f"127.0.0.1:{port}",
        "8188": str(comfyui),
    }
    with ExitStack() as stack:
        for block in blocks(PAGE):
            for here, there in elsewhere.items():
                block = block._replace(text=block.text.replace(here, there))
            if block.note == "stays":
                stack.enter_context(running(block, folder, environ))
            elif block.language == "sh":
                run(block, folder, environ)
        until_ready(f"http://127.0.0.1:{port}/health/ready")


def until_ready(url: str) -> None:
    """Wait until all parts found each other. Those that do not are named."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while (answer := httpx.get(url)).json()["status"] != "ready":
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)


def run(block: Block, folder: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-eu"],
        input=block.text,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{block}: {done.stdout}\n{done.stderr}"


@contextmanager
def running(block: Block, folder: Path, environ: dict[str, str]) -> Iterator[None]:
    """A block in a terminal of its own: stopped by Ctrl-C in the end, for which it must have stayed until then."""
    log = folder / f"{block.line}.log"
    with in_a_terminal(["sh", "-c", block.text], folder, environ, log) as process:
        yield
        assert process.poll() is None, f"{block}: {log.read_text()}"
