"""docs/streams.md is true: its JavaScript runs and survives a restart, its examples are events, its codes are all."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, update

from api_service.doors import closings
from api_service.doors.closings import Closing
from api_service.doors.v1.streams.views import JobsSnapshotView
from deploy.local.system import REPOSITORY
from shared.database.engine import transaction
from shared.jobs import lifecycle
from shared.messaging.events import Event
from shared.messaging.messenger import Messenger
from shared.models import EventType, StreamTicket
from tests.api_service.serving import Served, served
from tests.jobs import output, running, submitted

PAGE = (REPOSITORY / "docs" / "streams.md").read_text()
BROWSER = Path(__file__).with_name("event_source.mjs").read_text()
NODE = shutil.which("node")
# uvicorn's and the library's own, and the refusals that any operation has.
OTHER_CODES = {1000, 1009, 1011, 4403, 4422, 4429}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def examples() -> list[dict[str, Any]]:
    return [json.loads(line) for block in blocks("json") for line in block.splitlines()]


def test_each_type_of_event_is_in_the_table_and_has_an_example_that_is_one() -> None:
    events = [Event.model_validate(example) for example in examples() if example["type"] != "snapshot"]
    assert {event.type for event in events} == set(EventType)
    assert [name for name in EventType if f"\n| `{name}` |" not in PAGE] == []


def test_the_snapshots_are_snapshots() -> None:
    of_one, of_several = (example for example in examples() if example["type"] == "snapshot")
    assert JobsSnapshotView.model_validate(of_several).not_found == (999,)
    assert set(of_one) == {"type", "job_id", "sequence", "job", "progress"}


def test_each_code_has_a_row() -> None:
    ours = {value.code for value in vars(closings).values() if isinstance(value, Closing)}
    rows = {int(code) for code in re.findall(r"^\| (\d{4}) \|", PAGE, re.MULTILINE)}
    assert rows == ours | OTHER_CODES


@pytest.fixture
def api(environ: dict[str, str], key: str, tmp_path: Path) -> Iterator[Served]:
    with served(environ, key, tmp_path, program="tests.api_service.quick_api") as started:
        yield started


class Shown:
    """What the code of the page shows: one event after another, each a line of JSON."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def next(self) -> Mapping[str, Any]:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())  # type: ignore[no-any-return]

    def until(self, kind: str) -> list[tuple[str, int]]:
        """Type and sequence of each event up to the first of this type; those that are live only are left out."""
        found: list[tuple[str, int]] = []
        while not found or found[-1][0] != kind:
            event = self.next()
            if "sequence" in event:
                found.append((event["type"], event["sequence"]))
        return found


@contextmanager
def page(api: Served, folder: Path, call: str) -> Iterator[Shown]:
    """The code of docs/streams.md, and this call, in Node as on a page of the API."""
    if NODE is None:
        pytest.skip("there is no `node`; test_resuming.py has the same story with an EventSource in Python")
    options = ("--experimental-websocket",) if "watch" in call else ()
    if options and subprocess.run([NODE, *options, "-e", "WebSocket"], capture_output=True).returncode:
        pytest.skip("this `node` has no WebSocket: it came with 20.10")
    script = folder / "page.mjs"
    script.write_text("\n".join([BROWSER, *blocks("js"), call]))
    process = subprocess.Popen(
        [NODE, *options, str(script)],
        env={"PAGE": f"http://{api.address}/", "KEY": api.key},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Shown(process)
        finally:
            process.kill()


def complete(messenger: Messenger, claim: Any) -> None:
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])


@pytest.mark.system
def test_its_event_source_goes_on_through_a_restart(api: Served, messenger: Messenger, tmp_path: Path) -> None:
    claim = running(messenger)
    with page(api, tmp_path, f"await follow({claim.job.id}, show)") as shown:
        assert shown.until("started") == [("queued", 1), ("started", 2)]
        api.restart()
        complete(messenger, claim)
        assert shown.until("completed") == [("completed", 3)]


@pytest.mark.landing
@pytest.mark.system
def test_its_event_source_goes_on_when_its_ticket_is_lost(
    api: Served, messenger: Messenger, engine: Engine, tmp_path: Path
) -> None:
    claim = running(messenger)
    with page(api, tmp_path, f"await follow({claim.job.id}, show)") as shown:
        assert shown.until("started") == [("queued", 1), ("started", 2)]
        with transaction(engine) as session:
            session.exec(update(StreamTicket).values(expires_at=func.now(), resumable_until=func.now()))
        api.restart()
        complete(messenger, claim)
        assert shown.until("completed") == [("completed", 3)]


@pytest.mark.landing
@pytest.mark.system
def test_its_web_socket_goes_on_through_a_restart(api: Served, messenger: Messenger, tmp_path: Path) -> None:
    with page(api, tmp_path, "await watch(show)") as shown:
        assert shown.next()["jobs"] == []
        first = submitted(messenger)
        assert shown.until("queued") == [("queued", 1)]
        api.restart()
        assert [line["id"] for line in shown.next()["jobs"]] == [first]
        submitted(messenger)
        assert shown.until("queued") == [("queued", 1)]
