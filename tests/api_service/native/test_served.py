"""ComfyUI's own API as a process serves it: what the log says of a key in an address, proxies, and the second port."""

from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine
from websockets.sync.client import connect

from deploy.local.ports import free_ports
from shared.models import Scope
from tests.api_service.conftest import bearer, new_key
from tests.api_service.serving import served
from tests.sweeps import rest_at_landing

pytestmark = pytest.mark.system


def test_a_key_in_an_address_is_in_no_log(environ: dict[str, str], key: str, engine: Engine, tmp_path: Path) -> None:
    address_key = new_key(engine, Scope.NATIVE)
    secret = address_key.split("_")[2]
    with served(environ, key, tmp_path) as api:
        for path in ("/queue", "/nothing", "/api/v1/me", "/history/%00", ""):
            httpx.get(f"http://{api.address}/c/{address_key}{path}")
        httpx.post(f"http://{api.address}/c/{address_key}/prompt", content=b"no json")
        with connect(f"ws://{api.address}/c/{address_key}/ws") as socket:
            assert "status" in str(socket.recv())
        httpx.get(f"http://{api.address}/queue", headers=bearer(key))
    logged = api.process.command.log.read_text()
    assert "/queue" in logged
    assert secret not in logged


@pytest.mark.parametrize(("named", "status"), [("127.0.0.1", 200), ("192.0.2.1", 401)])
def test_a_proxy_speaks_for_others_only_where_it_is_named(
    environ: dict[str, str], key: str, tmp_path: Path, named: str, status: int
) -> None:
    trust = {"FORWARDED_ALLOW_IPS": named, "NATIVE_TRUSTED": "10.0.0.0/8=somebody,127.0.0.0/8=somebody"}
    with served({**environ, **trust}, key, tmp_path) as api:
        through = {"X-Forwarded-For": "10.1.2.3"}
        assert httpx.get(f"http://{api.address}/queue", headers=through).status_code == status
        assert httpx.get(f"http://{api.address}/queue").status_code == 200


def test_its_own_port_serves_nothing_else(environ: dict[str, str], key: str, tmp_path: Path) -> None:
    port = next(iter(free_ports()))
    with served({**environ, "NATIVE_PORT": str(port)}, key, tmp_path) as api:
        own = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{own}/queue", headers=bearer(key)).status_code == 200
        assert httpx.get(f"{own}/api/v1/me", headers=bearer(key)).status_code == 404
        assert httpx.get(f"http://{api.address}/queue", headers=bearer(key)).status_code == 200


@pytest.mark.parametrize("path", rest_at_landing(["", "/"]))
def test_the_address_itself_has_a_page_for_programs_that_look_whether_it_runs(
    environ: dict[str, str], key: str, tmp_path: Path, path: str
) -> None:
    port = next(iter(free_ports()))
    with served({**environ, "NATIVE_PORT": str(port)}, key, tmp_path) as api:
        for address in (f"http://127.0.0.1:{port}", f"http://{api.address}/c/any-key"):
            found = httpx.get(f"{address}{path}")
            assert (found.status_code, "no editor here" in found.text) == (200, True)
            assert httpx.head(f"{address}{path}").headers["content-length"] == str(len(found.content))
            assert httpx.post(f"{address}{path}").status_code == 404
        assert "no editor here" not in httpx.get(f"http://{api.address}/", headers={"Accept": "text/html"}).text
