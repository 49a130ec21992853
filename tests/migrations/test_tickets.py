"""Tickets that nobody used survive the way up and down; one that was used opens nothing in the older schema."""

import pytest

from migrations.upgrade import downgrade, upgrade
from tests.migrations.databases import NAMED, execute, fetch

pytestmark = pytest.mark.landing

ADD = (
    "INSERT INTO stream_tickets (secret_hash, key_id, expires_at) VALUES (:secret, 'key', now() + interval '1 minute')"
)
SECRETS = "SELECT secret_hash FROM stream_tickets"


def test_a_ticket_that_is_there_may_open_its_first_stream(legacy: str) -> None:
    upgrade(legacy, NAMED)
    execute(legacy, ADD, secret=b"unused")
    upgrade(legacy)
    (row,) = fetch(legacy, "SELECT * FROM stream_tickets")
    assert (bytes(row["secret_hash"]), row["connections"], row["stream_hash"]) == (b"unused", 0, None)


def test_a_ticket_that_was_used_does_not_open_another_stream_in_the_older_schema(merged: str) -> None:
    for secret in (b"unused", b"used"):
        execute(merged, ADD, secret=secret)
    execute(merged, "UPDATE stream_tickets SET connections = 1 WHERE secret_hash = :secret", secret=b"used")
    downgrade(merged, NAMED)
    assert [bytes(row["secret_hash"]) for row in fetch(merged, SECRETS)] == [b"unused"]
