"""What people and logs are told of what failed outside."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.database.engine import transaction
from shared.texts.reasons import driver_reason


def test_a_driver_is_heard_without_the_statement_and_its_values(engine: Engine) -> None:
    with pytest.raises(DBAPIError) as failed, transaction(engine) as session:
        session.execute(
            text("SELECT CAST(:given AS integer) WHERE :other = ''"), {"given": "x", "other": "of-the-caller"}
        )
    assert "of-the-caller" in str(failed.value)
    said = driver_reason(failed.value)
    assert said.startswith('invalid input syntax for type integer: "x"')
    assert "[SQL:" not in said
    assert "[parameters:" not in said
    assert said == said.strip()


def test_what_no_driver_said_is_as_it_is() -> None:
    assert driver_reason(PoolTimeout("all connections are lent")) == "all connections are lent"
