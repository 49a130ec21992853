"""nginx and Caddy with the configurations of `deploy/proxies`, on a port of this machine and with its certificate."""

import re
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from deploy.local.process import Command, Processes
from tests.certificates import Certificate
from tests.worker_service.waiting import until

CONFIGURATIONS = Path(__file__).parents[2] / "deploy" / "proxies"
NAME = "localhost"


class Front(NamedTuple):
    """Where a proxy is to listen, with which certificate, before which API, and whether it takes its path away."""

    port: int
    certificate: Certificate
    api: str
    takes_away: bool = False


def nginx(front: Front, folder: Path) -> list[str]:
    changed = {
        "127.0.0.1:8000": front.api,
        "listen 443 ": f"listen 127.0.0.1:{front.port} ",
        "server_name generation.example.com": f"server_name {NAME}",
        "/etc/nginx/certificates/generation.pem": str(front.certificate.certificate),
        "/etc/nginx/certificates/generation.key": str(front.certificate.key),
        "/var/log/nginx/genonaut.log": str(folder / "access.log"),
    }
    if front.takes_away:
        passes_on = "location /generation/ {\n        proxy_pass http://genonaut_api"
        changed[f"{passes_on};"] = f"{passes_on}/;"
    (folder / "site.conf").write_text(replaced(CONFIGURATIONS / "nginx.conf", changed))
    main = f"daemon off; pid {folder}/pid; error_log stderr; events {{}} http {{ include {folder}/site.conf; }}"
    (folder / "nginx.conf").write_text(main)
    return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(front: Front, folder: Path) -> list[str]:
    own = f"tls {front.certificate.certificate} {front.certificate.key}"
    changed = {
        "127.0.0.1:8000": front.api,
        "generation.example.com {": f"{NAME}:{front.port} {{\n\tbind 127.0.0.1\n\t{own}",
    }
    if front.takes_away:
        changed["handle /generation/*"] = "handle_path /generation/*"
    quiet = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"
    (folder / "Caddyfile").write_text(quiet + replaced(CONFIGURATIONS / "Caddyfile", changed))
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


PROXIES: Mapping[str, Callable[[Front, Path], list[str]]] = MappingProxyType({"nginx": nginx, "caddy": caddy})


def is_there(name: str) -> bool:
    return shutil.which(name) is not None


def replaced(configuration: Path, changed: Mapping[str, str]) -> str:
    """The configuration with what is this machine's own; what is to be changed must be in it."""
    text = configuration.read_text()
    for ours, here in changed.items():
        assert ours in text, f"{configuration.name} has no {ours!r}"
        text = re.sub(re.escape(ours), lambda _found, here=here: here, text)  # type: ignore[misc]
    return text


@contextmanager
def running(name: str, front: Front, folder: Path, environ: Mapping[str, str]) -> Iterator[None]:
    """The proxy listens in the block."""
    log = folder / f"{name}.log"
    command = Command(
        name=name, arguments=tuple(PROXIES[name](front, folder)), log=log, cwd=folder, environ=dict(environ)
    )
    with Processes() as processes:
        processes.start(command)
        until(lambda: listens(front.port), log.read_text)
        yield


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
