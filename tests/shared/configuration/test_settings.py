"""Settings come from the environment, and a wrong one is named with what is accepted."""

import os
import pty
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from shared.configuration.choices import AppEnv
from shared.configuration.effective import table
from shared.configuration.settings import Settings, SettingsError, load_settings
from shared.configuration.types import as_shown
from tests.sweeps import rest_at_landing

ROOT = Path(__file__).parents[3]
SERVERS = {
    "DATABASE_URL": "postgresql://db/genonaut",
    "REDIS_URL": "redis://cache/0",
    "COMFYUI_URLS": "http://gpu:8188",
    "STORAGE_URL": "file:///srv/outputs",
}


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load_settings(environ)
    return raised.value.problems


def test_with_nothing_set_it_is_the_dev_environment_on_this_machine() -> None:
    settings = load_settings({})
    assert settings.app_env is AppEnv.DEV
    assert settings.database_url == "postgresql+psycopg2://127.0.0.1:5432/genonaut_dev"
    assert settings.comfyui_urls == ("http://127.0.0.1:8188",)


@pytest.mark.parametrize(("name", "database"), [("dev", 4), ("demo", 2), ("test", 3)])
def test_each_environment_has_its_own_redis_database_and_namespace(name: str, database: int) -> None:
    settings = load_settings({"APP_ENV": name})
    assert settings.redis_url == f"redis://127.0.0.1:6379/{database}"
    assert settings.redis_ns == f"genonaut_{name}"


def test_the_variable_of_the_environment_wins_over_the_plain_one() -> None:
    environ = {"REDIS_URL": "redis://plain/0", "REDIS_URL_DEMO": "redis://demo/2", "REDIS_URL_TEST": "redis://test/3"}
    assert load_settings({"APP_ENV": "demo", **environ}).redis_url == "redis://demo/2"
    assert load_settings({"APP_ENV": "dev", **environ}).redis_url == "redis://plain/0"


def test_an_empty_variable_counts_as_unset() -> None:
    assert load_settings({"APP_ENV": "", "API_PORT": " ", "API_PORT_DEV": ""}).api_port == 8000


def test_the_broker_is_redis_url_unless_it_is_named() -> None:
    assert load_settings({"REDIS_URL": "redis://cache/1"}).broker_url == "redis://cache/1"
    assert load_settings({"BROKER_URL": "redis://queue/1"}).broker_url == "redis://queue/1"


def test_a_worker_has_a_thread_for_each_slot_and_one_for_what_is_stored_of_each_server() -> None:
    environ = {"COMFYUI_URLS": "http://a:8188, http://b:8188/", "COMFYUI_SLOTS": "3"}
    settings = load_settings(environ)
    assert settings.comfyui_urls == ("http://a:8188", "http://b:8188")
    assert settings.worker_threads == 8
    assert load_settings({**environ, "WORKER_THREADS": "1"}).worker_threads == 1


def test_a_server_may_have_slots_of_its_own() -> None:
    settings = load_settings({"COMFYUI_URLS": "http://a:8188/#slots=5, http://b:8188/api", "COMFYUI_SLOTS": "3"})
    assert settings.comfyui_urls == ("http://a:8188", "http://b:8188/api")
    assert [url.slots for url in settings.comfyui_urls] == [5, None]
    assert settings.worker_threads == 10
    shown = {row[0]: row[1] for row in table({"COMFYUI_URLS": "http://me:hunter2@a:1#slots=5,http://b:2"})}
    assert shown["COMFYUI_URLS"] == "http://me:***@a:1#slots=5, http://b:2"


def test_production_names_its_servers_itself() -> None:
    found = problems({"APP_ENV": "prod"})
    assert {line.partition(":")[0] for line in found} == SERVERS.keys()
    assert load_settings({"APP_ENV": "prod", **SERVERS}).database_url == "postgresql+psycopg2://db/genonaut"


@pytest.mark.parametrize(
    ("variable", "value", "accepted"),
    [
        ("APP_ENV", "staging", "dev, demo, test, prod"),
        ("DATABASE_URL", "mysql://host/x", "postgresql://[user[:password]@]host[:port]/database"),
        ("DATABASE_URL", "postgresql://host", "postgresql://[user[:password]@]host[:port]/database"),
        ("REDIS_URL", "http://host", "redis://"),
        ("REDIS_URL", "redis://host/four", "a database number"),
        ("BROKER_URL", "amqp://host", "redis://"),
        ("REDIS_NS", "a b", "1 to 64 letters"),
        ("COMFYUI_URLS", "localhost:8188", "http://host[:port]"),
        ("COMFYUI_URLS", "http://a:1,http://a:1/", "each server once"),
        ("COMFYUI_URLS", "http://a:1#slots=0", "#slots=1 to 64"),
        ("COMFYUI_URLS", "http://a:1#slots=65", "#slots=1 to 64"),
        ("COMFYUI_URLS", "http://a:1#4", "#slots=1 to 64"),
        ("COMFYUI_URLS", "http://a:1#", "#slots=1 to 64"),
        ("COMFYUI_URLS", "http://a:1#slots=2,http://a:1", "each server once"),
        ("STALL_TIMEOUT", "0", "above zero"),
        ("COMFYUI_SLOTS", "0", "a whole number from 1 to 64"),
        ("COMFYUI_SLOTS", "two", "a whole number from 1 to 64"),
        ("STORAGE_URL", "outputs", "file:///an/absolute/folder"),
        ("SOFT_TIME_LIMIT", "soon", "25m"),
        ("SOFT_TIME_LIMIT", "0", "above zero"),
        ("SOFT_TIME_LIMIT", "45m", "a time above SOFT_TIME_LIMIT, which is 45m"),
        ("ASSET_LIFETIME", "40000d", "at most 36500d"),
        ("LEASE_DURATION", "2s", "at least 3s"),
        ("MAX_ATTEMPTS", "0", "a whole number from 1 to 100"),
        ("API_PORT", "65536", "a whole number from 0 to 65535"),
        ("LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("LOG_FORMAT", "xml", "json, console"),
    ],
)
def test_a_wrong_value_is_one_line_that_says_what_is_accepted(variable: str, value: str, accepted: str) -> None:
    (line,) = problems({variable: value})
    assert accepted in line
    assert value in line or "HARD_TIME_LIMIT: '1800s'" in line


def test_every_wrong_variable_is_named_at_once_by_the_name_it_was_set_under() -> None:
    found = problems({"APP_ENV": "demo", "API_PORT_DEMO": "x", "REDIS_NS": "!", "LOG_LEVEL": "?"})
    assert [line.partition(":")[0] for line in found] == ["REDIS_NS", "API_PORT_DEMO", "LOG_LEVEL"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90", timedelta(seconds=90)),
        ("1.5 h", timedelta(minutes=90)),
        ("25M", timedelta(minutes=25)),
        ("500ms", timedelta(milliseconds=500)),
    ],
)
def test_times_are_given_with_a_unit_or_in_seconds(text: str, meant: timedelta) -> None:
    assert load_settings({"SOFT_TIME_LIMIT": text, "HARD_TIME_LIMIT": "2h"}).soft_time_limit == meant


def test_no_password_shows_anywhere() -> None:
    environ = {
        "DATABASE_URL": "postgresql://me:hunter2@db/x",
        "REDIS_URL": "redis://:hunter2@cache/0",
        "COMFYUI_URLS": "http://me:hunter2@gpu:8188",
    }
    settings = load_settings(environ)
    assert "hunter2" in settings.database_url, "it is there for those who connect"
    shown = [repr(settings), str(settings), f"{settings.model_dump()}", f"{table(environ)}"]
    shown += problems({**environ, "REDIS_URL": "http://me:hunter2@cache", "API_PORT": "x"})
    assert not [text for text in shown if "hunter2" in text]


def test_the_table_names_the_source_of_each_value() -> None:
    rows = {
        variable: (value, source) for variable, value, source, _ in table({"APP_ENV": "demo", "API_PORT_DEMO": "1"})
    }
    assert rows["APP_ENV"] == ("demo", "APP_ENV")
    assert rows["API_PORT"] == ("1", "API_PORT_DEMO")
    assert rows["LOG_LEVEL"] == ("info", "default")
    assert len(rows) == len(Settings.model_fields)


@pytest.mark.system
@pytest.mark.parametrize(
    "module",
    rest_at_landing(["api_service", "worker_service", "worker_service.scheduler", "shared.configuration.effective"]),
)
def test_a_wrong_value_ends_the_start_of_each_service(module: str) -> None:
    started = subprocess.run(
        [sys.executable, "-m", module],
        env={"APP_ENV": "test", "REDIS_URL": "redis://:hunter2@/x", "API_PORT": "-1"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert started.returncode == 2
    assert [line.partition(":")[0] for line in started.stderr.splitlines()] == ["REDIS_URL", "API_PORT"]
    assert "hunter2" not in started.stderr


def said_on_a_terminal(environ: dict[str, str]) -> str:
    """What `make settings` writes to a terminal."""
    terminal, ours = pty.openpty()
    with subprocess.Popen([sys.executable, "-m", "shared.configuration.effective"], env=environ, stdout=ours):
        os.close(ours)
        said = b""
        try:
            while part := os.read(terminal, 65536):
                said += part
        except OSError:  # so ends a terminal that nobody writes to any more, on Linux
            pass
    os.close(terminal)
    return said.decode()


@pytest.mark.system
def test_logs_are_for_people_where_they_go_to_a_terminal() -> None:
    assert load_settings({"LOG_FORMAT": "json"}).log_format == "json"
    effective = {
        words[0]: words[1] for line in said_on_a_terminal({"APP_ENV": "test"}).splitlines() if (words := line.split())
    }
    assert effective["LOG_FORMAT"] == "console"
    piped = subprocess.run(
        [sys.executable, "-m", "shared.configuration.effective"], env={}, capture_output=True, text=True, check=True
    )
    assert [line.split()[1] for line in piped.stdout.splitlines() if line.startswith("LOG_FORMAT")] == ["json"]


@pytest.mark.system
@pytest.mark.parametrize(
    "module",
    rest_at_landing(["api_service.accounts.keys", "migrations", "shared.configuration.effective", "worker_service"]),
)
def test_a_misspelt_variable_is_named_with_what_was_meant(module: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COMFY_URLS=http://gpu:8188\n")
    started = subprocess.run(
        [sys.executable, "-m", module, *(["list"] if module == "api_service.accounts.keys" else [])],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "APP_ENV": "prod", "DATABSE_URL": "postgresql://db/genonaut", "API_KEY": "x"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert started.returncode == 2
    assert "DATABASE_URL: not set" in started.stderr
    assert [line for line in started.stderr.splitlines() if "meant" in line] == [
        "COMFY_URLS is not a setting and has no effect: COMFYUI_URLS was probably meant",
        "DATABSE_URL is not a setting and has no effect: DATABASE_URL was probably meant",
    ]


@pytest.mark.system
@pytest.mark.parametrize(
    "command",
    rest_at_landing(
        [
            "shared.configuration.effective",
            "deploy.doctor",
            "deploy.local up",
            "api_service.accounts.keys list",
            "migrations",
        ]
    ),
)
def test_a_file_env_that_is_no_text_is_a_sentence(command: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("DATABASE_URL=postgresql://b\u00fcro/genonaut".encode("latin-1"))
    started = subprocess.run(
        [sys.executable, "-m", *command.split()],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert started.returncode in {1, 2}
    assert "the file .env cannot be read: it is not UTF-8" in started.stdout + started.stderr
    assert "Traceback" not in started.stderr


@pytest.mark.parametrize("time", [timedelta(seconds=0.5), timedelta(hours=1), timedelta(days=30)])
def test_a_time_is_shown_as_it_may_be_written(time: timedelta) -> None:
    assert load_settings({"STALL_TIMEOUT": as_shown(time)}).stall_timeout == time
