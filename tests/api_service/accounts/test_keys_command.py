"""`python -m api_service.accounts.keys`, as an operator runs it."""

import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.accounts.keys import main, parse
from shared.database.engine import transaction
from shared.models import User
from tests.api_service.conftest import bearer
from tests.jobs import USER

ROOT = Path(__file__).parents[3]
MIGRATED = UUID(int=77)


class Said(NamedTuple):
    status: int
    out: str
    err: str


class Command(NamedTuple):
    """The command, on a database and in a folder where no .env file is."""

    database_url: str
    folder: Path

    def __call__(self, *arguments: str, **variables: str) -> Said:
        """What it says when it is called in this process."""
        out, err = StringIO(), StringIO()
        with pytest.MonkeyPatch.context() as here, redirect_stdout(out), redirect_stderr(err):
            here.chdir(self.folder)
            here.setattr(os, "environ", {"DATABASE_URL": self.database_url, **variables})
            here.setattr(sys, "argv", ["keys", *arguments])
            return Said(main(), out.getvalue(), err.getvalue())

    def as_process(self, *arguments: str) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "api_service.accounts.keys", *arguments],
            cwd=self.folder,
            env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "DATABASE_URL": self.database_url},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    def key(self, *arguments: str) -> str:
        status, out, _ = self("create", *arguments)
        assert status == 0
        assert re.fullmatch(r"gn_[a-z0-9]{12}_[0-9a-f]{64}\n", out)
        return out.strip()


@pytest.fixture
def keys(database_url: str, tmp_path: Path) -> Command:
    return Command(database_url, tmp_path)


def test_a_key_is_made_listed_and_revoked(keys: Command, client: TestClient) -> None:
    key = keys.key("--user", "anna", "--name", "laptop", "--expires", "90d")
    key_id = key.split("_")[1]
    me = client.get("/api/v1/me", headers=bearer(key)).json()
    assert (me["user"]["name"], me["key"]["name"]) == ("anna", "laptop")
    assert me["key"]["scopes"] == ["jobs:read", "jobs:write"]
    heading, line = keys("list", "--user", "anna").out.splitlines()
    assert heading.split() == ["ID", "USER", "NAME", "SCOPES", "CREATED", "EXPIRES", "LAST", "USED", "STATE"]
    assert line.split()[:4] == [key_id, "anna", "laptop", "jobs:read,jobs:write"]
    assert line.endswith("good")
    assert key.split("_")[2] not in line
    assert keys("revoke", key_id).status == 0
    assert keys("revoke", key).out == keys("revoke", key_id).out
    assert keys("list", "--user", "anna").out.splitlines()[1].endswith("revoked")
    assert len(keys("list").out.splitlines()) > 2


@pytest.mark.system
def test_the_key_alone_is_on_stdout_and_the_rest_for_people(keys: Command) -> None:
    said = keys.as_process("create", "--user", "ops", "--scope", "admin", "--scope", "jobs:read")
    assert said.out.startswith("gn_")
    assert said.out.count("\n") == 1
    assert "A key of ops" in said.err
    assert "admin, jobs:read" in said.err
    assert said.out.strip() not in said.err


def test_the_owner_of_migrated_jobs_gets_a_key_and_a_name(keys: Command, engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(User(id=MIGRATED, name=f"user-{MIGRATED}"))
    keys.key("--user-id", str(MIGRATED))
    keys.key("--user-id", str(MIGRATED), "--user", "anna")
    keys.key("--user-id", str(MIGRATED), "--user", "anna")
    with transaction(engine) as session:
        assert session.get_one(User, MIGRATED).name == "anna"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create",), "--user NAME, or --user-id UUID"),
        (("create", "--user-id", str(UUID(int=99))), "no user with the id"),
        (("create", "--user-id", str(USER), "--user", "anna"), "is called 'somebody', not 'anna'"),
        (("list", "--user", "nobody"), "no user called 'nobody'"),
        (("revoke", "a1b2c3"), "no key with the id a1b2c3"),
        (("create", "--user", "a", "--expires", "2020-01-01"), "must be in the future"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_1(keys: Command, arguments: tuple[str, ...], said: str) -> None:
    status, out, err = keys(*arguments)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert said in err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("create", "--user", "a", "--scope", "root"),
        ("create", "--user", "a", "--expires", "soon"),
        ("create", "--user", "a", "--expires", "999999w"),
        ("create", "--user", ""),
        ("create", "--user-id", "7"),
        ("revoke", "?"),
    ],
)
def test_a_wrong_command_is_explained_with_status_2(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert "usage: python -m api_service.accounts.keys" in capsys.readouterr().err


def test_a_name_that_another_has_is_not_given_to_a_migrated_owner(keys: Command, engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(User(id=MIGRATED, name=f"user-{MIGRATED}"))
    status, _, err = keys("create", "--user-id", str(MIGRATED), "--user", "somebody")
    assert (status, "called 'somebody' already" in err) == (1, True)


@pytest.mark.system
def test_a_database_that_is_not_there_is_said_with_status_1(tmp_path: Path) -> None:
    status, _, err = Command("postgresql://127.0.0.1:1/nowhere", tmp_path).as_process("list")
    assert status == 1
    assert "refused" in err


@pytest.mark.parametrize("deed", [(), ("create",), ("list",), ("revoke",)])
def test_everything_has_help(deed: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse((*deed, "--help"))
    assert ended.value.code == 0
    assert "usage: python -m api_service.accounts.keys" in capsys.readouterr().out


def test_a_link_signs_a_browser_in(keys: Command, client: TestClient) -> None:
    status, out, _ = keys("link", "--user", "anna")
    assert status == 0
    found = re.fullmatch(r"http://\S+/sign-in#([0-9a-f]{64})\n", out)
    assert found
    answer = client.post("/session", json={"code": found[1]}, headers={"X-Genonaut-Page": "1"})
    assert (answer.status_code, answer.json()["user"]) == (200, "anna")


def test_a_link_of_an_api_that_listens_on_all_addresses_leads_to_it(keys: Command) -> None:
    assert keys("link", "--user", "anna", API_HOST="0.0.0.0").out.startswith("http://127.0.0.1:")
    assert keys("link", "--user", "anna", API_HOST="::").out.startswith("http://[::1]:")
