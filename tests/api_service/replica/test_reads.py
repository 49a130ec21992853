"""Each read goes to the replica if that has everything that was committed before, and else to the primary."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from deploy.doctor.installation import installed
from deploy.doctor.looks.replica import look as look_at_replica
from deploy.local.servers import Servers
from shared.configuration.settings import Settings, load_settings
from shared.database.engine import create_engine, reading, transaction
from shared.database.reads import Fitness, Reads
from shared.database.replica import Position, State, Unfit, replica_of
from shared.messaging.messenger import Messenger
from tests.deploy_local.watching import until
from tests.jobs import USER, submitted
from tests.pooler import needs_pgbouncer, pgbouncer
from tests.replicas import Pair

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

WRITERS, WRITES = 4, 50


class Counted(list[str]):
    """Where reads were answered."""


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def reads(settings: Settings, engine: Engine, counted: Counted) -> Iterator[Reads]:
    """They have looked at the replica once."""
    reads = Reads(engine, replica_of(settings, application="tests", connections=2), counted.append)
    until(lambda: looked(reads).is_fit)
    yield reads
    reads.close()


def looked(reads: Reads) -> Fitness:
    reads.look()
    return reads.fitness


def is_replica(engine: Engine) -> bool:
    with reading(engine) as session:
        return bool(session.scalar(text("SELECT pg_is_in_recovery()")))


def test_nobody_misses_what_was_committed_whatever_the_replica_does(
    reads: Reads, counted: Counted, pair: Pair, messenger: Messenger
) -> None:
    ended = threading.Event()

    def keep_it_behind_now_and_then() -> None:
        while not ended.wait(0.1):
            pair.replica.fall_behind()
            ended.wait(0.1)
            pair.replica.catch_up()
            until(lambda: looked(reads).is_fit)

    def write_and_read(_number: int) -> list[bool]:
        return [reads.read(has_job, submitted(messenger)) for _ in range(WRITES)]

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        troubling = pool.submit(keep_it_behind_now_and_then)
        try:
            found = [one for each in pool.map(write_and_read, range(WRITERS)) for one in each]
        finally:
            ended.set()
            troubling.result()
    assert found == [True] * (WRITERS * WRITES)
    by_server = Counter(counted)
    assert by_server["replica"], by_server
    assert by_server["primary"], by_server


def has_job(engine: Engine, job_id: int) -> bool:
    with reading(engine) as session:
        found = session.scalar(text("SELECT count(*) FROM generation_jobs WHERE id = :id"), {"id": job_id})
        return bool(found == 1)


def test_what_breaks_off_is_read_from_the_primary(reads: Reads, counted: Counted) -> None:
    def find(engine: Engine) -> bool:
        with reading(engine) as session:
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid()) WHERE pg_is_in_recovery()"))
            return bool(session.scalar(text("SELECT pg_is_in_recovery()")))

    assert reads.read(is_replica)
    assert not reads.read(find)
    assert not reads.fitness.is_fit
    assert counted == ["replica", "primary"]


def test_what_the_replica_refuses_is_asked_of_the_primary(reads: Reads, counted: Counted) -> None:
    def find(engine: Engine) -> bool:
        with transaction(engine) as session:
            session.execute(text("CREATE TEMPORARY TABLE of_the_primary ()"))
        return is_replica(engine)

    assert not reads.read(find)
    assert reads.fitness.is_fit, "as it was the statement, and not the replica"
    assert counted == ["primary"]


def test_what_a_reader_raises_is_raised(reads: Reads) -> None:
    def find(engine: Engine) -> bool:
        with reading(engine):
            raise LookupError

    for _ in range(3):  # and no connection is lost by it: there are two
        with pytest.raises(LookupError):
            reads.read(find)
    assert reads.read(is_replica)


def test_connections_are_given_back_by_those_that_are_behind(reads: Reads, pair: Pair, engine: Engine) -> None:
    pair.replica.fall_behind()
    try:
        with transaction(engine) as session:
            session.execute(text("UPDATE users SET name = name"))
        for _ in range(4):
            reads.fitness.is_fit = True
            assert not reads.read(is_replica)
    finally:
        pair.replica.catch_up()
    until(lambda: looked(reads).is_fit)
    assert reads.read(is_replica)


def test_each_change_is_one_line(reads: Reads, pair: Pair) -> None:
    with capture_logs() as lines:
        pair.replica.stop()
        try:
            for _ in range(3):
                reads.read(is_replica)
                reads.look()
        finally:
            pair.replica.serve_again()
        until(lambda: looked(reads).is_fit)
        reads.look()
    assert [line["event"] for line in lines] == ["replica.not_read", "replica.found"]


def test_a_primary_is_no_replica(environ: dict[str, str], engine: Engine, counted: Counted) -> None:
    settings = load_settings({**environ, "DATABASE_READ_URL": environ["DATABASE_URL"]})
    reads = Reads(engine, replica_of(settings, application="tests", connections=1), counted.append)
    assert looked(reads).why is Unfit.NO_REPLICA
    assert not reads.read(is_replica)
    reads.close()


def test_one_of_another_server_is_none_of_ours(
    environ: dict[str, str], servers: Servers, pair: Pair, counted: Counted
) -> None:
    settings = load_settings({**environ, "DATABASE_URL": servers.database_url})
    other = create_engine(settings, application="tests", connections=1)
    reads = Reads(other, replica_of(settings, application="tests", connections=1), counted.append)
    assert looked(reads).why is Unfit.ANOTHER
    assert not reads.read(is_replica)
    reads.close()
    other.dispose()


POSITION = Position("0/0", timeline=1, system=7, clock=100.0, asked_at=0.0)
STATE = State(is_replica=True, system=7, timeline=1, has_it=True, clock=100.0, replayed_at=None)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (STATE, None),
        (STATE._replace(clock=100.9), None),
        (STATE._replace(clock=102.9), None),  # two seconds have passed meanwhile
        (STATE._replace(clock=98.9), Unfit.CLOCK),
        (STATE._replace(clock=103.1), Unfit.CLOCK),
        (STATE._replace(timeline=2), Unfit.TIMELINE),
        (STATE._replace(system=8), Unfit.ANOTHER),
        (STATE._replace(is_replica=False), Unfit.NO_REPLICA),
    ],
)
def test_whether_it_is_a_replica_of_the_primary(state: State, why: Unfit | None) -> None:
    assert state.problem(POSITION, took_s=2) is why


def looked_at_by_the_doctor(environ: dict[str, str]) -> list[str]:
    with installed(environ, load_settings(environ)) as installation:
        return [str(finding) for finding in look_at_replica(installation)]


def test_the_doctor_looks_at_it(environ: dict[str, str], pair: Pair) -> None:
    well, careless = looked_at_by_the_doctor(environ)
    assert well.startswith("ok       replica: it had what was committed in ")
    assert "hot_standby_feedback is off" in careless
    (found,) = looked_at_by_the_doctor({**environ, "DATABASE_READ_URL": environ["DATABASE_URL"]})
    assert found.startswith("warning  replica: it is no replica")
    pair.replica.stop()
    try:
        (found,) = looked_at_by_the_doctor(environ)
        assert found.startswith("warning  replica: it does not answer: connection to server at")
        assert "Lists are read from DATABASE_URL until then" in found
    finally:
        pair.replica.serve_again()
    assert not looked_at_by_the_doctor({**environ, "DATABASE_READ_URL": "none"})


@pytest.mark.landing
@needs_pgbouncer
def test_through_a_pooler(environ: dict[str, str], pair: Pair, counted: Counted, tmp_path: Path) -> None:
    pooled = {**environ, "DATABASE_POOLER": "transaction"}
    folders = [tmp_path / name for name in ("primary", "replica")]
    for folder in folders:
        folder.mkdir(mode=0o755)
    with (
        pgbouncer(environ["DATABASE_URL"], folders[0]) as primary,
        pgbouncer(environ["DATABASE_READ_URL"], folders[1]) as replica,
    ):
        settings = load_settings({**pooled, "DATABASE_URL": primary, "DATABASE_READ_URL": replica})
        engine = create_engine(settings, application="tests", connections=2)
        reads = Reads(engine, replica_of(settings, application="tests", connections=2), counted.append)
        until(lambda: looked(reads).is_fit)
        assert reads.read(is_replica)
        with transaction(engine) as session:
            session.execute(text("UPDATE users SET name = 'written' WHERE id = :id"), {"id": USER})
        assert reads.read(name_of_somebody) == "written"
        reads.close()
        engine.dispose()


def name_of_somebody(engine: Engine) -> str:
    with reading(engine) as session:
        return str(session.scalar(text("SELECT name FROM users WHERE id = :id"), {"id": USER}))
