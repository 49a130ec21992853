"""What others say is cut to a length, says so, and can be stored."""

import pytest

from shared.database.storable import LONGEST_DETAIL, LONGEST_MESSAGE, MOST_DETAILS, cut, details, name
from shared.jobs.errors import NodeFailed, WorkflowRejected
from shared.jobs.job_events import error_data


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("short", "short"),
        ("a\0b\ud800", "a\ufffdb\ufffd"),
        ("x" * LONGEST_MESSAGE, "x" * LONGEST_MESSAGE),
        ("x" * (LONGEST_MESSAGE + 7), "x" * LONGEST_MESSAGE + "... (7 more characters)"),
        ("\xe9" * LONGEST_MESSAGE, "\xe9" * (LONGEST_MESSAGE // 2) + f"... ({LONGEST_MESSAGE // 2} more characters)"),
        ("\0" * LONGEST_MESSAGE, "\ufffd" * (LONGEST_MESSAGE // 3) + "... (5462 more characters)"),
    ],
    ids=["short", "odd", "just fits", "too long", "two bytes each", "three bytes each"],
)
def test_a_text_is_cut_by_its_bytes(text: str, kept: str) -> None:
    assert cut(text) == kept


def test_a_name_fits_its_column() -> None:
    assert name("n\0" * 300) == ("n\ufffd" * 300)[:255]
    assert name(None) == "None"


def test_details_are_bounded_in_every_direction() -> None:
    kept = details({"k" * 300: ["x" * 5000] * 500, **{str(number): 1 for number in range(500)}})
    assert len(kept) == MOST_DETAILS
    first = kept["k" * 255]
    assert len(first) == MOST_DETAILS
    assert first[0] == "x" * LONGEST_DETAIL + "... (2952 more characters)"


def test_an_error_is_kept_whatever_its_words_are() -> None:
    data = error_data(NodeFailed("1" * 9000, "\0", "\ud800", "x" * 10**6))
    assert len(data["message"].encode()) < LONGEST_MESSAGE + 50
    assert data["details"] == {
        "node_id": "1" * LONGEST_DETAIL + "... (6952 more characters)",
        "node_type": "\ufffd",
        "exception_type": "\ufffd",
    }
    many = error_data(WorkflowRejected("no", [{"message": "m" * 9000}] * 1000))["details"]["node_errors"]
    assert (len(many), len(many[0]["message"])) == (MOST_DETAILS, LONGEST_DETAIL + len("... (6952 more characters)"))
