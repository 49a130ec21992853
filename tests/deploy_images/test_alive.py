"""The health check of the images tells a service that runs from one that does not."""

from pathlib import Path

import pytest

from deploy.images.alive import Process, problem_of, processes

MAIN = "python /opt/genonaut/bin/dramatiq worker_service.start:start --processes 1"
SCHEDULER = "python -m worker_service.scheduler"


@pytest.mark.parametrize(
    ("service", "found", "problem"),
    [
        ("worker", [Process(1, 0, "S", MAIN), Process(8, 1, "S", "python -c spawn")], None),
        ("worker", [Process(1, 0, "S", MAIN)], "The worker has no process that works"),
        (
            "worker",
            [Process(1, 0, "S", MAIN), Process(8, 1, "Z", ""), Process(9, 8, "S", "python -m member")],
            "The worker has no process that works",
        ),
        ("worker", [Process(1, 0, "T", MAIN), Process(8, 1, "S", "python -c spawn")], "The worker is stopped"),
        ("worker", [Process(1, 0, "S", SCHEDULER)], "No worker runs here"),
        ("scheduler", [Process(1, 0, "S", "/sbin/init"), Process(7, 1, "R", SCHEDULER)], None),
        ("scheduler", [Process(7, 1, "T", SCHEDULER)], "The scheduler is stopped"),
        ("scheduler", [], "No scheduler runs here"),
    ],
)
def test_what_is_wrong_with_a_service_is_said(service: str, found: list[Process], problem: str | None) -> None:
    assert problem_of(service, found) == problem


def test_processes_are_read_whatever_they_are_called(tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / "stat").write_text("12 (a) b) S 1 12 12 0")
    (tmp_path / "12" / "cmdline").write_bytes(b"python\0-m\0worker_service.scheduler\0")
    (tmp_path / "13").mkdir()  # ended while it was looked at
    (tmp_path / "self").mkdir()
    assert list(processes(tmp_path)) == [Process(12, 1, "S", "python -m worker_service.scheduler ")]
