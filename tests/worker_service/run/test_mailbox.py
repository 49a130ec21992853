"""A mailbox never makes its sender wait, keeps every signal, and only the latest word of progress."""

import threading

from worker_service.comfyui.frames import Cached, NodeStates, Preview
from worker_service.run.prompt.mailbox import MOST_CACHED, Mailbox, Received, Signal


def test_what_came_before_is_there_at_once() -> None:
    mailbox = Mailbox()
    mailbox.signal(Signal.LOOK)
    mailbox.signal(Signal.CANCEL)
    assert mailbox.wait(10).signals == {Signal.LOOK, Signal.CANCEL}


def test_mail_is_taken_once_but_a_signal_was_heard_for_ever() -> None:
    mailbox = Mailbox()
    mailbox.signal(Signal.CANCEL)
    mailbox.wait(10)
    assert mailbox.wait(0).signals == frozenset()
    assert mailbox.heard == {Signal.CANCEL}


def test_only_the_latest_states_and_preview_are_kept_but_every_cached_list() -> None:
    mailbox = Mailbox()
    for number in (1.0, 2.0):
        mailbox.receive(NodeStates({"a": (number, 2.0, "running")}))
        mailbox.receive(Preview("image/png", bytes([int(number)])))
        mailbox.receive(Cached([str(number)]))
    received = mailbox.wait(10)
    assert received.states == NodeStates({"a": (2.0, 2.0, "running")})
    assert received.preview == Preview("image/png", b"\2")
    assert received.cached == [Cached(["1.0"]), Cached(["2.0"])]


def test_a_wait_without_mail_ends_with_nothing() -> None:
    received = Mailbox().wait(0.01)
    assert (received.signals, received.cached, received.states, received.preview) == (frozenset(), [], None, None)


def test_a_waiting_thread_is_woken() -> None:
    mailbox = Mailbox()
    heard: list[Signal] = []
    reader = threading.Thread(target=lambda: heard.extend(mailbox.wait(30).signals))
    reader.start()
    mailbox.signal(Signal.STOP)
    reader.join(10)
    assert heard == [Signal.STOP]


def test_what_a_server_says_again_and_again_is_not_heaped_up() -> None:
    mailbox = Mailbox()
    for _ in range(30):
        mailbox.receive(Cached(["1"] * 10_000))
    mailbox.receive(Cached(["2"]))
    assert sum(len(cached.nodes) for cached in mailbox.wait(0).cached) == MOST_CACHED
    mailbox.receive(Cached(["2"]))
    assert mailbox.wait(0).cached == [Cached(["2"])]


def test_progress_wakes_nobody_while_it_is_calm_and_a_signal_does() -> None:
    mailbox, woken = Mailbox(), threading.Event()
    received: list[Received] = []

    def read() -> None:
        received.append(mailbox.wait(60, calm_s=60))
        woken.set()

    reader = threading.Thread(target=read)
    reader.start()
    mailbox.receive(NodeStates({"a": (1.0, 2.0, "running")}))
    assert not woken.wait(0.5)
    mailbox.signal(Signal.LOOK)
    reader.join(10)
    assert received[0].states == NodeStates({"a": (1.0, 2.0, "running")})
    assert received[0].signals == {Signal.LOOK}


def test_progress_that_came_while_it_was_calm_ends_the_wait_after_that() -> None:
    mailbox = Mailbox()
    mailbox.receive(Preview("image/png", b"1"))
    assert mailbox.wait(60, calm_s=0.05).preview == Preview("image/png", b"1")
