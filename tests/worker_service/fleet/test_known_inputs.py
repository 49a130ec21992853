"""What a process knows of the files on a server: bounded, and seen to by one thread at a time."""

from worker_service.fleet import known_inputs
from worker_service.fleet.known_inputs import KnownInputs


def test_one_thread_sees_to_a_file_and_the_others_hear_when_it_has() -> None:
    known = KnownInputs()
    assert known.begin("a") is None
    coming = known.begin("a")
    assert coming is not None
    assert known.begin("b") is None, "that is another file"
    assert not coming.is_set()
    known.add("a")
    known.end("a")
    assert coming.is_set()
    assert known.has("a")
    assert known.begin("a") is None


def test_what_is_known_is_bounded_and_can_be_forgotten() -> None:
    known = KnownInputs()
    for number in range(known_inputs.MOST_NAMES + 1):
        known.add(str(number))
    assert (known.has("0"), known.has("1")) == (False, True)
    known.forget("1")
    known.forget("never known")
    assert not known.has("1")
    known.forget_all()
    assert not known.has("2")
