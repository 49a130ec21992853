"""`make test-costs`: which tests take how much processor time, with all that they start and all that they ask.

How long a test takes says little where others run beside it. A server that tests share is counted to the test that
runs while it works, so that of what goes on for longer each test has a part. It reads /proc, and so wants Linux.
"""

import os
import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest

TICKS = os.sysconf("SC_CLK_TCK")
SHOWN = 30
SERVERS = {"postgres": "postgres", "valkey-server": "valkey", "redis-server": "valkey"}
COLUMNS = ("here", "postgres", "valkey", "started")
MARKED = {"broad", "system", "long"}
DEAR_S = 0.5  # for a quick test
COLLECTION = "collection"


class Process:
    """A process as /proc tells of it."""

    def __init__(self, stat: str) -> None:
        name, _, rest = stat.partition("(")[2].rpartition(")")
        fields = rest.split()
        self.name = name
        self.parent = int(fields[1])
        self.seconds = sum(map(int, fields[11:15])) / TICKS  # with the children that it has waited for


def processes() -> dict[int, Process]:
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(stat.parent.name)] = Process(stat.read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def spent() -> dict[str, float]:
    """The seconds so far of this process and of all below it."""
    found = processes()
    below: dict[int, list[int]] = defaultdict(list)
    for pid, process in found.items():
        below[process.parent].append(pid)
    own = os.times()
    seconds = dict.fromkeys(COLUMNS, 0.0)
    seconds |= {"here": time.process_time(), "started": own.children_user + own.children_system}
    waiting = [(pid, "") for pid in below[os.getpid()]]
    while waiting:
        pid, kind = waiting.pop()
        kind = kind or SERVERS.get(found[pid].name, "")
        seconds[kind or "started"] += found[pid].seconds
        waiting += [(child, kind) for child in below[pid]]
    return seconds


class Costs:
    """Notes in the process of a test what it cost, and shows in the first one what all have cost."""

    def __init__(self) -> None:
        self.before = spent()
        self.of_tests: dict[str, dict[str, float]] = {}
        self.quick: set[str] = set()
        self.collection: dict[str, float] = {}

    def since(self) -> dict[str, float]:
        """What was spent since the last time."""
        before, self.before = self.before, spent()
        return {column: round(self.before[column] - before[column], 3) for column in COLUMNS}

    def pytest_collection_finish(self) -> None:
        self.collection = self.since()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "teardown":
            report.user_properties.append(("cost", self.since()))
            if self.collection:
                report.user_properties.append((COLLECTION, self.collection))
                self.collection = {}
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, cost in report.user_properties:
            if name == "cost" and isinstance(cost, dict):
                self.of_tests[report.nodeid] = cost
                if MARKED.isdisjoint(report.keywords):
                    self.quick.add(report.nodeid)
            if name == COLLECTION and isinstance(cost, dict):  # by one process
                self.of_tests[f"{COLLECTION}::[{report.nodeid}]"] = cost

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        write = terminalreporter.write_line
        of_quick = {test: sum(self.of_tests[test].values()) for test in self.quick}
        if dear := {test: total for test, total in of_quick.items() if total >= DEAR_S}:
            terminalreporter.section("quick tests that are dear: make them cheaper, or broad")
            write("The first tests of a process are dear, too, as they start what all share.")
            for test, total in sorted(dear.items(), key=lambda each: -each[1]):
                write(f"{total:8.1f} {test}")
        for heading, cut in (("all", ""), ("by file", "::"), ("by test", "[")):
            totals: dict[str, list[float]] = defaultdict(lambda: [0.0] * (len(COLUMNS) + 1))
            for test, cost in self.of_tests.items():
                row = totals[test.partition(cut)[0] if cut else "all tests"]
                row[:] = [before + more for before, more in zip(row, [*cost.values(), 1], strict=True)]
            terminalreporter.section(f"processor seconds, {heading}")
            write(f"{'all':>8} {''.join(f'{column:>9}' for column in COLUMNS)} {'tests':>6}")
            for name, (*seconds, tests) in sorted(totals.items(), key=lambda each: -sum(each[1][:-1]))[:SHOWN]:
                write(f"{sum(seconds):8.1f} {''.join(f'{one:9.1f}' for one in seconds)} {tests:6.0f} {name}")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Costs())
