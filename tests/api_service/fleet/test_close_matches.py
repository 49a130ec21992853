"""Names that were probably meant are found, whatever their folder or case, and nothing is compared for ever."""

import pytest

from api_service.fleet.close_matches import close_matches, suggestion

NAMES = ["SD15/dreamshaper_8.safetensors", "juggernautXL_v9.safetensors", "euler", "euler_ancestral"]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("dreamshaper_8.safetensor", "SD15/dreamshaper_8.safetensors"),
        ("DreamShaper_8.safetensors", "SD15/dreamshaper_8.safetensors"),
        ("other\\dreamshaper_8.safetensors", "SD15/dreamshaper_8.safetensors"),
        ("juggernautxl_v8.safetensors", "juggernautXL_v9.safetensors"),
        ("Euler", "euler"),
        ("eular", "euler"),
    ],
)
def test_a_name_like_the_one_given_comes_first(given: str, found: str) -> None:
    assert close_matches(given, NAMES)[0] == found


def test_each_name_is_offered_once_and_three_at_most() -> None:
    found = close_matches("model_0.safetensors", [f"model_{number}.safetensors" for number in range(1, 9)])
    assert len(set(found)) == len(found) == 3


@pytest.mark.parametrize("given", ["", "zzz", "x" * 256, "euler" * 100_000])
def test_what_is_like_nothing_is_like_nothing(given: str) -> None:
    assert close_matches(given, NAMES) == []
    assert suggestion(given, NAMES) == ""


def test_a_suggestion_ends_a_sentence() -> None:
    assert suggestion("euler_a", ["euler", "normal"]) == "; did you mean 'euler'?"
