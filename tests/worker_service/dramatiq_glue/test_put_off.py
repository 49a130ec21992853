"""A message that comes while the database is away is tried a few times, and then let go: the sweep sends another."""

import pytest
from dramatiq import Retry
from sqlalchemy.exc import OperationalError

from worker_service.dramatiq_glue.receiver import MOST_TRIES, put_off

AWAY = OperationalError("SELECT 1", None, Exception("it is away"))


def test_it_is_tried_again() -> None:
    with pytest.raises(Retry, match="the database is away: it is away"):
        put_off(AWAY, tries=MOST_TRIES - 1, most=MOST_TRIES)


@pytest.mark.parametrize("most", [MOST_TRIES, 0])
def test_it_is_let_go_in_the_end(most: int) -> None:
    put_off(AWAY, tries=most, most=most)
