"""Clean-ups are done one after the other, with rests: they take a share of the database, and never all of it."""

import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared.database.engine import transaction
from worker_service.cleanup import claim
from worker_service.cleanup.claim import Taken
from worker_service.cleanup.clean_ups import CLEAN_UPS
from worker_service.cleanup.portion import CleanUp, Removed, Tools

log = structlog.get_logger(__name__)

RUNS_FOR = timedelta(minutes=5)  # what is left after that goes on with the next message
RESTS_FOR = 0.25  # of the time that a portion took: where the database is busy, both are longer
LONGEST_REST_S = 2.0
NOTED_EVERY_S = 10.0
AGAIN_IN = timedelta(minutes=5)  # after something that failed


@dataclass(frozen=True)
class Cleaner:
    """Does what is due. `closing` has it stop after the portion that it is at."""

    tools: Tools
    closing: threading.Event
    runs_for: timedelta = RUNS_FOR
    rests_for: float = RESTS_FOR

    def do_due(self) -> None:
        """Do each clean-up that is due, unless somebody else is at it. Raises SQLAlchemyError."""
        for clean_up in CLEAN_UPS:
            if not self.closing.is_set():
                self.do(clean_up)

    def do(self, clean_up: CleanUp, *, at_once: bool = False) -> Removed | None:
        """Do one clean-up if it is due, or `at_once`. None if it is not, or somebody else is at it."""
        with transaction(self.tools.engine) as session:
            taken = claim.take(session, clean_up, uuid4().hex, at_once=at_once)
        if taken is None:
            return None
        run = Run(self, taken)
        try:
            run.go_on()
        except SQLAlchemyError:
            raise  # its lease runs out by itself
        except Exception as error:
            log.exception("clean_up.failed", clean_up=clean_up.name)
            run.leave(again_in=AGAIN_IN, problem=str(error))
        return run.removed


class Run:
    """One clean-up under way."""

    def __init__(self, cleaner: Cleaner, taken: Taken) -> None:
        self.cleaner = cleaner
        self.taken = taken
        self.place = taken.place
        self.removed = self.not_noted = Removed()
        self.noted_at = time.monotonic()

    def go_on(self) -> None:
        clean_up, tools = self.taken.clean_up, self.cleaner.tools
        until = self.noted_at + self.cleaner.runs_for.total_seconds()
        for portion in clean_up.find(tools, self.place):
            began = time.monotonic()
            self.place = portion.place or self.place
            if portion.items and clean_up.remove is not None:
                gone = clean_up.remove(tools, portion)
            else:
                gone = Removed(len(portion.items), portion.size_bytes)
            self.removed, self.not_noted = self.removed.and_(gone), self.not_noted.and_(gone)
            now = time.monotonic()
            if now - self.noted_at > NOTED_EVERY_S and not self.note():
                log.warning("clean_up.lost", clean_up=clean_up.name)
                return
            # Without a place it goes on from the start: broken off before anything went, it would come no further.
            is_late = now > until and (portion.items or self.place)
            if is_late or self.rests(now - began):
                self.leave(again_in=timedelta(0), place=self.place)
                return
        self.leave(again_in=clean_up.every)

    def rests(self, took_s: float) -> bool:
        """Rest. Returns whether to stop."""
        return self.cleaner.closing.wait(min(LONGEST_REST_S, self.cleaner.rests_for * took_s))

    def note(self) -> bool:
        with transaction(self.cleaner.tools.engine) as session:
            is_held = claim.note(session, self.taken, self.place, self.not_noted)
        self.noted_at, self.not_noted = time.monotonic(), Removed()
        return is_held

    def leave(self, *, again_in: timedelta, place: str | None = None, problem: str | None = None) -> None:
        with transaction(self.cleaner.tools.engine) as session:
            claim.note(session, self.taken, self.place, self.not_noted)
            claim.leave(session, self.taken, again_in=again_in, place=place, problem=problem)
        if self.removed.number:
            facts = {"clean_up": self.taken.clean_up.name, "count": self.removed.number}
            log.info("clean_up.done", **facts, size_bytes=self.removed.size_bytes, complete=again_in > timedelta(0))
