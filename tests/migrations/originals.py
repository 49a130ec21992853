"""What a row of the old tables was, told from the new row alone: the merge's rules backwards, in another language.

JSON is compared by what it means: every key that is said, in any order, and exact numbers.
"""

import json
from decimal import Decimal
from typing import Any

from tests.migrations.databases import Row

JSON_COLUMNS = ("parameters", "lora_models", "sampler_params", "output_paths", "thumbnail_paths")
OF_BOTH = ("user_id", "prompt", "error_message", "created_at", "updated_at", "started_at", "completed_at")
NULL = "NULL"  # SQL's, which is not JSON's


def original_job(row: Row) -> Row:
    """The row of generation_jobs that this row was."""
    legacy = kept(row)
    held = {
        "id": row["id"],
        "job_type": row["job_type"],
        "status": row["status"],
        "result_content_id": row["content_id"],
        **{name: row[name] for name in OF_BOTH},
    }
    return {
        **{name: legacy.get(name, value) for name, value in held.items()},
        "parameters": document(legacy, "parameters", row["params"]),
    }


def original_request(row: Row) -> Row:
    """The row of comfyui_generation_requests that this row was."""
    legacy = kept(row)
    held = {
        "id": row["legacy_request_id"],
        "status": "processing" if row["status"] == "running" else row["status"],
        **{name: row[name] for name in ("negative_prompt", "checkpoint_model", "comfyui_prompt_id")},
        **{name: row[name] for name in ("width", "height", "batch_size")},
        **{name: row[name] for name in OF_BOTH},
    }
    return {
        **{name: legacy.get(name, value) for name, value in held.items()},
        "lora_models": document(legacy, "lora_models", row["lora_models"]),
        "sampler_params": document(legacy, "sampler_params", row["params"]),
        "output_paths": document(legacy, "output_paths", "[]"),
        "thumbnail_paths": document(legacy, "thumbnail_paths", "[]"),
    }


def kept(row: Row) -> dict[str, Any]:
    """The column `legacy`, its values taken apart as `parsed` does."""
    if row["legacy"] is None:
        return {}
    _, (_, pairs) = parsed(row["legacy"])
    return dict(pairs)


def document(legacy: Row, name: str, held: str) -> Any:
    if f"{name}_text" in legacy:
        return parsed(legacy[f"{name}_text"])
    if name in legacy:
        return NULL if legacy[name] is None else ("JSON", legacy[name])
    return parsed(held)


def meaning(row: Row) -> Row:
    """An old row with its JSON taken apart."""
    return {name: parsed(value) if name in JSON_COLUMNS else value for name, value in row.items()}


def parsed(text: str | None) -> Any:
    if text is None:
        return NULL
    return ("JSON", json.loads(text, parse_int=Decimal, parse_float=Decimal, object_pairs_hook=every_key))


def every_key(pairs: list[tuple[str, Any]]) -> tuple[str, list[tuple[str, Any]]]:
    return ("object", sorted(pairs, key=repr))
