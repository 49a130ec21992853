"""A variable that was meant for us is told from one that is somebody else's."""

import pytest

from shared.configuration.misspellings import distance, misspelt
from shared.configuration.settings import VARIABLES


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("COMFY_URLS", "COMFYUI_URLS"),
        ("COMFYUI_URL", "COMFYUI_URLS"),
        ("COMFY_URL", "COMFYUI_URLS"),
        ("COMFYUI_SERVERS", "COMFYUI_URLS"),
        ("COMFYUI_SLOT", "COMFYUI_SLOTS"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("REDIS_URL_PRD", "REDIS_URL_PROD"),
        ("API_PROT", "API_PORT"),
        ("api_port", "API_PORT"),
        ("LIMIT_REQUESTS_PER_MIN", "LIMIT_REQUESTS_PER_MINUTE"),
    ],
)
def test_what_is_close_to_a_setting_is_named_with_it(written: str, meant: str) -> None:
    (line,) = misspelt({written: "x", "PATH": "/bin"}, VARIABLES)
    assert line.startswith(f"{written} is not a setting")
    assert f": {meant} was" in line


OTHERS = """
    API_KEY API_URL API_BASE API_TOKEN API_VERSION APP_DEBUG APP_HOST APP_KEY APP_NAME APP_PORT APP_URL
    BROKER_HOST CELERY_BROKER_URL CI COMFYUI_DIR COMFYUI_HOME COMFYUI_PATH COMFY_ORG_API_KEY CPU_TIME_LIMIT
    DATABASE_HOST DATABASE_NAME DATABASE_PASSWORD DATABASE_PORT DATABASE_URL_UNPOOLED DATABASE_USER DB_HOST DB_URL
    FLASK_ENV HOME HOST HOSTNAME HTTP_PROXY LANG LOGNAME LOG_DIR LOG_FILE LOG_PATH MAKEFLAGS MAX_REQUESTS MAX_RETRIES
    NODE_ENV NO_COLOR PATH PGDATABASE PGHOST PGPASSWORD PGUSER PORT POSTGRES_DB POSTGRES_PASSWORD POSTGRES_URL
    POSTGRES_USER RAILS_ENV REDISCLI_AUTH REDIS_DB REDIS_DSN REDIS_HOST REDIS_PASSWORD REDIS_PORT REDIS_TLS_URL SHELL
    STORAGE_BUCKET STORAGE_DIR STORAGE_KEY TASK_TIME_LIMIT TMPDIR TZ USER VIRTUAL_ENV WORKER_CLASS WORKER_CONNECTIONS
    WORKER_TIMEOUT WORKERS
"""


def test_what_others_use_is_let_alone() -> None:
    assert misspelt(dict.fromkeys(OTHERS.split(), "x"), VARIABLES) == []


def test_ours_are_let_alone_with_and_without_their_environment() -> None:
    assert {"APP_ENV", "API_PORT", "API_PORT_DEMO"} <= VARIABLES
    assert misspelt(dict.fromkeys(VARIABLES, "x"), VARIABLES) == []


def test_where_the_right_one_is_there_too_or_the_wrong_one_is_empty_nothing_is_lost() -> None:
    assert misspelt({"COMFYUI_URL": "x", "COMFYUI_URLS": "y"}, VARIABLES) == []
    assert misspelt({"COMFYUI_URL": " "}, VARIABLES) == []
    assert len(misspelt({"COMFYUI_URL": "x", "COMFYUI_URLS": ""}, VARIABLES)) == 1


@pytest.mark.parametrize(
    ("one", "other", "letters"),
    [("", "", 0), ("a", "", 1), ("abc", "abc", 0), ("abc", "axc", 1), ("abc", "acb", 1), ("kitten", "sitting", 3)],
)
def test_the_distance_counts_letters(one: str, other: str, letters: int) -> None:
    assert distance(one, other) == distance(other, one) == letters
