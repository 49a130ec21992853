"""What ComfyUI tells of a prompt, and how one is stopped and found, and the tests that hold us to it."""

from tests.worker_service.comfyui import test_answers, test_client, test_frames, test_meter, test_progress
from tests.worker_service.comfyui.point import Point
from tests.worker_service.run import (
    test_adoption,
    test_cancelling,
    test_jobs_that_complete,
    test_trouble_with_comfyui,
    test_trouble_with_sockets,
)

OF_MESSAGES: dict[int, Point] = {
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
}
