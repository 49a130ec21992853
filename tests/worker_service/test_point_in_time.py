"""A database is brought to a moment between two backups, with the commands of the page for it, and works on."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.local.cluster import ENVIRON, USER, Cluster
from deploy.local.ports import free_ports, start_on_a_free_port
from deploy.local.postgres import Postgres, connected, serve, server_url
from deploy.local.process import Process
from deploy.restored import after_restore
from migrations.upgrade import upgrade
from shared.configuration.settings import load_settings
from shared.database.engine import create_engine
from shared.messaging.broker import sending_broker
from shared.messaging.events import Channels
from shared.messaging.messenger import Messenger
from shared.messaging.redis_clients import patient_client
from shared.models import JobStatus
from shared.storage.opening import open_storage
from tests import jobs
from tests.deploy_local.watching import until
from tests.docs.pages import ROOT, blocks
from tests.lent_database import ADD_USERS
from tests.lodgings import lodging
from tests.replicas import asked, tell_to_commit_at_once
from tests.simulator.running import RunningSimulator
from tests.worker_service.deployment import Deployment

pytestmark = [pytest.mark.long, pytest.mark.system, pytest.mark.timeout(300)]

NAME = "genonaut"
SPARE = 100
SEEDS = count(100)
ARCHIVED = "SELECT archived_count > 0 FROM pg_stat_archiver"


@dataclass(frozen=True)
class Page:
    """What the page says: the settings of the server, and the commands that back it up and restore it."""

    settings: str
    backup: str
    restore: str

    @classmethod
    def of(cls, archive: Path) -> "Page":
        page = ROOT / "docs" / "operations" / "backup.md"
        heading = page.read_text().splitlines().index("### Restore any moment") + 1
        texts = [block.text.replace("/archive", str(archive)) for block in blocks(page) if block.line > heading]
        return cls(*texts[:3])


@dataclass(frozen=True)
class Site:
    """A server that puts its WAL aside, the archive, and a folder for another server's data."""

    postgres: Postgres
    archive: Path
    data: Path
    page: Page

    def shell(self, script: str, **variables: str) -> None:
        """Run commands of the page as the account of the server."""
        account = self.postgres.cluster.account
        path = os.pathsep.join([str(self.postgres.cluster.postgres.parent), os.environ["PATH"]])
        subprocess.run(
            ["/bin/sh", "-e", "-c", script],
            cwd=self.archive,
            env={**ENVIRON, "PATH": path, **variables},
            check=True,
            timeout=120,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )

    def back_up(self, port: int) -> Path:
        """The folder of the backup that is made of the server there."""
        password, before = self.postgres.cluster.password, set((self.archive / "base").iterdir())
        where = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": USER, "PGPASSWORD": password}
        self.shell(self.page.backup, **where)
        (made,) = set((self.archive / "base").iterdir()) - before
        return made

    def restore(self, backup: Path, moment: str) -> None:
        script = re.sub(r"(?m)^(BACKUP|MOMENT)=.*\n", "", self.page.restore)
        broken = self.postgres.cluster.data
        self.shell(script, BACKUP=str(backup), MOMENT=moment, PGDATA=str(self.data), BROKEN=str(broken))


@pytest.fixture
def site(folder: Path) -> Iterator[Site]:
    server = Postgres.start(folder / "server", folder / "server.log", durable=False)
    with server as postgres, lodging(folder / "archive") as (archive, _account):
        tell_to_commit_at_once(postgres)
        for name in ("wal", "base", "data"):
            (archive / name).mkdir()
        if postgres.cluster.account:
            postgres.cluster.account.take(archive)
        page = Page.of(archive)
        with (postgres.cluster.data / "postgresql.conf").open("a") as configuration:
            configuration.write(page.settings)
        postgres.restart()
        yield Site(postgres, archive, archive / "data", page)


@pytest.fixture
def database_url(site: Site) -> str:
    site.postgres.create_database(NAME)
    url = site.postgres.url(NAME)
    upgrade(url)
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute(ADD_USERS)
    return url


@pytest.fixture
def served_again(site: Site, folder: Path) -> Iterator[list[Process]]:
    """Servers of restored data; they are stopped."""
    served: list[Process] = []
    yield served
    for process in served:
        process.stop()


def serve_restored(site: Site, folder: Path, served: list[Process]) -> str:
    """The URL of the restored database, once it has reached the moment."""
    before = site.postgres.cluster
    cluster = Cluster(site.archive, before.postgres, before.account, before.password, made=True)

    def start(port: int) -> int:
        served.append(serve(cluster, folder / "restored.log", port, durable=False))
        return port

    port = start_on_a_free_port(start, free_ports())
    until(lambda: not asked(server_url(cluster, port, NAME), "SELECT pg_is_in_recovery()"))
    return server_url(cluster, port, NAME)


def deployed(environ: Mapping[str, str], simulator: RunningSimulator) -> Deployment:
    environ = {**environ, "COMFYUI_URLS": simulator.url, "COMFYUI_KEEP_HISTORY": "true"}
    settings = load_settings(environ)
    engine, client = create_engine(settings, application="tests"), patient_client(settings.redis_url)
    return Deployment(
        environ, simulator, Messenger(engine, sending_broker(settings), client, Channels(settings.redis_ns))
    )


def submit(deployment: Deployment) -> int:
    """A job that is like no other: ComfyUI makes nothing twice that it has just made."""
    return deployment.submit(params={"seed": next(SEEDS)})


def close(deployment: Deployment) -> None:
    deployment.messenger.engine.dispose()
    deployment.messenger.close()


def test_a_moment_between_backup_and_break_is_restored_and_what_is_not_known_is_said(
    site: Site, environ: dict[str, str], simulator: RunningSimulator, folder: Path, served_again: list[Process]
) -> None:
    before = deployed(environ, simulator)
    with before.worker():
        in_the_backup = before.ended(submit(before)).id
        backup = site.back_up(site.postgres.port)
        archived = before.ended(submit(before)).id
        asked(site.postgres.url(), "SELECT pg_switch_wal()::text")
        until(lambda: asked(site.postgres.url(), ARCHIVED))
        not_archived = before.ended(submit(before)).id
        stall = simulator.fault("stall", step=1)
        ran = submit(before)
        run_prompt = before.sampling(ran)
        stall.wait_until_struck()
        moment = asked(site.postgres.url(), "SELECT clock_timestamp()::text")
        stall.clear()
        before.ended(ran)
        later = before.ended(submit(before)).id
    site.postgres.process.kill()  # and its pg_wal can be read
    close(before)

    site.restore(backup, moment)
    url = serve_restored(site, folder, served_again)
    after = deployed({**environ, "DATABASE_URL": url, "REDIS_NS": f"{environ['REDIS_NS']}_restored"}, simulator)
    try:
        store = open_storage(after.settings).store
        said = "\n".join(after_restore(after.messenger.engine, store, after.settings, spare=SPARE))
        (first,) = map(int, re.findall(r"The next job has the number (\d+):", said))
        assert first > later + SPARE, "PostgreSQL itself leaves some out, as it recovers"
        assert "1 jobs were running then" in said
        assert f"1 jobs have files in the store and no row, such as {later}" in said
        assert "Jobs that were accepted after that moment and have no file are not known at all" in said
        for job_id in (in_the_backup, archived, not_archived):
            assert after.job(job_id).status is JobStatus.COMPLETED
            assert [store.size(output.path) for output in after.outputs(job_id)]
        assert after.job(ran).status is JobStatus.RUNNING
        jobs.silence(after.messenger, ran)  # as it is half a minute after a restore
        with after.worker():
            after.ended(ran)
            assert after.ended(submit(after)).id == first
        assert after.job(ran).comfyui_prompt_id == run_prompt, "which ComfyUI had ended since"
        assert after.times_started(run_prompt) == 1
        assert site.back_up(urlsplit(url).port or 0) != backup, "as the page says, on the day of the one before"
    finally:
        close(after)
