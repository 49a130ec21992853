"""How long what is kept: as the settings say, or as an admin says of a user, in days."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Engine, text

from shared.configuration.settings import Settings
from shared.database.engine import reading

LONGEST_DAYS = 36500
AT_ONCE = 500


class Kept(StrEnum):
    """What is kept for a time. Each has a setting RETENTION_<NAME>, and may differ for a user."""

    JOBS = "jobs"
    OUTPUTS = "outputs"
    PREVIEWS = "previews"
    ASSETS = "assets"
    EVENTS = "events"
    ATTEMPTS = "attempts"
    DELIVERIES = "deliveries"
    REQUEST_KEYS = "request_keys"


Usual = Mapping[Kept, timedelta | None]


class Keeper(NamedTuple):
    """A user, and how long something of this user is kept."""

    id: UUID
    age: timedelta


def usual_retention(settings: Settings) -> Usual:
    """How long what is kept where nothing is said of its user; None for ever."""
    return {kept: getattr(settings, f"retention_{kept}") for kept in Kept}


OWN_OR_USUAL = """
SELECT id, age FROM (
    SELECT id, CASE WHEN jsonb_exists(retention, :kept)
        THEN make_interval(days => CAST(retention ->> :kept AS integer)) ELSE CAST(:usual AS interval) END AS age
    FROM users WHERE id > :after
) AS keepers WHERE age IS NOT NULL AND {owns_some} ORDER BY id LIMIT :limit
"""


def keepers(engine: Engine, kept: Kept, usual: Usual, *, owns_some: str = "true") -> Iterator[Keeper]:
    """The users of whom this is kept for a time, each with how long; those for whom `owns_some` holds of `keepers`."""
    statement = text(OWN_OR_USUAL.format(owns_some=owns_some))
    after = UUID(int=0)
    while True:
        with reading(engine) as session:
            given = {"kept": kept.value, "usual": usual[kept], "after": after, "limit": AT_ONCE}
            found = [Keeper(*row) for row in session.connection().execute(statement, given)]
        yield from found
        if len(found) < AT_ONCE:
            return
        after = found[-1].id
