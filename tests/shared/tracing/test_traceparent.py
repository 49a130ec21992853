"""A traceparent from outside is taken only in the W3C's form."""

import pytest

from shared.tracing.traceparent import LENGTH, checked, trace_id_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize("header", [GOOD, f"cc-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what-comes-later"])
def test_a_traceparent_of_any_version_is_kept_as_one_of_the_first(header: str) -> None:
    assert checked(header) == GOOD
    assert trace_id_of(checked(header)) == TRACE
    assert len(GOOD) == LENGTH


@pytest.mark.parametrize(
    "header",
    [
        "",
        GOOD[:-1],
        f"{GOOD}-more",
        f"cc-{TRACE}-{SPAN}-01x",
        f"cc-{TRACE}-{SPAN}-01-{'x' * 4096}",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        GOOD.upper(),
        f"00-{TRACE}-{SPAN}-0\u0661",
        f"{GOOD}\n",
    ],
)
def test_anything_else_is_passed_over(header: str) -> None:
    assert checked(header) is None
