"""A migration leaves older code at work: it takes nothing away that this uses, and holds nobody up."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from sqlalchemy import text

from migrations.side_by_side import SINCE, oldest_code
from migrations.upgrade import connected, downgrade, upgrade
from shared.database.schema import NEEDED, REVISIONS, WORKS_SINCE

TAKES_AWAY = {"drop_column", "drop_table", "rename_table"}
SQL_THAT_TAKES_AWAY = re.compile(
    r"\bDROP (?:TABLE|COLUMN|VIEW)\b|\bRENAME (?:TO|COLUMN)\b|\bSET NOT NULL\b|\bALTER COLUMN \w+ (?:SET DATA )?TYPE\b",
    re.IGNORECASE,
)


def newer() -> list[Script]:
    """The migrations that the rule holds for."""
    scripts = list(ScriptDirectory("migrations").walk_revisions())
    return scripts[: [script.revision for script in scripts].index(SINCE)]


def breaking(source: str) -> list[str]:
    """What in a migration's way up older code would not survive, or would have to wait for."""
    tree = ast.parse(source)
    (way_up,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade")
    made = {first_text(call) for call, name in calls(way_up) if name == "create_table"}
    found = [wrong for call, name in calls(way_up) for wrong in wrong_with(call, name, made)]
    return found if "lock_timeout" in ast.unparse(way_up) else [*found, "it may wait for a lock for ever"]


def calls(node: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    for one in ast.walk(node):
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute):
            yield one, one.func.attr


def wrong_with(call: ast.Call, name: str, made: set[str]) -> Iterator[str]:
    """`made` are the tables that this very migration makes: nobody uses them yet."""
    said = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    texts = [node.value for node in ast.walk(call) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    table = second_text(call) if name == "create_index" else first_text(call)
    if name in TAKES_AWAY:
        yield f"{name} takes away what older code uses"
    if name == "alter_column" and ("new_column_name" in said or "type_" in said or said.get("nullable") == "False"):
        yield "alter_column makes a column another one"
    if name == "add_column":
        column = ast.unparse(call)
        if "nullable=False" in column and "server_default" not in column and "Identity" not in column:
            yield "add_column wants a value that older code does not give"
    if name == "create_index" and table not in made and said.get("postgresql_concurrently") != "True":
        yield "create_index holds up who writes: add_index makes it concurrently"
    if name == "execute" and any(SQL_THAT_TAKES_AWAY.search(one) for one in texts):
        yield "this SQL takes away what older code uses"


def first_text(call: ast.Call) -> str:
    return str(getattr(call.args[0], "value", "")) if call.args else ""


def second_text(call: ast.Call) -> str:
    return str(getattr(call.args[1], "value", "")) if len(call.args) > 1 else ""


def test_migrations_only_add_or_say_why_they_need_a_stop() -> None:
    wrong = {
        script.revision: found
        for script in newer()
        if not getattr(script.module, "NEEDS_STOP", None) and (found := breaking(Path(script.path).read_text()))
    }
    assert not wrong


@pytest.mark.parametrize(
    "statement",
    [
        'op.drop_column("users", "name")',
        'op.drop_table("users")',
        'op.rename_table("users", "people")',
        'op.alter_column("users", "name", new_column_name="title")',
        'op.alter_column("users", "name", nullable=False)',
        'op.add_column("users", sa.Column("age", sa.Integer, nullable=False))',
        'op.create_index("ix_users_name", "users", ["name"])',
        'op.execute("ALTER TABLE users RENAME COLUMN name TO title")',
        'op.execute("ALTER TABLE users ALTER COLUMN name SET NOT NULL")',
        'op.execute("DROP VIEW waiting_work")',
    ],
)
def test_what_older_code_would_not_survive_is_found(statement: str) -> None:
    assert len(breaking(f"def upgrade():\n    op.execute(\"SET LOCAL lock_timeout = '30s'\")\n    {statement}\n")) == 1


def test_what_only_adds_is_not_found() -> None:
    source = """
def upgrade():
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.create_table("pets", sa.Column("name", sa.Text, nullable=False))
    op.create_index("ix_pets_name", "pets", ["name"])
    op.add_column("users", sa.Column("age", sa.Integer, nullable=False, server_default="0"))
    add_index("ix_users_age", "users", ["age"])
"""
    assert not breaking(source)
    assert breaking("def upgrade():\n    pass\n") == ["it may wait for a lock for ever"]


def test_the_oldest_code_is_that_of_the_last_stop() -> None:
    def script(**stops: str) -> ScriptDirectory:
        found = ScriptDirectory.from_config(made_of("migrations"))
        after = [
            SimpleNamespace(revision=name, module=SimpleNamespace(NEEDS_STOP=stops.get(name)))
            for name in ("c", "b", "a", SINCE)
        ]
        found.iterate_revisions = lambda *_: iter(after)  # type: ignore[assignment,method-assign]
        return found

    assert oldest_code(script(), "c") == SINCE
    assert oldest_code(script(b="it drops a table"), "c") == "b"


def made_of(folder: str) -> Config:
    config = Config()
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "os")
    return config


def test_the_schema_notes_which_code_works_with_it(own_database: str) -> None:
    def noted() -> str:
        with connected(own_database) as connection:
            asked = text("SELECT obj_description('alembic_version'::regclass, 'pg_class')")
            return str(connection.scalar(asked)).removeprefix(WORKS_SINCE)

    assert REVISIONS.index(SINCE) <= REVISIONS.index(noted()) <= REVISIONS.index(NEEDED)
    downgrade(own_database, "usage")
    assert noted() == "usage"
    upgrade(own_database)
    assert noted() in REVISIONS[REVISIONS.index(SINCE) :]
