"""The comparison finds what it should, and lets pass only what must differ."""

import pytest

from tests.simulator.comparison import DifferenceError, Likeness, same_kind_of_bytes

ONE, OTHER = "c4a714cb-1e9d-4575-af50-760df95a7048", "5f9711ff-6a1f-4b8d-aacc-cd63b40d225f"


@pytest.mark.parametrize(
    ("recorded", "answered"),
    [
        pytest.param({"a": 1}, {"a": 1.0}, id="a whole number and a fraction"),
        pytest.param({"a": 1}, {"a": True}, id="a number and a truth"),
        pytest.param({"a": 1}, {"a": 1, "b": 2}, id="a field too many"),
        pytest.param({"a": 1, "b": 2}, {"a": 1}, id="a field too few"),
        pytest.param([1, 2], [2, 1], id="another order"),
        pytest.param([1], [1, 2], id="more items"),
        pytest.param({"timestamp": 1}, {"timestamp": "1"}, id="a timestamp of another type"),
        pytest.param({"traceback": ["x"]}, {"traceback": []}, id="no traceback"),
        pytest.param([ONE, ONE], [ONE, OTHER], id="one name for two"),
        pytest.param(ONE, "other", id="a plain name for a made-up one"),
    ],
)
def test_a_difference_is_found(recorded: object, answered: object) -> None:
    with pytest.raises(DifferenceError):
        Likeness().check(recorded, answered)


@pytest.mark.parametrize(
    ("recorded", "answered"),
    [
        pytest.param({"timestamp": 1}, {"timestamp": 2}, id="times"),
        pytest.param({"executed": ["1", "2"]}, {"executed": ["2", "1"]}, id="the order of a set"),
        pytest.param(["INT", {"min": 1, "tooltip": "x"}], ["INT", {"min": 1}], id="texts"),
        pytest.param([ONE, f"/{ONE}"], [OTHER, f"/{OTHER}"], id="made-up names"),
        pytest.param({"file": "ComfyUI_temp_abcde_1.png"}, {"file": "ComfyUI_temp_vwxyz_1.png"}, id="temporary names"),
        pytest.param("in /srv/out8188", "in /here/out", id="folders"),
        pytest.param("tensor([1])", "tensor(shape=[1])", id="printed values"),
        pytest.param(float("nan"), float("nan"), id="not a number"),
    ],
)
def test_what_must_differ_passes(recorded: object, answered: object) -> None:
    Likeness(folders={"/here/out": "/srv/out8188"}).check(recorded, answered)


def test_recorded_names_are_translated_into_ours_once_known() -> None:
    likeness = Likeness()
    likeness.check({"prompt_id": ONE}, {"prompt_id": OTHER})

    assert likeness.translated({"delete": [ONE], "path": f"/history/{ONE}"}) == {
        "delete": [OTHER],
        "path": f"/history/{OTHER}",
    }


def test_bytes_that_do_not_depend_on_the_content_are_compared() -> None:
    png = "89504e470d0a1a0a0000000d4948445200000040000000400802000000250be6"

    assert same_kind_of_bytes(png, bytes.fromhex(png) + b"whatever")
    assert not same_kind_of_bytes(png, bytes.fromhex(png.replace("00000040", "00000041")))
