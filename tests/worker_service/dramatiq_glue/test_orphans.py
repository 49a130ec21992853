"""A worker whose main process was killed ends, also where each line that it logs waits for ever."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.worker_service.waiting import until

# The main process forks a worker, which logs to a pipe that both have both ends of, and that nobody reads.
MAIN = """
import logging, os, signal, sys, time
from dramatiq.brokers.stub import StubBroker
from worker_service.dramatiq_glue.orphans import EndWithParent
read, write = os.pipe()
if os.fork():
    time.sleep(600)
if sys.argv[1] == "deaf":
    signal.signal(signal.SIGTERM, lambda *_: os.write(write, b"a line" * 100_000))
EndWithParent(0.5, look_every_s=0.05).after_process_boot(StubBroker())
print(os.getpid(), flush=True)
while True:
    time.sleep(600)
"""


@pytest.mark.system
@pytest.mark.parametrize("hears", ["listening", "deaf"])
def test_a_worker_whose_main_process_was_killed_ends(hears: str) -> None:
    with subprocess.Popen([sys.executable, "-c", MAIN, hears], stdout=subprocess.PIPE) as main:
        assert main.stdout
        worker = int(main.stdout.readline())
        os.kill(main.pid, signal.SIGKILL)
        until(lambda: not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE)
