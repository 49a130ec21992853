"""The pattern of a message is what it has in common with others that say the same."""

import pytest

from shared.jobs.errors import GenerationError, NodeFailed, OutOfMemory, PromptLost, Stalled
from shared.jobs.job_events import error_data
from shared.texts.failure_pattern import LOOKED_AT, failure_of, pattern_of


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("node 3 (KSampler) failed: no", "node <n> (KSampler) failed: no"),
        ("tried to allocate 2.50 GiB of 24 GiB", "tried to allocate <n> GiB of <n> GiB"),
        ("model 'a b.safetensors' is \"broken\"", "model <text> is <text>"),
        ("ComfyUI at http://10.0.0.1:8188 is gone", "ComfyUI at <url> is gone"),
        ("no file /data/x.png here", "no file <path> here"),
        ("no file C:\\models\\x.png here", "no file <path> here"),
        ("prompt deadbeef-dead-beef-dead-beefdeadbeef is lost", "prompt <id> is lost"),
        ("prompt 2c9f is lost", "prompt <n> is lost"),
        ("width and/or height", "width and/or height"),
        ("two\n  lines", "two lines"),
        ("it's over", "it's over"),
    ],
)
def test_what_varies_is_left_out(message: str, pattern: str) -> None:
    assert pattern_of(message) == pattern


def test_a_pattern_of_a_pattern_is_the_same() -> None:
    once = pattern_of("node 3 failed at http://gpu-1:8188 with 'x' in /tmp/y after 7 s")
    assert pattern_of(once) == once


def fingerprint(error: GenerationError) -> str:
    return failure_of(error_data(error))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NodeFailed("3", "KSampler", "ValueError", "row 4"), NodeFailed("17", "KSampler", "ValueError", "row 9")),
        (PromptLost("http://gpu-1:8188", "2c9f"), PromptLost("http://gpu-2:8188", "77ab")),
        (Stalled("http://gpu-1:8188", 600), Stalled("http://gpu-2:8188", 20)),
    ],
)
def test_errors_that_say_the_same_are_one_group(one: GenerationError, other: GenerationError) -> None:
    assert fingerprint(one) == fingerprint(other)


def test_another_code_class_or_message_is_another_group() -> None:
    errors = [
        NodeFailed("3", "KSampler", "ValueError", "no"),
        NodeFailed("3", "VAEDecode", "ValueError", "no"),
        NodeFailed("3", "KSampler", "ValueError", "never"),
        OutOfMemory("3", "KSampler", "ValueError", "no"),
    ]
    assert len({fingerprint(error) for error in errors}) == len(errors)


def test_only_the_beginning_of_a_message_counts() -> None:
    assert pattern_of("no " * 1_000_000) == pattern_of("no " * LOOKED_AT)
