"""Defaults that depend on the environment or on other variables. Production names its servers itself."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.configuration.choices import AppEnv, LogFormat
from shared.configuration.server_urls import jobs_of_all

DERIVED = {"broker_url", "worker_threads"}  # their defaults are made from other variables
REDIS_DATABASES = {AppEnv.DEV: 4, AppEnv.DEMO: 2, AppEnv.TEST: 3}


def dependent_defaults(app_env: AppEnv, given: Mapping[str, str], usual_slots: int) -> dict[str, Any]:
    """The given values, and the defaults that those make."""
    log_format = LogFormat.CONSOLE if sys.stdout.isatty() else LogFormat.JSON
    values: dict[str, Any] = {"redis_ns": f"genonaut_{app_env}", "log_format": log_format}
    if app_env is not AppEnv.PROD:
        values |= {
            "database_url": f"postgresql+psycopg2://127.0.0.1:5432/genonaut_{app_env}",
            "redis_url": f"redis://127.0.0.1:6379/{REDIS_DATABASES[app_env]}",
            "comfyui_urls": "http://127.0.0.1:8188",
            "storage_url": (Path.cwd() / "var" / app_env / "outputs").as_uri(),
        }
    values |= given
    if "redis_url" in values:
        values.setdefault("broker_url", values["redis_url"])
    slots = str(values.get("comfyui_slots", usual_slots))
    if slots.isdecimal():
        values.setdefault("worker_threads", jobs_of_all(str(values.get("comfyui_urls", "")), int(slots)))
    return values
