"""Threads that deliver what endpoints are owed, beside the jobs: no job waits for a slow receiver, nor it for a job."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import structlog
from sqlalchemy import Engine

from shared.database.engine import transaction
from shared.models import DeliveryState
from shared.notifications.disabled_webhooks import tell_of_disabled
from shared.outgoing.deadline import Deadline
from shared.outgoing.exchange import Outgoing
from shared.webhooks.due import Taken, take
from shared.webhooks.outcome import Try, put_back, write
from shared.webhooks.payload import body_below
from worker_service.delivering.threads import ENDS_WITHIN_S, Deliverer
from worker_service.webhooks.paces import Paces
from worker_service.webhooks.posting import post
from worker_service.webhooks.relief import Relief

log = structlog.get_logger(__name__)

THREADS = 6
ANSWERS_WITHIN = timedelta(seconds=20)
GIVEN_UP_WITHIN_S = 2.0  # whoever waits looks up each half second


class Deliveries(Deliverer):
    """What the threads of one process share that deliver webhooks."""

    def __init__(
        self,
        engine: Engine,
        outgoing: Outgoing,
        closing: threading.Event,
        count: Callable[[DeliveryState | None], None] = lambda _: None,
        *,
        root: str = "",
    ) -> None:
        """`count` is called with what becomes of each delivery that was tried, None if nobody wants it any more.
        `root` is ROOT_PATH, which goes before the addresses that are told."""
        super().__init__("webhooks", engine, closing, THREADS)
        self.outgoing = outgoing
        self.count = count
        self.root = root
        self.under_way: set[Deadline] = set()
        self.paces = Paces(THREADS)

    def new_threads(self) -> Sequence[threading.Thread]:
        return [*super().new_threads(), Relief(self.paces, self.closing, self.try_all)]

    def deliver_one(self) -> bool:
        """Try one delivery. Whether there was one. No transaction is open while the receiver is waited for."""
        with self.deadline() as deadline, self.paces.turn() as turn:
            if self.closing.is_set():
                return False
            with transaction(self.engine) as session:
                taken = take(session, turn.wanted)
            if taken is None:
                return False
            turn.takes(taken)
            made = post(self.outgoing, taken._replace(body=body_below(self.root, taken.body)), deadline)
            self.paces.took(taken.endpoint_id, made.took_ms / 1000)
            is_broken_off = made.status is None and deadline.is_given_up.is_set()
            state = self.written(
                lambda session: (
                    put_back(session, taken) if is_broken_off else write(session, taken, made, tell_of_disabled)
                )
            )
        self.count(state)
        tell(taken, made, state)
        return True

    @contextmanager
    def deadline(self) -> Iterator[Deadline]:
        """The bound of one delivery, which `stop` may give up before."""
        deadline = Deadline(ANSWERS_WITHIN)
        with self.changed:
            self.under_way.add(deadline)
        try:
            yield deadline
        finally:
            with self.changed:
                self.under_way.discard(deadline)

    def stop(self, within_s: float = ENDS_WITHIN_S) -> None:
        """Let what is under way end, once `closing` is set; after that time it is given up, and due again at once."""
        super().stop(within_s)
        with self.changed:
            for deadline in self.under_way:
                deadline.give_up()
        super().stop(GIVEN_UP_WITHIN_S)


def tell(taken: Taken, made: Try, state: DeliveryState | None) -> None:
    facts = {"delivery_id": str(taken.id), "endpoint_id": str(taken.endpoint_id), "tries": taken.tries}
    if made.is_good:
        log.info("webhook.delivered", **facts, elapsed_ms=made.took_ms)
    else:
        log.warning("webhook.not_delivered", **facts, answered=made.status, error=made.error, becomes=state)
