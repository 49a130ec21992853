"""What ComfyUI does with the prompts it is sent, and the tests that hold us to it."""

from tests.shared.workflows import test_text_to_image
from tests.worker_service.comfyui import test_answers, test_client, test_progress
from tests.worker_service.comfyui.point import Point
from tests.worker_service.run import (
    test_adoption,
    test_jobs_that_complete,
    test_jobs_that_fail,
    test_mailbox,
    test_time_limit,
    test_trouble_with_comfyui,
)

OF_PROMPTS: dict[int, Point] = {
    # What kills or blocks a server
    1: Point(
        "an error outside of a node ends its only worker: it goes on accepting, and runs nothing",
        (
            test_text_to_image.test_every_node_has_inputs_and_links_only_to_nodes_there_are_and_every_node_is_needed,
            test_time_limit.test_a_job_of_a_server_that_accepts_and_runs_nothing_is_put_back_and_taken_out_of_its_queue,
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
            test_text_to_image.test_every_saving_node_gets_the_prefix_and_no_other_node_does,
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
}
