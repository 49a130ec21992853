"""A pooler that no setting tells of is one sentence at the start of every service, and no riddle later on."""

from pathlib import Path

import pytest
from sqlalchemy import text

from migrations.command_line import prepare
from shared.configuration.settings import load_settings
from shared.database.engine import create_engine
from shared.database.schema import exit_unless_migrated
from shared.database.sessions import POOLER_FOUND, pooler_problem
from tests.pooler import needs_pgbouncer, pgbouncer

pytestmark = pytest.mark.system


@pytest.mark.landing
@needs_pgbouncer
@pytest.mark.parametrize("more", [(), ("ignore_startup_parameters = options",)], ids=["refuses", "ignores"])
def test_a_service_says_what_to_set_and_ends(
    environ: dict[str, str], folder: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    with pgbouncer(environ["DATABASE_URL"], folder, *more) as url, pytest.raises(SystemExit) as ended:
        exit_unless_migrated(load_settings({**environ, "DATABASE_URL": url}), application="tests")
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"DATABASE_URL: {POOLER_FOUND}\n"


def test_a_session_that_was_told_nothing_at_its_start_is_noticed(environ: dict[str, str]) -> None:
    engine = create_engine(load_settings(environ), application="tests")
    with engine.connect() as connection:
        assert pooler_problem(connection) is None
        connection.execute(text("SET plan_cache_mode = auto"))
        assert pooler_problem(connection) == POOLER_FOUND
        connection.invalidate()
    engine.dispose()


def test_migrations_want_postgresql_itself(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**environ, "DATABASE_POOLER": "transaction"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        prepare()
    assert ended.value.code == 2
    assert "name PostgreSQL itself in DATABASE_URL" in capsys.readouterr().err
