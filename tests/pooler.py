"""A real PgBouncer in transaction mode in front of the tests' PostgreSQL; `python -m tests.pooler` unpacks it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg2
import pytest

from deploy.local.ports import free_ports, start_on_a_free_port
from deploy.local.process import Command, Processes
from tests.unpacked import ROOT, program, unpack

FOLDER = ROOT / ".pooler"
PROGRAM = program(FOLDER, "pgbouncer")
LIBRARIES = ":".join(str(folder) for folder in FOLDER.glob("usr/lib/*-linux-*"))
needs_pgbouncer = pytest.mark.skipif(
    not PROGRAM, reason="`make pooler` unpacks PgBouncer here, on Debian; it is not there"
)
POOL_SIZE = 4  # fewer than the connections to it, so that transactions change places
NOBODY = "nobody"  # PgBouncer does not run as root

CONFIGURATION = """
[databases]
* = host={server.hostname} port={server.port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {POOL_SIZE}
max_client_conn = 500
{more}
"""


@contextmanager
def pgbouncer(database_url: str, folder: Path, *more: str) -> Iterator[str]:
    """The URL of a database through PgBouncer. `more` are lines of its configuration."""
    server = urlsplit(database_url)
    user, password = (unquote(part or "") for part in (server.username, server.password))
    lines = [*more, *([f"user = {NOBODY}"] if os.getuid() == 0 else [])]
    with Processes() as processes:

        def start(port: int) -> str:
            configuration = folder / "pgbouncer.ini"
            said = CONFIGURATION.format(
                server=server, user=user, password=password, port=port, POOL_SIZE=POOL_SIZE, more="\n".join(lines)
            )
            configuration.write_text(said)
            command = Command(
                name="pgbouncer",
                arguments=(PROGRAM, str(configuration)),
                log=folder / "pgbouncer.log",
                environ={"PATH": os.defpath, "LD_LIBRARY_PATH": LIBRARIES},
            )
            url = f"postgresql://{server.username}@127.0.0.1:{port}{server.path}"
            processes.start(command).wait_until(lambda: answers(url), within_s=30)
            return url

        yield start_on_a_free_port(start, free_ports())


def answers(url: str) -> bool:
    try:
        psycopg2.connect(url, connect_timeout=5).close()
    except psycopg2.Error:
        return False
    return True


if __name__ == "__main__" and not PROGRAM:
    unpack(FOLDER, "pgbouncer", "libc-ares2", "libevent-2.1-7")
