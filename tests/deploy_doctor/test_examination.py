"""Each thing that is broken is named in a line, and what is well is not."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest
import redis
from sqlalchemy import Engine, text

from deploy.doctor.__main__ import as_json, summary
from deploy.doctor.finding import Mark
from deploy.doctor.installation import installed
from deploy.doctor.looks.settings import look as look_at_settings
from deploy.local.ports import free_ports
from deploy.local.postgres import connected
from shared.configuration.settings import Settings, load_settings
from shared.database.engine import create_engine, transaction
from shared.messaging.messages import Queue
from shared.models import ComfyUIServer, Worker
from tests.another_clock import set_clock
from tests.api_service.serving import served_here
from tests.buckets import S3
from tests.certificates import certificate
from tests.deploy_doctor.conftest import SERVER, add_job, add_output, diagnosed
from tests.tls_front import tls_front

ROOT = Path(__file__).parents[2]
# Of the servers that the tests share: they are quick, and not durable.
NOT_DURABLE = "a crash may forget accepted jobs"
END_THE_LEADER = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
    " WHERE locktype = 'advisory' AND datname = current_database()"
)


def but_durability(warnings: list[str]) -> list[str]:
    return [line for line in warnings if NOT_DURABLE not in line]


def test_a_healthy_installation_has_nothing_but_good_lines(well: dict[str, str], key: str) -> None:
    with served_here(well, key) as api:
        found = diagnosed({**well, "API_PORT": api.address.partition(":")[2]})
    assert not found.troubles
    assert not but_durability(found.warnings)
    assert {finding.subject for finding in found} == {
        "settings", "database", "redis", "workers", "servers", "storage", "waiting", "messages", "api",
    }  # fmt: skip
    assert summary([one for one in found if NOT_DURABLE not in str(one)]) == "All is well.\n"


@pytest.mark.system
def test_the_command_ends_with_one_where_there_is_trouble(well: dict[str, str], engine: Engine) -> None:
    command = [sys.executable, "-m", "deploy.doctor", "--json"]
    environ = {"PATH": os.environ["PATH"], **well}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert json.loads(done.stdout)["ok"]
    with transaction(engine) as session:
        session.execute(text("DELETE FROM workers"))
        session.execute(text("UPDATE comfyui_servers SET last_seen_at = now()"))  # the first run may have taken long
    done = subprocess.run(command[:-1], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "trouble  workers: no worker was seen" in done.stdout
    assert "Troubles: 1, warnings: " in done.stdout


def test_wrong_settings_are_all_that_is_found(environ: dict[str, str]) -> None:
    found = diagnosed({**environ, "COMFYUI_SLOTS": "many", "API_PROT": "1"})
    assert len(found.troubles) == 1
    assert "COMFYUI_SLOTS: 'many' is not accepted" in found.troubles[0]
    assert "API_PORT was probably meant" in found.warnings[0]
    assert not json.loads(as_json(found))["ok"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"RETENTION_JOBS": "1d", "RETENTION_EVENTS": "2d"}, "RETENTION_EVENTS=2d has no effect"),
        ({"METRICS_PORT": "8000"}, "METRICS_PORT and API_PORT are both 8000"),
        ({"STALL_TIMEOUT": "2h"}, "STALL_TIMEOUT=2h has no effect"),
        ({"ALLOWED_NODES": "Load*,Save*", "DENIED_NODES": "Load*"}, "Load*: both in ALLOWED_NODES"),
        ({"SECRETS_KEY_FILE": "/nowhere/key"}, "the file of SECRETS_KEY_FILE cannot be read"),
        ({"COMFYUI_URLS": "http://127.0.0.1:9#token_file=/nowhere/token"}, "its token_file cannot be read"),
        ({"APP_ENV": "prod", "CORS_ORIGINS": "*"}, "CORS_ORIGINS=* lets every page"),
        ({"APP_ENV": "prod", "NATIVE_TRUSTED": "0.0.0.0/0=anna"}, "NATIVE_TRUSTED lets 0.0.0.0/0 in"),
        ({"APP_ENV": "prod", "PUBLIC_URL": "http://pictures.example.com"}, "PUBLIC_URL leads to pictures.example.com"),
        ({"APP_ENV": "prod"}, "SECRETS_KEY_FILE is not set"),
    ],
)
def test_settings_that_contradict_each_other_or_are_careless(
    environ: dict[str, str], variables: dict[str, str], said: str
) -> None:
    chosen = {**environ, **variables}
    with installed(chosen, load_settings(chosen)) as installation:
        assert any(said in str(finding) for finding in look_at_settings(installation))


def test_without_a_database_all_else_is_still_looked_at(well: dict[str, str]) -> None:
    port = next(free_ports())
    found = diagnosed({**well, "DATABASE_URL": f"postgresql://me:secret@127.0.0.1:{port}/generation"})
    assert any("database: it does not answer" in line for line in found.troubles)
    assert "trouble  workers: not known without database. Mend that first" in found.troubles
    assert len(found.troubles) == len({line.partition(":")[0] for line in found.troubles}), "each subject once"
    assert not [finding for finding in found if "secret" in str(finding)]
    assert [finding for finding in found if finding.subject == "redis" and finding.mark == "ok"]


def test_without_redis_all_else_is_still_looked_at(well: dict[str, str]) -> None:
    found = diagnosed({**well, "REDIS_URL": f"redis://127.0.0.1:{next(free_ports())}/0"})
    assert any("redis: that of REDIS_URL does not answer" in line for line in found.troubles)
    assert not [line for line in found.troubles if ".. " in line]
    assert {line.partition(":")[0] for line in found.troubles} == {
        "trouble  redis", "trouble  waiting", "trouble  messages",
    }  # fmt: skip


@pytest.mark.usefixtures("well")
def test_a_database_without_a_schema_says_what_to_do(environ: dict[str, str], own_database: str) -> None:
    with connected(own_database) as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    found = diagnosed({**environ, "DATABASE_URL": own_database})
    assert "trouble  database: the database has no schema: run `make migrate`. Services do not start before" in (
        found.troubles
    )
    assert "trouble  workers: not known without the tables. Run `make migrate`" in found.troubles


def test_a_missing_index_dead_rows_and_a_table_without_autovacuum(environ: dict[str, str], own_database: str) -> None:
    with connected(own_database) as connection, connection.cursor() as cursor:
        cursor.execute("DROP INDEX ix_generation_jobs_message_id")
        cursor.execute("ALTER TABLE job_events SET (autovacuum_enabled = false)")
    found = diagnosed({**environ, "DATABASE_URL": own_database})
    assert any("the index ix_generation_jobs_message_id of generation_jobs is missing" in one for one in found.troubles)
    assert any("autovacuum is off for the table job_events" in one for one in found.warnings)


def test_a_clock_that_is_wrong(environ: dict[str, str], own_database: str) -> None:
    set_clock(own_database, timedelta(minutes=5))
    found = diagnosed({**environ, "DATABASE_URL": own_database})
    assert any("this machine's clock is 300." in one and "behind" in one for one in found.warnings), found


def test_nobody_at_work(environ: dict[str, str]) -> None:
    found = diagnosed(environ)
    assert any("no worker was seen" in one for one in found.troubles)
    assert any("no scheduler leads" in one for one in found.troubles)
    assert any("no worker has looked at one" in one for one in found.troubles)


def test_a_wedged_server_and_labels_that_none_has(well: dict[str, str], engine: Engine) -> None:
    add_job(engine, requires=["cuda", "big"])
    with transaction(engine) as session:
        server = session.get_one(ComfyUIServer, SERVER)
        server.wedged_since, server.problem = server.last_seen_at, "it runs nothing"
    found = diagnosed(well)
    assert any(f"{SERVER} is wedged: it runs nothing" in one for one in found.warnings)
    assert any("none of 1 can be given jobs" in one for one in found.troubles)
    assert any("with the labels cuda big" in one for one in found.troubles)


def test_a_server_that_only_the_settings_of_this_command_name(well: dict[str, str]) -> None:
    found = diagnosed({**well, "COMFYUI_URLS": f"{SERVER},http://gpu-7:8188"})
    assert [line for line in found.warnings if "http://gpu-7:8188 is in COMFYUI_URLS, and no worker looks" in line]


def test_a_store_that_refuses_here_or_at_a_worker(well: dict[str, str], engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with transaction(engine) as session:
        session.get_one(Worker, "somewhere:1:a").storage_problem = "No space left on device"
    found = diagnosed({**well, "STORAGE_URL": (tmp_path / "file" / "outputs").as_uri()})
    assert any("no file can be stored from here" in one for one in found.troubles)
    assert any("somewhere:1:a cannot store outputs: No space left" in one for one in found.troubles)


def test_a_store_that_is_not_the_workers(well: dict[str, str], engine: Engine) -> None:
    add_output(engine)
    assert any("none of the 1 newest outputs is here" in one for one in diagnosed(well).troubles)


def test_a_bucket_is_reached_by_all_settings_of_it(well: dict[str, str], s3: S3) -> None:
    found = diagnosed({**well, **s3.environment("doctor")})
    assert any("storage: files can be stored from here" in one for one in found.lines(Mark.OK))


def test_a_store_that_no_service_starts_with(well: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "perhaps")
    (found,) = diagnosed({**well, "STORAGE_URL": "s3://bucket"}).troubles
    assert "STORAGE_URL: the object store cannot be used as it is set" in found


def test_due_work_that_nobody_is_woken_for(well: dict[str, str], engine: Engine) -> None:
    add_job(engine)
    said = "rows of the queue comfy are due, and no wake-up is on its way"
    assert any(f"{said}. A scheduler leads and sends them" in one for one in diagnosed(well).troubles)
    with transaction(engine) as session:
        session.execute(text(END_THE_LEADER))
    assert any(f"{said}. Start a scheduler" in one for one in diagnosed(well).troubles)


def test_messages_that_were_given_up(well: dict[str, str], redis_client: redis.Redis, settings: Settings) -> None:
    redis_client.zadd(f"{settings.redis_ns}:{Queue.TASKS}.XQ", {"a": 1, "b": 2})
    assert any("2 messages of the queue tasks were given up" in one for one in diagnosed(well).warnings)


def test_other_versions_that_are_connected(well: dict[str, str], environ: dict[str, str]) -> None:
    url = environ["DATABASE_URL"].replace("+psycopg2", "")
    with psycopg2.connect(url, application_name="genonaut-worker 0.0.1"):
        found = diagnosed(well)
    assert any("are connected: worker 0.0.1" in one for one in found.warnings)


def test_a_certificate_that_nobody_trusts(well: dict[str, str], tmp_path: Path) -> None:
    made = certificate(tmp_path, "localhost")
    with tls_front(next(free_ports()), made) as port:
        found = diagnosed({**well, "PUBLIC_URL": f"https://localhost:{port}"})
    assert any("(PUBLIC_URL) is not trusted" in one for one in found.troubles), found


def test_a_transaction_that_holds_up_the_others(
    well: dict[str, str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.doctor.looks.sessions.OPEN_FOR_LONG", timedelta(0))
    held = create_engine(settings, application="api", connections=1)
    with held.connect() as connection:
        connection.execute(text("SELECT 1"))
        found = diagnosed(well)
    held.dispose()
    assert any("a transaction of genonaut-api" in one and "pg_terminate_backend(" in one for one in found.warnings)
