"""Servers and jobs that are there go up and down through the fleet's columns."""

from migrations.upgrade import downgrade, upgrade
from tests.migrations.databases import ACCOUNTS, execute, fetch, value
from tests.migrations.test_way_back import add_job

SERVER = "http://gpu:8188"


def test_servers_that_are_there_get_two_slots_and_nothing_against_them(legacy: str) -> None:
    upgrade(legacy, ACCOUNTS)
    execute(legacy, "INSERT INTO comfyui_servers (name, version) VALUES (:name, '0.8.0')", name=SERVER)
    upgrade(legacy)
    (row,) = fetch(legacy, "SELECT * FROM comfyui_servers")
    assert (row["name"], row["version"], row["slots"]) == (SERVER, "0.8.0", 2)
    kept = {"name", "version", "slots", "named_at", "notes", "foreign_prompts", "probes"}
    kept |= {"weight", "labels", "by_hand", "moves_jobs"}
    assert {name for name, found in row.items() if found is not None} == kept


def test_a_drained_server_and_a_job_that_was_moved_survive_the_way_down_and_up(merged: str) -> None:
    execute(
        merged,
        "INSERT INTO comfyui_servers (name, slots, draining_since, loaded_checkpoint) VALUES (:name, 4, now(), 'sd15')",
        name=SERVER,
    )
    job_id = add_job(merged, avoid_server=SERVER, status="queued")
    downgrade(merged, ACCOUNTS)
    assert value(merged, "SELECT status FROM generation_jobs WHERE id = :id", id=job_id) == "queued"
    upgrade(merged)
    (row,) = fetch(merged, "SELECT slots, draining_since, loaded_checkpoint FROM comfyui_servers")
    assert row == {"slots": 2, "draining_since": None, "loaded_checkpoint": None}
    assert value(merged, "SELECT avoid_server FROM generation_jobs WHERE id = :id", id=job_id) is None
