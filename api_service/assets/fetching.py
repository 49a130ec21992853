"""A file that a user names by a URL is fetched into the store as it comes; few at a time, and each within a bound."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import anyio

from api_service.assets.receiving import Receiving
from api_service.refusals.assets import asset_too_large, too_many_fetches, wrong_field
from api_service.refusals.refusal import Refusal
from shared.outgoing.deadline import Deadline
from shared.outgoing.exchange import Answer, Asked, Outgoing
from shared.outgoing.failures import NoAnswer, NotAllowed

OF_ONE_USER = 2
IN_ALL = 8  # of one process, each with a thread
FETCHED_WITHIN = timedelta(minutes=5)
OK = 200


class Fetches:
    """What one process fetches. It never waits for a place: who finds none is refused. For one event loop."""

    def __init__(self, outgoing: Outgoing, within: timedelta = FETCHED_WITHIN) -> None:
        self.outgoing = outgoing
        self.within = within
        self.threads = anyio.CapacityLimiter(IN_ALL)
        self.of_users = Counter[UUID]()

    @contextmanager
    def place(self, user_id: UUID) -> Iterator[Deadline]:
        """A place for one fetch, and its bound in time; at the end it is given up. Raises Refusal: quota_exceeded."""
        for count, most in ((self.of_users[user_id], OF_ONE_USER), (self.of_users.total(), IN_ALL)):
            if count >= most:
                raise too_many_fetches(most)
        self.of_users[user_id] += 1
        deadline = Deadline(self.within)
        try:
            yield deadline
        finally:
            deadline.give_up()
            self.of_users[user_id] -= 1
            self.of_users += Counter()  # without those that have none

    def fetch(self, url: str, receiving: Receiving, deadline: Deadline) -> None:
        """Write what is at the URL. May block. Raises Refusal: invalid_fields, asset_too_large, storage_unavailable."""
        largest = receiving.shelf.largest
        try:
            with self.outgoing.ask(Asked(url, headers={"Accept": "*/*"}), deadline) as answer:
                refuse_unless_whole(answer)
                if (answer.said_bytes or 0) > largest:
                    raise asset_too_large(largest)
                for piece in answer.pieces():
                    receiving.write(piece)
        except NotAllowed as error:
            raise wrong_url(str(error), "url_not_allowed") from error
        except NoAnswer as error:
            raise wrong_url(f"the server {error}", "url_not_fetched") from error
        if not receiving.size:
            raise wrong_url("the server answered with no bytes", "url_not_fetched")


def refuse_unless_whole(answer: Answer) -> None:
    """Raises Refusal for an answer that is not simply the file."""
    if 300 <= answer.status_code < 400:
        raise wrong_url(
            f"the server answered {answer.status_code}, a redirect; none is followed: give the URL that it leads to",
            "url_not_fetched",
        )
    if answer.status_code != OK:
        raise wrong_url(f"the server answered {answer.status_code}, and not 200 with the file", "url_not_fetched")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise wrong_url("the server packed the file, which it was asked not to do", "url_not_fetched")


def wrong_url(reason: str, code: str) -> Refusal:
    return wrong_field("url", reason, code)
