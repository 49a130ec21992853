"""A member of the media pool whose decoder does what the file says, as a hostile file makes a real one do."""

import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from worker_service.media.examine import saying_what_is_damaged
from worker_service.media.findings import BeyondLimits, Examined, MediaInfo, Thumbnail
from worker_service.media.member import main

COMMAND = (sys.executable, "-P", "-m", "tests.worker_service.media.unruly")
ANSWERS = 3  # the descriptor that a member answers on
SOUND = Examined(MediaInfo("image", "image/png", 1, 1), note="of no use")
WEBP = b"RIFF....WEBP"


def open_for_ever(file: Path) -> None:
    opened = []
    while True:
        opened.append(file.open())


def kill_once(file: Path) -> None:
    mark = file.with_name("was killed")
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def hang_for_ever(_file: Path) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    time.sleep(3600)


def close_for_ever(_file: Path) -> None:
    os.close(ANSWERS)
    time.sleep(3600)


def raise_oddly(_file: Path) -> None:
    raise BeyondLimits("caf\xe9 \ud800\0\n" + "x" * 10_000)


DEEDS: dict[str, Callable[[Path], object]] = {
    "sound": lambda _: None,
    "hang": lambda _: time.sleep(3600),
    "hang with the time limit blocked": hang_for_ever,
    "burn with the interpreter held": lambda _: re.match("(a+)+$", "a" * 64 + "b"),
    "crash": lambda _: os.kill(os.getpid(), signal.SIGSEGV),
    "be killed": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "be killed once": kill_once,
    "exit": lambda _: os._exit(0),
    "raise": lambda _: 1 // 0,
    "raise oddly": raise_oddly,
    "take memory": lambda _: bytearray(1 << 40),
    "take memory piece by piece": lambda _: [bytearray(1 << 20) for _ in range(1 << 20)],
    "open": open_for_ever,
    "write": lambda file: file.with_name("written").write_bytes(bytes(1 << 24)),
    "print": lambda _: (sys.stdout.write("x" * 100_000), os.write(1, b"y" * 100_000)),
    "babble": lambda _: os.write(ANSWERS, b"\xff" * 100),
    "babble for ever": lambda _: [os.write(ANSWERS, b"\0\0\0\2{}" * 10_000) for _ in range(1 << 20)],
    "stop in the middle of an answer": lambda _: (os.write(ANSWERS, b"\0\0\1\0{"), os._exit(0)),
    "close its pipe": close_for_ever,
}

# Answers that are none, though they have the form of one.
ANSWERED: dict[str, Examined] = {
    "an unknown kind": Examined(MediaInfo("program", "image/png")),
    "an odd type": Examined(MediaInfo("image", "image/png\r\nX: y")),
    "a width below nothing": Examined(MediaInfo("image", "image/png", -1, 1)),
    "a duration that no column holds": Examined(MediaInfo("video", "video/mp4", 1, 1, 1 << 40)),
    "an odd note": Examined(MediaInfo("image", "image/png", 1, 1), note="a\0b"),
    "a long note": Examined(MediaInfo("image", "image/png", 1, 1), note="a" * 100_000),
    "thumbnails that are none": Examined(SOUND.media, (Thumbnail(600, 1, 1, b"<html>"),)),
    "thumbnails of other sizes": Examined(SOUND.media, (Thumbnail(300, 1, 1, WEBP),)),
    "a large thumbnail": Examined(SOUND.media, (Thumbnail(600, 1, 1, WEBP + bytes(5 << 20)),)),
    "many thumbnails": Examined(SOUND.media, (Thumbnail(600, 1, 1, WEBP),) * 4),
}


def examine(file: Path, _suffix: str) -> Examined:
    deed = file.read_text()
    if deed in ANSWERED:
        return ANSWERED[deed]
    if deed == "raise":
        DEEDS[deed](file)
    with saying_what_is_damaged():
        DEEDS[deed](file)
    return SOUND


if __name__ == "__main__":
    main(examine)
