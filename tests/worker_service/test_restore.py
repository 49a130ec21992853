"""A backup that was made while jobs ran is restored: what it had is there, and what ran then is not made twice."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.local.programs import POSTGRES, Places, find
from deploy.local.servers import Servers
from deploy.restored import StillAtWork, after_restore
from shared.configuration.settings import load_settings
from shared.database.engine import create_engine
from shared.messaging.broker import sending_broker
from shared.messaging.events import Channels
from shared.messaging.messenger import Messenger
from shared.messaging.redis_clients import patient_client
from shared.models import JobStatus
from shared.storage.opening import open_storage
from tests import jobs
from tests.buckets import S3
from tests.lent_database import new_name
from tests.worker_service.deployment import Deployment

ROOT = Path(__file__).parents[2]
SPARE = 100
SEEDS = count(100)


class Backup(NamedTuple):
    """A dump of the database, and a copy of the store that was made after it."""

    dump: Path
    store: Path


class Programs(NamedTuple):
    pg_dump: str
    pg_restore: str


@pytest.fixture(scope="module")
def programs() -> Programs:
    """Those beside the server that the tests start; else those of the system."""
    beside = find(POSTGRES, Places.of(os.environ)).executable.parent
    path = os.pathsep.join([str(beside), os.environ["PATH"]])
    dump, restore = (shutil.which(name, path=path) for name in ("pg_dump", "pg_restore"))
    if not dump or not restore:
        pytest.skip("there is no pg_dump, or no pg_restore")
    return Programs(dump, restore)


def backup(deployment: Deployment, programs: Programs, folder: Path) -> Backup:
    """The database first: a file is written before its row, so a newer store lacks nothing."""
    made = Backup(folder / "dump", folder / "copy")
    url = deployment.environ["DATABASE_URL"].replace("+psycopg2", "")
    subprocess.run([programs.pg_dump, "--format=custom", f"--file={made.dump}", url], check=True, timeout=60)
    shutil.copytree(deployment.folder, made.store)
    return made


@pytest.fixture
def new_database(servers: Servers) -> Iterator[str]:
    name = new_name()
    yield servers.create_database(name)
    servers.drop_database(name)


def restored(deployment: Deployment, made: Backup, programs: Programs, url: str) -> Deployment:
    """The same deployment on another database and another folder, with a Redis that knows nothing."""
    plain = url.replace("+psycopg2", "")
    subprocess.run([programs.pg_restore, f"--dbname={plain}", str(made.dump)], check=True, timeout=60)
    environ = {
        **deployment.environ,
        "DATABASE_URL": url,
        "STORAGE_URL": made.store.as_uri(),
        "REDIS_NS": f"{deployment.settings.redis_ns}_restored",
    }
    settings = load_settings(environ)
    engine, client = create_engine(settings, application="tests"), patient_client(settings.redis_url)
    messenger = Messenger(engine, sending_broker(settings), client, Channels(settings.redis_ns))
    return Deployment(environ, deployment.comfyui, messenger)


def submit(deployment: Deployment) -> int:
    """A job that is like no other: ComfyUI makes nothing twice that it has just made."""
    return deployment.submit(params={"seed": next(SEEDS)})


@pytest.mark.parametrize("keeps_history", [True, pytest.param(False, marks=pytest.mark.landing)])
def test_what_the_dump_had_is_there_and_ends(
    deployment: Deployment, programs: Programs, new_database: str, tmp_path: Path, *, keeps_history: bool
) -> None:
    deployment.environ |= {"COMFYUI_KEEP_HISTORY": str(keeps_history)}
    with deployment.worker():
        had_ended = deployment.ended(submit(deployment)).id
        stall = deployment.comfyui.fault("stall", step=1)
        ran = submit(deployment)
        run_prompt = deployment.sampling(ran)
        stall.wait_until_struck()
        waits = [submit(deployment) for _ in range(3)]  # one is in ComfyUI's queue, the others in ours
        made = backup(deployment, programs, tmp_path)
        stall.clear()
        for job_id in (ran, *waits):
            deployment.ended(job_id)
        later = deployment.ended(submit(deployment))
    after = restored(deployment, made, programs, new_database)
    engine, store = after.messenger.engine, open_storage(after.settings).store
    try:
        shutil.copytree(deployment.folder, after.folder, dirs_exist_ok=True)  # the store was left in place
        said = "\n".join(after_restore(engine, store, load_settings(after.environ), spare=SPARE))
        assert f"The next job has the number {later.id + SPARE + 1}" in said
        assert f"1 jobs have files in the store and no row, such as {later.id}" in said
        assert after.job(had_ended).status is JobStatus.COMPLETED
        assert [store.size(output.path) for output in after.outputs(had_ended)]
        jobs_then = {job_id: after.job(job_id).status for job_id in (ran, *waits)}
        assert jobs_then[ran] is JobStatus.RUNNING
        assert JobStatus.QUEUED in jobs_then.values()
        for job_id, status in jobs_then.items():
            if status is JobStatus.RUNNING:
                jobs.silence(after.messenger, job_id)  # as it is half a minute after a restore
        with after.worker():
            for job_id in (ran, *waits):
                after.ended(job_id)
            assert after.ended(submit(after)).id == later.id + SPARE + 1
        assert after.times_started(run_prompt) == 1
        is_made_again = after.job(ran).comfyui_prompt_id != run_prompt
        assert is_made_again is not keeps_history
        assert ("run again" in said) is not keeps_history
    finally:
        engine.dispose()
        after.messenger.close()


def test_ids_are_not_moved_while_services_are_at_work(deployment: Deployment) -> None:
    engine, store = deployment.messenger.engine, open_storage(deployment.settings).store
    at_work = create_engine(deployment.settings, application="worker", connections=1)
    with at_work.connect(), pytest.raises(StillAtWork, match="genonaut-worker"):
        list(after_restore(engine, store, deployment.settings, spare=SPARE))
    at_work.dispose()


@pytest.mark.system
def test_ids_go_beyond_those_in_a_store_that_files_move_from(
    environ: dict[str, str], own_database: str, tmp_path: Path
) -> None:
    (tmp_path / "former/1/2026/03/09/5000").mkdir(parents=True)
    (tmp_path / "former/1/2026/03/09/20260309120000").mkdir()  # somebody's own, and no number of a job
    stores = {"STORAGE_URL": (tmp_path / "later").as_uri(), "STORAGE_MOVING_FROM": (tmp_path / "former").as_uri()}
    chosen = {"PATH": os.environ["PATH"], **environ, "DATABASE_URL": own_database, **stores}
    command = [sys.executable, "-m", "deploy.restored", "--spare=10"]
    done = subprocess.run(command, cwd=ROOT, env=chosen, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("The next job has the number 5011: "), done.stderr


def test_the_numbers_in_a_bucket_count(deployment: Deployment, s3: S3, tmp_path: Path) -> None:
    variables = deployment.environ | s3.environment(prefix := tmp_path.name)
    (tmp_path / "file").write_bytes(b"a picture")
    s3.store(prefix).put({"user/2026/01/02/41/1/0.png": tmp_path / "file"})
    command = [sys.executable, "-m", "deploy.restored"]
    made = subprocess.run(command, env=variables, check=True, capture_output=True, text=True, timeout=60)
    assert "The next job has the number 10042: " in made.stdout
    assert "1 jobs have files in the store and no row, such as 41" in made.stdout
