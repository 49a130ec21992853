"""Decoders lower their own priority, and that of nobody else."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.worker_service.media.pictures import picture
from worker_service.media.pool import MediaPool
from worker_service.media.priority import NICENESS

pytestmark = pytest.mark.system


def group_of(process: str | int) -> str:
    """The group of its session, such as `/autogroup-21 nice 0`; empty where the system keeps none for it."""
    file = Path(f"/proc/{process}/autogroup")
    return file.read_text().strip() if file.exists() else ""


def groups_sessions() -> bool:
    """Whether a new session gets a group here. This very process may have none, as where its system booted so."""
    command = ["cat", "/proc/self/autogroup"]
    return bool(subprocess.run(command, start_new_session=True, capture_output=True, check=False).stdout.strip())


@pytest.fixture
def member(tmp_path: Path) -> Iterator[psutil.Process]:
    """The one process of a pool that has examined a file."""
    before = set(psutil.Process().children())
    pool = MediaPool(1)
    file = tmp_path / "output"
    picture().save(file, "PNG")
    assert pool.examine(file, "a.png")[2] is None
    (member,) = set(psutil.Process().children()) - before
    yield member
    pool.close()


def test_a_decoder_steps_back_and_its_worker_does_not(member: psutil.Process) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert member.nice() == max(own, NICENESS)
    assert os.getsid(member.pid) == member.pid != os.getsid(0)


def test_so_does_its_session_as_linux_sees_it(member: psutil.Process) -> None:
    if not groups_sessions():
        pytest.skip("this system does not group processes by session")
    group = group_of(member.pid)
    assert group != group_of("self")
    assert int(group.rpartition(" ")[2]) >= NICENESS
