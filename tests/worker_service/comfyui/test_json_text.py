"""Whatever JSON a server sends is read into what PostgreSQL and JSON can keep, or refused."""

import json
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.hypotheses import given
from worker_service.comfyui.texts.json_text import DEEPEST, read_json

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb'"a\u0000b"', "a\ufffdb"),
        (rb'"\ud800"', "\ufffd"),
        (rb'"\uDFFF\uD800"', "\ufffd\ufffd"),
        (rb'"\ud83c\udfa8 \\u0000"', "\U0001f3a8 \\u0000"),
        (rb'{"a\u0000": ["\ud800"]}', {"a\ufffd": ["\ufffd"]}),
        (b'"\xed\xa0\x80\xff"', "\ufffd\ufffd\ufffd\ufffd"),
        (b"\xef\xbb\xbf{}", {}),
        (b"[NaN, Infinity, -Infinity, 1e999, -1e999]", [None] * 5),
        (b"[" + b"9" * 40 + b"," + b"9" * 41 + b"," + b"9" * 100_000 + b"]", [int("9" * 40), None, None]),
        (b"[1.5, 18446744073709551615]", [1.5, 2**64 - 1]),
    ],
)
def test_what_cannot_be_kept_is_replaced_and_all_else_is_as_it_came(text: bytes, value: Any) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize("text", [b"", b"<html>", b'"\0"', b"[" * 100_000, b'{"a":' * 100_000, b"01", b"'a'"])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        read_json(text)


@pytest.mark.parametrize(("opening", "closing", "empty"), [("[", "]", []), ('{"a":', "}", {})])
def test_what_lies_too_deep_is_left_out(opening: str, closing: str, empty: Any) -> None:
    assert read_json(opening * 500 + "1" + closing * 500) == read_json(
        opening * DEEPEST + json.dumps(empty) + closing * DEEPEST
    )
    assert json.dumps(read_json(opening * DEEPEST + "1" + closing * DEEPEST)).count("1") == 1


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[ {"b": ', " } ]")])
@pytest.mark.parametrize("depth", [257, 5000, 100_000])
def test_what_lies_too_deep_hides_nothing_else(opening: str, closing: str, depth: int) -> None:
    deep = '["]}\\"", ' + opening * depth + "7" + closing * depth + "]"
    found = read_json('{"before": 1, "deep": ' + deep + ', "after": {"b": [2]}}')
    assert (found["before"], found["deep"][0], found["after"]) == (1, ']}"', {"b": [2]})
    kept = json.dumps(found["deep"])
    assert kept.count("[") + kept.count("{") >= DEEPEST - 2, "its uppermost levels are there"


@pytest.mark.parametrize("text", ["[" * 5000 + '"x', "[" * 5000 + "}" * 5000 + "]", "]" * 5000 + "[" * 5000])
def test_what_is_deep_and_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        read_json(text)


@given(anything)
def test_whatever_python_writes_as_json_can_be_kept(value: Any) -> None:
    kept = json.dumps(read_json(json.dumps(value)), ensure_ascii=False, allow_nan=False)
    assert "\\u0000" not in kept.replace("\\\\", ""), "but for a text that says so"
    kept.encode()
