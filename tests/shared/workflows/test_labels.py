"""What a workflow says of its nodes, and what of it becomes part of a file's name."""

from typing import Any

import pytest

from shared.workflows.labels import LONGEST, LONGEST_PREFIX, Label, label_of, name_of

WORKFLOW: dict[str, Any] = {
    "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "mine"}, "_meta": {"title": "The final one"}},
    "9.5": {"class_type": "PreviewAny", "inputs": {"filename_prefix": ["9", 0]}, "_meta": {"title": 5}},
    "10": {"class_type": "PreviewImage", "inputs": {}},
}


@pytest.mark.parametrize(
    ("node_id", "label"),
    [
        ("9", Label("SaveImage", "The final one", "mine")),
        ("9.5", Label("PreviewAny")),
        ("10", Label("PreviewImage")),
        ("9.0.0.2", Label("SaveImage", "The final one", "mine")),
        ("90", Label()),
        ("", Label()),
    ],
)
def test_a_node_is_called_as_its_workflow_calls_it(node_id: str, label: Label) -> None:
    assert label_of(WORKFLOW, node_id) == label


def test_long_words_are_cut_to_what_their_columns_hold() -> None:
    workflow = {"1": {"class_type": "C" * 300, "inputs": {}, "_meta": {"title": "t" * 300}}}
    assert label_of(workflow, "1") == Label("C" * LONGEST, "t" * LONGEST)


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("mine", "mine"),
        ("video/ComfyUI", "ComfyUI"),
        ("sub\\folder\\x", "x"),
        ("../../etc/passwd", "passwd"),
        ("..", ""),
        ("folder/", ""),
        (None, ""),
        ("%date:yyyy-MM-dd%_%width%", "_date_yyyy-MM-dd___width_"),
        ('a"b;c\r\nd', "a_b_c__d"),
        ("grüße 2", "grüße 2"),
        ("gru\u0308n", "grün"),
        ("\ud800\0\u202ex", "___x"),
        (" .hidden. ", "hidden"),
        ("x" * 300, "x" * LONGEST_PREFIX),
    ],
)
def test_a_prefix_becomes_a_name_that_is_nothing_else(prefix: str | None, name: str) -> None:
    assert name_of(prefix) == name
