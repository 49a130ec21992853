"""How ComfyUI keeps files, forgets and lets anybody in, and the tests that hold us to it."""

from tests.worker_service.comfyui import test_answers, test_client, test_progress
from tests.worker_service.comfyui.point import Point
from tests.worker_service.fleet import test_health
from tests.worker_service.media import test_examine
from tests.worker_service.run import test_collecting, test_jobs_that_complete, test_trouble_with_comfyui

OF_FILES: dict[int, Point] = {
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
            test_examine.test_a_file_that_was_cut_off_is_corrupt,
            test_examine.test_a_png_without_its_last_chunk_is_corrupt_though_all_pixels_are_there,
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
            test_health.test_a_server_is_known_by_its_url_without_its_password,
            test_progress.test_the_address_keeps_path_and_user_and_takes_the_sockets_scheme,
        ),
    ),
}
