"""What an operator asks of Redis is told of one environment alone, for as long as somebody reads it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from shared.configuration.settings import Settings

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
MANY = 2000  # names of keys: more than lies in a pipe


def called(environ: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.local.redis_keys", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def many_keys(redis_client: redis.Redis, settings: Settings) -> list[str]:
    names = [f"{settings.redis_ns}:{number:0100}" for number in range(MANY)]
    redis_client.mset(dict.fromkeys(names, "x"))
    return names


def test_keys_are_listed_and_counted(environ: dict[str, str], many_keys: list[str]) -> None:
    listed, counted = (called(environ, deed).communicate(timeout=60)[0] for deed in ("list", "info"))
    assert [line.split()[0] for line in listed.splitlines()[1:]] == many_keys
    assert f"keys under {environ['REDIS_NS']}: {MANY}\n" in counted


@pytest.mark.parametrize("deed", ["list", "info"])
@pytest.mark.usefixtures("many_keys")
def test_it_ends_quietly_once_nobody_reads_any_more(environ: dict[str, str], deed: str) -> None:
    process = called(environ, deed)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(60) == 0
