"""Each point of ComfyUI's protocol that was measured is held by a test, or is said to be no concern of the client."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.shared import test_graph
from tests.worker_service import (
    test_adoption,
    test_cancelling,
    test_collecting,
    test_fleet,
    test_jobs_that_complete,
    test_jobs_that_fail,
    test_mailbox,
    test_time_limit,
    test_trouble_with_comfyui,
    test_trouble_with_sockets,
    test_verification,
)
from tests.worker_service.comfyui import test_answers, test_client, test_frames, test_meter, test_progress

Test = Callable[..., None]


class Point(NamedTuple):
    """What the server does, and the tests that hold us to it; without any, why there is nothing to hold."""

    what: str
    tests: tuple[Test, ...]
    why_none: str = ""


POINTS: dict[int, Point] = {
    # What kills or blocks a server
    1: Point(
        "an error outside of a node ends its only worker: it goes on accepting, and runs nothing",
        (
            test_graph.test_every_node_has_inputs_and_links_only_to_nodes_there_are_and_every_node_is_needed,
            test_time_limit.test_a_job_of_a_server_that_accepts_and_runs_nothing_fails_and_is_taken_out_of_its_queue,
        ),
    ),
    2: Point(
        "a client_id that is no text ends the process",
        (test_jobs_that_complete.test_what_is_sent_to_comfyui_is_our_ids_and_nothing_that_could_harm_others,),
    ),
    3: Point(
        "metadata for files that is no object breaks a listing for everybody",
        (test_jobs_that_complete.test_what_is_sent_to_comfyui_is_our_ids_and_nothing_that_could_harm_others,),
    ),
    4: Point(
        "a socket whose client stops reading holds up the messages to all",
        (
            test_progress.test_a_job_whose_thread_is_busy_holds_up_nobody,
            test_mailbox.test_only_the_latest_states_and_preview_are_kept_but_every_cached_list,
        ),
    ),
    # Submitting
    5: Point(
        "a graph is accepted when one of its outputs is valid, with errors for the others",
        (
            test_client.test_a_graph_of_which_only_a_part_would_run_is_refused_and_withdrawn,
            test_answers.test_node_errors_of_an_accepted_prompt_are_read_too,
        ),
    ),
    6: Point(
        "a refusal names its kind, and the errors of each node, if any",
        (
            test_answers.test_every_recorded_refusal_becomes_one_sentence,
            test_answers.test_a_missing_checkpoint_names_node_field_and_what_there_is,
            test_answers.test_a_cycle_has_no_node_errors_and_is_refused_all_the_same,
            test_jobs_that_fail.test_a_job_that_comfyui_refuses_fails_and_names_node_and_field,
        ),
    ),
    7: Point(
        "what it cannot read is an error of the server's; too much of it is refused",
        (
            test_client.test_what_the_server_cannot_read_is_a_server_error_and_nothing_is_queued,
            test_client.test_a_graph_beyond_the_servers_limit_is_refused_for_good,
        ),
    ),
    8: Point(
        "the prompt's id is ours, and the same id twice is run twice; an error may have queued it",
        (
            test_trouble_with_comfyui.test_a_job_that_was_queued_though_comfyui_answered_500_is_run_once,
            test_trouble_with_comfyui.test_a_job_whose_answer_was_lost_is_found_and_run_once,
            test_adoption.test_a_prompt_that_is_gone_is_sent_again_under_another_id,
        ),
    ),
    9: Point(
        "a number orders the queue, and `front` turns it round",
        (test_client.test_prompts_run_in_the_order_they_were_sent,),
    ),
    10: Point(
        "everybody can read what a prompt holds",
        (test_jobs_that_complete.test_what_is_sent_to_comfyui_is_our_ids_and_nothing_that_could_harm_others,),
    ),
    # Cache
    11: Point(
        "the same graph again is answered with the old file, even where that is gone",
        (
            test_jobs_that_complete.test_the_same_job_twice_gives_two_jobs_with_files_of_their_own,
            test_graph.test_every_saving_node_gets_the_prefix_and_no_other_node_does,
        ),
    ),
    12: Point(
        "without a client_id a cached prompt has no outputs",
        (test_jobs_that_complete.test_what_is_sent_to_comfyui_is_our_ids_and_nothing_that_could_harm_others,),
    ),
    13: Point(
        "only the last prompt's nodes stay cached: other checkpoints in turn are loaded each time",
        (),
        "it costs time and changes no result; which server gets a job is for the claim to choose",
    ),
    # WebSocket
    14: Point(
        "a prompt's messages come in an order, and a cached prompt's are fewer",
        (
            test_frames.test_a_job_goes_from_its_cache_over_its_nodes_to_its_end,
            test_frames.test_sampler_steps_are_told,
            test_frames.test_errors_interrupts_and_cached_jobs_end_too,
            test_meter.test_cached_nodes_count_as_done,
        ),
    ),
    15: Point(
        "success is said before the history has it",
        (test_trouble_with_comfyui.test_a_job_is_not_lost_while_the_history_is_slow_to_know_it,),
    ),
    16: Point(
        "of a job without client_id some messages go to everybody",
        (
            test_frames.test_what_is_told_to_everybody_of_a_job_without_a_client_means_nothing,
            test_frames.test_a_preview_that_does_not_say_whose_it_is_is_nobodys,
        ),
    ),
    17: Point(
        "others hear of the queue's length alone, and nobody hears of a prompt that is deleted from it",
        (
            test_frames.test_another_clients_job_means_nothing,
            test_trouble_with_comfyui.test_a_job_that_somebody_else_deleted_from_the_queue_is_sent_again,
        ),
    ),
    18: Point(
        "nothing is said again to who comes back",
        (
            test_frames.test_the_executing_of_a_reconnect_names_no_prompt_and_means_nothing,
            test_trouble_with_sockets.test_a_dropped_socket_comes_back_and_tells_the_rest,
            test_trouble_with_sockets.test_a_socket_lost_at_the_very_end_does_not_delay_the_job_for_ever,
        ),
    ),
    19: Point(
        "of two sockets under one id, the newer goes silent when the older closes",
        (
            test_adoption.test_a_stopped_worker_gives_its_job_back_and_the_next_one_goes_on_with_it,
            test_trouble_with_sockets.test_a_dropped_socket_comes_back_and_tells_the_rest,
            test_trouble_with_sockets.test_a_frozen_socket_costs_the_progress_and_not_the_job,
        ),
    ),
    20: Point(
        "previews come if asked for, in one of two forms, in frames of up to 8 MB; there are no pings",
        (
            test_frames.test_a_preview_with_metadata_is_a_picture_of_its_prompt,
            test_jobs_that_complete.test_previews_come_when_they_are_asked_for,
            test_jobs_that_complete.test_previews_do_not_come_unasked,
            test_progress.test_frames_of_many_megabytes_come_through_and_the_rest_after_them,
        ),
    ),
    # Control
    21: Point(
        "an interrupt without an id stops whatever runs; some nodes finish first, and the last one succeeds",
        (
            test_cancelling.test_a_running_job_is_interrupted_and_the_prompts_around_it_are_not,
            test_cancelling.test_a_job_stays_cancelling_for_as_long_as_its_node_heeds_no_interrupt,
            test_client.test_a_withdrawn_prompt_is_the_only_one_that_ends,
            test_answers.test_a_prompt_interrupted_in_its_last_node_has_succeeded,
        ),
    ),
    22: Point(
        "an interrupted prompt is an error whose messages tell it from a failure",
        (
            test_answers.test_an_interrupted_prompt_is_told_from_a_failed_one,
            test_trouble_with_comfyui.test_a_job_that_somebody_else_interrupted_is_run_again,
        ),
    ),
    23: Point(
        "a deletion passes over what runs, and says neither",
        (
            test_cancelling.test_a_job_that_waits_in_comfyui_is_taken_out_and_what_runs_before_it_goes_on,
            test_client.test_a_withdrawn_prompt_is_the_only_one_that_ends,
        ),
    ),
    24: Point(
        "the history is empty for the unknown, the waiting and the running alike, and after a restart",
        (
            test_client.test_a_prompt_is_found_wherever_it_is,
            test_answers.test_an_empty_history_says_nothing,
            test_answers.test_the_queue_tells_what_runs_from_what_waits,
        ),
    ),
    # Files
    25: Point(
        "outputs of every kind stand in the history, each under its key",
        (
            test_answers.test_files_of_every_kind_are_found,
            test_answers.test_a_shown_text_is_an_output,
            test_collecting.test_each_kind_is_decoded_stored_and_pictured,
            test_collecting.test_outputs_of_several_nodes_are_numbered_in_the_order_of_the_graph,
            test_jobs_that_complete.test_a_batch_has_an_output_for_each_picture_in_their_order,
        ),
    ),
    26: Point(
        "a file holds the whole prompt that made it",
        (
            test_collecting.test_the_file_is_the_very_one_that_comfyui_wrote,
            test_jobs_that_complete.test_what_is_sent_to_comfyui_is_our_ids_and_nothing_that_could_harm_others,
        ),
    ),
    27: Point(
        "numbers of deleted files are given again, and two servers on one folder overwrite each other",
        (test_jobs_that_complete.test_the_same_job_twice_gives_two_jobs_with_files_of_their_own,),
    ),
    28: Point(
        "a file can be read while it is half written, and stays half where its server died",
        (
            test_trouble_with_comfyui.test_a_file_that_arrived_damaged_is_read_again_and_not_made_again,
            test_trouble_with_comfyui.test_a_job_whose_file_is_lost_is_run_again_under_a_new_prompt,
            test_verification.test_a_file_that_was_cut_off_is_corrupt,
            test_verification.test_a_png_without_its_last_chunk_is_corrupt_though_all_pixels_are_there,
        ),
    ),
    29: Point(
        "what is not there, badly named or outside its folders is not served",
        (
            test_client.test_a_file_that_is_not_served_is_missing,
            test_client.test_names_with_spaces_signs_and_subfolders_are_read,
        ),
    ),
    # Restart and security
    30: Point(
        "an ended server has forgotten its queue and its history",
        (
            test_trouble_with_comfyui.test_a_job_is_run_again_when_comfyui_was_killed_and_restarted,
            test_trouble_with_comfyui.test_a_job_waits_for_a_server_that_stays_away,
            test_trouble_with_comfyui.test_a_job_is_run_again_when_comfyui_dies_at,
        ),
    ),
    31: Point(
        "it knows no users: what protects it stands before it, with a user in its URL",
        (
            test_fleet.test_a_server_is_known_by_its_url_without_its_password,
            test_progress.test_the_address_keeps_path_and_user_and_takes_the_sockets_scheme,
        ),
    ),
}


def test_every_point_is_there() -> None:
    assert list(POINTS) == list(range(1, 32))


@pytest.mark.parametrize("number", POINTS)
def test_a_point_is_held_by_tests_or_says_why_not(number: int) -> None:
    point = POINTS[number]
    assert bool(point.tests) != bool(point.why_none)
    for test in point.tests:
        assert test.__name__.startswith("test_"), "pytest would not run it"
