"""Heavy reads go to the replica, if there is one that is fit, and else to the primary: nobody sees a difference."""

import math
import threading
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from shared.database.engine import once_more
from shared.database.replica import NotFit, Replica, Unfit, position_of
from shared.texts.reasons import driver_reason

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

WELL_FOR = 3  # looks in a row, before one that was given up is read from again


class Reads:
    """For statements that only read, and may be heavy. What they find is never older than the question: a replica is
    asked only if it has everything that was committed on the primary before."""

    def __init__(self, primary: Engine, replica: Replica | None, counted: Callable[[str], None]) -> None:
        self.primary = primary
        self.replica = replica
        self.counted = counted
        self.fitness = Fitness()

    def read(self, find: Callable[Concatenate[Engine, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `find` finds with an engine. Raises what it raises with the primary's, and nothing of the replica."""
        if self.replica and self.fitness.is_fit:
            position = position_of(self.primary)
            try:
                found = find(self.replica.at(position), *args, **kwargs)
            except NotFit as unfit:
                self.fitness.lost(unfit)
            except SQLAlchemyError as error:
                # Whatever it is: if the statement is to blame, the primary says so too.
                self.broke_off(error)
            else:
                self.counted("replica")
                return found
        self.counted("primary")
        return once_more(lambda: find(self.primary, *args, **kwargs))

    def broke_off(self, error: SQLAlchemyError) -> None:
        if isinstance(error, DBAPIError) and has_answered(error):
            log.warning("replica.read_failed", error=driver_reason(error))  # a conflict with what it replays, say
        else:
            self.fitness.lost(NotFit(Unfit.AWAY, detail=driver_reason(error)))

    def look(self) -> None:
        """See whether the replica is fit. While the primary is away, that is not known."""
        assert self.replica
        try:
            position = position_of(self.primary)
        except SQLAlchemyError:
            return
        try:
            self.fitness.found(self.replica.lag_at(position))
        except NotFit as unfit:
            self.lost(unfit)
        except SQLAlchemyError as error:
            self.lost(NotFit(Unfit.AWAY, detail=driver_reason(error)))

    def close(self) -> None:
        if self.replica:
            self.replica.close()

    def give_up(self) -> None:
        """A look has taken too long."""
        self.lost(NotFit(Unfit.AWAY, detail="a question is not answered"))

    def lost(self, unfit: NotFit) -> None:
        """Read from it no more. Whoever waits for one that does not answer is freed, and asks the primary."""
        self.fitness.lost(unfit)
        if self.replica and unfit.why is Unfit.AWAY:
            self.replica.cut()


def has_answered(error: DBAPIError) -> bool:
    """Whether the server itself refused a statement, and goes on."""
    return getattr(error.orig, "pgcode", None) is not None and not error.connection_invalidated


class Fitness:
    """Whether the replica is read from. A change is one line in the log."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.is_fit = False
        self.why: Unfit | None = None  # nobody has looked yet
        self.well = WELL_FOR - 1  # looks in a row; the first one is enough at the start
        self.lag_s = math.nan

    def found(self, lag_s: float) -> None:
        with self.lock:
            self.lag_s = lag_s
            self.well += 1
            if self.is_fit or self.well < WELL_FOR:
                return
            self.is_fit, self.why = True, None
        log.info("replica.found", lag_s=round(lag_s, 4))

    def lost(self, unfit: NotFit) -> None:
        with self.lock:
            self.is_fit, self.well = False, 0
            self.lag_s = math.nan if unfit.lag_s is None else unfit.lag_s
            was, self.why = self.why, unfit.why
        if was is not unfit.why:
            log.warning("replica.not_read", problem=str(unfit))
