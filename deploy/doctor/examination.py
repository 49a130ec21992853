"""Everything is looked at, whatever is away: what cannot be looked at without it says so in a line."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from enum import Enum
from typing import NamedTuple

import redis
from sqlalchemy.exc import SQLAlchemyError

from deploy.doctor.finding import Finding, trouble
from deploy.doctor.installation import Installation, installed
from deploy.doctor.looks import (
    api,
    certificates,
    database,
    due_work,
    messages,
    metrics,
    redis_server,
    replica,
    servers,
    sessions,
    storage,
    tables,
    workers,
)
from deploy.doctor.looks import settings as variables
from shared.configuration.settings import Settings, SettingsError, load_settings
from shared.database.troubles.unavailable import is_not_there

SILENT_AFTER_S = 30.0  # a file system over the network blocks whoever asks it while it is away


class Needs(Enum):
    NOTHING = "nothing"
    DATABASE = "database"
    REDIS = "Redis"


class Look(NamedTuple):
    """What is looked at, what must answer for it, how it is done, and whether this installation has it."""

    subject: str
    needs: Sequence[Needs]
    look: Callable[[Installation], Iterator[Finding]]
    is_there: Callable[[Settings], bool] = lambda _settings: True


# In the order in which somebody mends things: what is above may be why something below is not well.
LOOKS = (
    Look("settings", [Needs.NOTHING], variables.look),
    Look("database", [Needs.NOTHING], database.look),
    Look("database", [Needs.DATABASE], sessions.look),
    Look("database", [Needs.DATABASE], tables.look),
    Look("replica", [Needs.DATABASE], replica.look, replica.is_set),
    Look("redis", [Needs.NOTHING], redis_server.look),
    Look("workers", [Needs.DATABASE], workers.look),
    Look("servers", [Needs.DATABASE], servers.look),
    Look("storage", [Needs.NOTHING], storage.look_from_here),
    Look("storage", [Needs.DATABASE], storage.look_from_workers),
    Look("waiting", [Needs.DATABASE, Needs.REDIS], due_work.look),
    Look("messages", [Needs.REDIS], messages.look),
    Look("metrics", [Needs.NOTHING], metrics.look, metrics.is_set),
    Look("certificates", [Needs.NOTHING], certificates.look),
    Look("api", [Needs.NOTHING], api.look),
)


def examine(environ: Mapping[str, str]) -> Iterator[Finding]:
    """A finding after the other. Raises nothing that an installation may cause."""
    with ExitStack() as stack:
        try:
            installation = stack.enter_context(installed(environ, load_settings(environ)))
        except SettingsError as error:
            yield from variables.wrong(error.problems, environ)
            return
        away = {
            needed
            for needed, answers in ((Needs.DATABASE, database.answers), (Needs.REDIS, redis_server.answers))
            if not answers(installation)
        }
        told = {needed.value.lower() for needed in away}  # by a look of its own
        for look in LOOKS:
            if not look.is_there(installation.settings):
                continue
            if lacking := away.intersection(look.needs):
                if look.subject not in told:
                    names = " and ".join(sorted(needed.value for needed in lacking))
                    yield trouble(look.subject, f"not known without {names}", "Mend that first")
                told.add(look.subject)
            else:
                yield from within_bounds(look, installation)


def within_bounds(look: Look, installation: Installation) -> Sequence[Finding]:
    """What one look finds. One that takes too long is left alone: its thread ends with the process."""
    found: list[Finding] = []
    looking = threading.Thread(target=lambda: found.extend(unharmed(look, installation)), daemon=True)
    looking.start()
    looking.join(SILENT_AFTER_S)
    if looking.is_alive():
        return [trouble(look.subject, f"it has not answered for {SILENT_AFTER_S:g} s", "See what it hangs on")]
    return found


def unharmed(look: Look, installation: Installation) -> Iterator[Finding]:
    """What a look finds, also where what it looks at goes away meanwhile."""
    try:
        yield from look.look(installation)
    except SQLAlchemyError as error:
        if is_not_there(error):
            yield trouble(look.subject, "not known without the tables", "Run `make migrate`")
        else:
            reason = database.reason_of(error)
            yield trouble(look.subject, f"the database did not answer: {reason}", "Look at PostgreSQL's own log")
    except (redis.RedisError, OSError) as error:
        yield trouble(look.subject, f"it could not be looked at: {error}", "Try again")
    except Exception as error:  # noqa: BLE001 - who looks for what is broken meets what nobody thought of
        yield trouble(
            look.subject, f"it could not be looked at: {error!r}", "Report this, as the doctor is broken here"
        )
