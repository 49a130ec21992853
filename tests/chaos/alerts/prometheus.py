"""A real Prometheus scrapes everything that runs, with the alerts of the product at a quicker pace."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import redis
import yaml  # type: ignore[import-untyped]

from deploy.local.ports import free_ports
from deploy.local.postgres import connected
from deploy.local.process import Command
from tests.chaos.world import World
from tests.deploy_monitoring.rules import quicker
from tests.monitoring import PROMETHEUS

QUICKER = 10  # minutes become six seconds: the times of the rules, and nothing of the services
EVERY = {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "900ms"}
ASKED_WITHIN_S = 5.0
READY_WITHIN_S = 60.0


@dataclass(frozen=True)
class Prometheus:
    """Asked for what fires, and for whether it reaches everything."""

    url: str
    targets: int

    def firing(self) -> frozenset[str]:
        """The names of the alerts that fire now."""
        return frozenset(name for name, state in self.alerts() if state == "firing")

    def alerts(self) -> list[tuple[str, str]]:
        """The alerts that fire, and those that would if it went on: the name and the state of each."""
        return [(one["labels"]["alertname"], one["state"]) for one in self.get("/api/v1/alerts")["alerts"]]

    def reaches_all(self) -> bool:
        """Whether each target answered when it was last asked."""
        found = self.get("/api/v1/query", query="up == 1")["result"]
        return len(found) == self.targets

    def get(self, path: str, **params: str) -> dict[str, list[dict[str, Any]]]:
        answer = httpx.get(f"{self.url}{path}", params=params, timeout=ASKED_WITHIN_S)
        return answer.raise_for_status().json()["data"]  # type: ignore[no-any-return]


@contextmanager
def watched_by_prometheus(world: World, folder: Path) -> Iterator[Prometheus]:
    """Until the block ends. Its process is one of the world's."""
    with exporters(world) as port:
        url = f"http://127.0.0.1:{next(free_ports())}"
        rules, config = folder / "alerts.yml", folder / "prometheus.yml"
        rules.write_text(quicker(QUICKER))
        targets = {**world.metrics_ports(), "stores": [port]}
        config.write_text(yaml.safe_dump(configuration(targets, rules)))
        listen = f"--web.listen-address={url.removeprefix('http://')}"
        arguments = (PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}", listen)
        process = world.processes.start(Command(name="prometheus", arguments=arguments, log=folder / "prometheus.log"))
        process.wait_until(lambda: is_ready(url), within_s=READY_WITHIN_S)
        yield Prometheus(url, sum(map(len, targets.values())))


def configuration(targets: Mapping[str, Sequence[int]], rules: Path) -> dict[str, object]:
    """Those of our services are named as in the configuration that we hand out."""
    jobs = [
        {
            "job_name": name if name == "stores" else f"genonaut-{name}",
            "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}],
        }
        for name, ports in targets.items()
    ]
    return {"global": EVERY, "rule_files": [str(rules)], "scrape_configs": jobs}


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=ASKED_WITHIN_S).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def exporters(world: World) -> Iterator[int]:
    """What the exporters of PostgreSQL and Redis would show, as far as the alerts ask: they are not installed here. The
    port of the page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = "".join(f"{name} {value}\n" for name, value in shown(world).items()).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            with suppress(OSError):  # nobody waits any more, while Redis or PostgreSQL hangs
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="exporters", daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def shown(world: World) -> dict[str, int]:
    return {"redis_up": redis_up(world), **postgres(world)}


def redis_up(world: World) -> int:
    try:
        with redis.Redis.from_url(world.direct.redis_url, socket_timeout=0.4, socket_connect_timeout=0.4) as client:
            return int(client.ping())
    except redis.RedisError:
        return 0


def postgres(world: World) -> dict[str, int]:
    try:
        with connected(world.servers.database_url) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*), current_setting('max_connections')::int FROM pg_stat_activity")
            ((count, most),) = cursor.fetchall()
    except psycopg2.Error:
        return {"pg_up": 0}
    return {"pg_up": 1, "pg_stat_activity_count": count, "pg_settings_max_connections": most}
