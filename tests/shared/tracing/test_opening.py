"""Tracing is off unless a receiver is named; what is missing for it is said in a sentence."""

import os
import subprocess
import sys

import pytest

from shared.configuration.misspellings import misspelt
from shared.configuration.settings import VARIABLES, SettingsError, load_settings

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
# The client of Redis imports the API and the SDK's metrics wherever they are installed.
OPEN = """
import sys
SENDING = {{"opentelemetry.sdk.trace", "opentelemetry.exporter", "shared.tracing.exporting"}}
import api_service.main, worker_service.main, worker_service.scheduler.main
{before}
from shared.configuration.settings import environment, settings_or_exit
from shared.tracing.opening import open_tracing_or_exit
tracing = open_tracing_or_exit(settings_or_exit().otel_exporter_otlp_endpoint, "api", environment())
print(type(tracing).__name__, sorted(SENDING & sys.modules.keys()))
"""


def opened(before: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "APP_ENV": "test", **variables}
    return subprocess.run(
        [sys.executable, "-c", OPEN.format(before=before)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.system
def test_without_a_receiver_nothing_that_sends_is_imported() -> None:
    assert opened().stdout == "Tracing []\n"


@pytest.mark.system
def test_with_a_receiver_it_is() -> None:
    done = opened(**{ENDPOINT: "http://127.0.0.1:4318"})
    assert done.stdout.startswith("TracingTo ['opentelemetry.exporter', "), done.stderr


@pytest.mark.landing
@pytest.mark.system
def test_packages_that_are_missing_are_named_with_what_brings_them() -> None:
    done = opened("sys.modules['opentelemetry'] = None", **{ENDPOINT: "http://127.0.0.1:4318"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "the extra `tracing`" in done.stderr


@pytest.mark.landing
@pytest.mark.system
def test_a_protocol_that_is_not_spoken_is_refused() -> None:
    done = opened(OTEL_EXPORTER_OTLP_PROTOCOL="grpc", **{ENDPOINT: "http://127.0.0.1:4317"})
    assert (done.returncode, done.stdout) == (2, "")
    assert "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'" in done.stderr


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:4318", "grpc://127.0.0.1", "http://", "http://host:x", "http://h/?a=b", "http://user:secret@host"],
)
def test_an_endpoint_that_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"APP_ENV": "test", ENDPOINT: url})
    (problem,) = refused.value.problems
    assert problem.startswith(f"{ENDPOINT}: ")
    assert "speaks HTTP" in problem
    assert "secret" not in problem


def test_variables_of_the_sdk_are_not_taken_for_misspelt_ones() -> None:
    others = ("HEADERS", "TIMEOUT", "PROTOCOL", "CERTIFICATE", "TRACES_ENDPOINT")
    assert misspelt({f"OTEL_EXPORTER_OTLP_{name}": "x" for name in others}, VARIABLES) == []
