"""The replica for lists, where one is set, follows the primary closely enough to be read from."""

from collections.abc import Iterator, Mapping

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from deploy.doctor.finding import Finding, ok, warning
from deploy.doctor.installation import APPLICATION, Installation
from deploy.doctor.looks.database import reason_of
from shared.configuration.settings import Settings
from shared.database.engine import reading
from shared.database.replica import CATCHES_UP_WITHIN_S, NotFit, Replica, Unfit, position_of, replica_of

SUBJECT = "replica"
UNTIL_THEN = "Lists are read from DATABASE_URL until then"
ADVICE: Mapping[Unfit, str] = {
    Unfit.AWAY: "See that it runs, and that DATABASE_READ_URL is it",
    Unfit.NO_REPLICA: "Name a hot standby of DATABASE_URL's server in DATABASE_READ_URL, or set none",
    Unfit.ANOTHER: "Name a hot standby of DATABASE_URL's server in DATABASE_READ_URL, or set none",
    Unfit.TIMELINE: "After a failover wait for its next restart point (checkpoint_timeout), or make it anew",
    Unfit.CLOCK: "Set both clocks right (NTP)",
    Unfit.BEHIND: "Look at pg_stat_replication on the primary, and at what the replica's queries hold up",
}


def is_set(settings: Settings) -> bool:
    return settings.database_read_url is not None


def look(installation: Installation) -> Iterator[Finding]:
    replica = replica_of(installation.settings, application=APPLICATION, connections=1)
    if replica is None:
        return
    try:
        yield from examined(installation, replica)
    except SQLAlchemyError as error:
        yield warning(SUBJECT, f"{Unfit.AWAY}: {reason_of(error)}", f"{ADVICE[Unfit.AWAY]}. {UNTIL_THEN}")
    finally:
        replica.close()


def examined(installation: Installation, replica: Replica) -> Iterator[Finding]:
    position = position_of(installation.engine)
    try:
        lag_s = replica.lag_at(position)
    except NotFit as unfit:
        behind = f" for {unfit.lag_s:.1f} s" if unfit.lag_s is not None else ""
        yield warning(SUBJECT, f"{unfit}{behind}", f"{ADVICE[unfit.why]}. {UNTIL_THEN}")
        return
    yield ok(SUBJECT, f"it had what was committed in {1000 * lag_s:.0f} ms, of {1000 * CATCHES_UP_WITHIN_S:.0f}")
    with reading(replica.at(position)) as session:
        if session.scalar(text("SELECT current_setting('hot_standby_feedback')")) == "off":
            yield warning(
                SUBJECT,
                "hot_standby_feedback is off: what it replays waits for lists, or cancels them",
                "Set hot_standby_feedback = on there",
            )
