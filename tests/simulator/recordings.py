"""The recordings of two real servers, and which test holds the simulator to each."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data" / "comfyui"

# Each recording is replayed by the test named here; scripts.py says what has to be arranged for it.
HELD: Mapping[str, str] = {
    "0.8/http/prompt_success": "test_http_recordings.test_accepted_prompts_are_answered_as_recorded",
    "0.8/http/prompt_failures": "test_http_recordings.test_refused_prompts_are_answered_as_recorded",
    "0.8/http/view": "test_http_recordings.test_files_are_served_as_recorded",
    "0.8/http/misc": "test_http_recordings.test_listings_are_answered_as_recorded",
    "0.8/http/history_clear": "test_http_recordings.test_a_cleared_history_is_empty_as_recorded",
    "0.8/http/upload_image": "test_uploads.test_uploads_are_answered_as_recorded",
    "0.8/http/upload_filename_traversal": "test_uploads.test_strange_file_names_are_answered_as_recorded",
    "0.8/http/origin_host": "test_origins.test_origins_and_hosts_are_treated_as_recorded",
    "0.8/http/object_info": "test_object_info.test_every_node_class_is_declared_as_recorded",
    "0.8/http/embedded_metadata": "test_embedded_metadata.test_files_carry_what_was_recorded",
    "0.8/ws/01_success_model_free": "test_ws_recordings",
    "0.8/ws/02_success_t2i_cold": "test_ws_recordings",
    "0.8/ws/03_success_t2i_warm_new_seed": "test_ws_recordings",
    "0.8/ws/04_previews_legacy_binary": "test_ws_recordings",
    "0.8/ws/05_previews_with_metadata": "test_ws_recordings",
    "0.8/ws/06_feature_flags_variants": "test_ws_recordings",
    "0.8/ws/07_error_mid_run": "test_ws_recordings",
    "0.8/ws/09_interrupt_global_empty_body": "test_ws_recordings",
    "0.8/ws/09_interrupt_no_client_id": "test_ws_recordings",
    "0.8/ws/09_interrupt_prompt_id": "test_ws_recordings",
    "0.8/ws/10_interrupt_in_long_single_node": "test_ws_recordings",
    "0.8/ws/11_delete_pending_and_clear": "test_ws_recordings",
    "0.8/ws/13_fully_cached": "test_ws_recordings",
    "0.8/ws/14_two_clients": "test_ws_recordings",
    "0.8/ws/15_job_without_client_id": "test_ws_recordings",
    "0.8/ws/16_client_id_with_no_socket": "test_ws_recordings",
    "0.8/ws/16b_other_clients_id": "test_ws_recordings",
    "0.8/ws/17_reconnect_mid_run": "test_ws_recordings",
    "0.8/ws/18_reconnect_overlap": "test_ws_recordings",
    "0.8/ws/19_late_connect": "test_ws_recordings",
    "0.8/ws/20_same_prompt_id_twice": "test_ws_recordings",
    "0.8/ws/21_priority_number_front": "test_ws_recordings",
    "0.8/ws/22_save_image_websocket": "test_ws_recordings",
    "0.8/ws/23_save_image_websocket_metadata": "test_ws_recordings",
    "0.8/ws/24a_same_number_and_prompt_id_500_but_queued": "test_ws_recordings",
    "0.8/ws/24b_POISON_worker_death": "test_ws_recordings",
    "0.8/ws/25_poison_prompts": "test_ws_recordings",
    "0.8/ws/30_outputs": "test_ws_recordings",
    "0.8/ws/40_kill9_mid_run": "test_ws_recordings",
    "0.8/ws/41_kill9_mid_file_write": "test_ws_recordings",
    "0.8/ws/42_SIGINT_mid_run": "test_ws_recordings",
    "0.8/ws/42_SIGTERM_mid_run": "test_ws_recordings",
    "0.8/ws/50_filename_reuse": "test_ws_recordings",
    "0.8/ws/51_stalled_reader": "test_ws_recordings.test_a_client_that_stops_reading_holds_up_everybody_as_recorded",
    "0.33/http/prompt_ids": "test_newer_recordings.test_prompt_ids_are_taken_and_refused_as_recorded",
    "0.33/http/prompt_failures": "test_newer_recordings.test_refused_prompts_are_answered_as_recorded",
    "0.33/http/prompt_success": "test_newer_recordings.test_accepted_prompts_are_answered_as_recorded",
    "0.33/http/misc": "test_newer_recordings.test_listings_are_answered_as_recorded",
    "0.33/http/object_info": "test_newer_recordings.test_every_node_class_takes_and_gives_what_was_recorded",
    "0.33/http/object_info_of_inputs": "test_newer_recordings.test_every_node_class_takes_and_gives_what_was_recorded",
    "0.33/ws/01_success_model_free": "test_ws_recordings",
    "0.33/ws/07_error_mid_run": "test_ws_recordings",
    "0.33/ws/08_errors_as_nodes_word_them": "test_ws_recordings",
    "0.33/ws/09_interrupts": "test_ws_recordings",
    "0.33/ws/13_fully_cached": "test_ws_recordings",
    "0.33/ws/15_job_without_client_id": "test_ws_recordings",
    "0.33/ws/16_client_id_with_no_socket": "test_ws_recordings",
    "0.33/ws/18_reconnect_overlap": "test_ws_recordings",
    "0.33/ws/20_same_prompt_id_twice": "test_ws_recordings",
    "0.33/ws/21_number_and_front": "test_ws_recordings",
    "0.33/ws/22_save_image_websocket": "test_ws_recordings",
    "0.33/ws/23_save_image_websocket_metadata": "test_ws_recordings",
    "0.33/ws/24a_same_number_and_prompt_id": "test_ws_recordings",
    "0.33/ws/26_client_ids_that_are_no_texts": "test_ws_recordings",
    "0.33/ws/30_odd_outputs": "test_ws_recordings",
    "0.33/ws/60_worker_death_base_exception": "test_ws_recordings",
    "0.33/ws/60_worker_death_keyboard_interrupt": "test_ws_recordings",
    "0.33/ws/60_worker_death_surrogate": "test_ws_recordings",
    "0.33/ws/60_worker_death_system_exit": "test_ws_recordings",
    "0.33/ws/60_worker_death_unprintable": "test_ws_recordings",
    "0.33/ws/61_worker_death_undeclared_link": "test_ws_recordings",
    "0.33/ws/62_worker_death_no_inputs": "test_ws_recordings",
    "0.33/ws/63_output_node_without_inputs": "test_ws_recordings",
    "0.33/ws/70_odd_progress": "test_ws_recordings",
    "0.33/ws/71_odd_frames": "test_ws_recordings",
}

NOT_HELD: Mapping[str, str] = {
    "0.8/http/cors_flag": "recorded with --enable-cors-header, an option the simulator does not have",
    "0.8/ws/25_poison_summary": "says what ws/25_poison_prompts holds in full",
}


def exchanges(name: str) -> list[dict[str, Any]]:
    """The requests and responses of an http recording."""
    return json.loads((DATA / f"{name}.json").read_text())  # type: ignore[no-any-return]


def document(name: str) -> dict[str, Any]:
    return json.loads((DATA / f"{name}.json").read_text())  # type: ignore[no-any-return]


def events(name: str) -> list[dict[str, Any]]:
    """The lines of a ws recording; the first one is its title."""
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text().splitlines()]
