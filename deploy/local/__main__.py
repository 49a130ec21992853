"""`python -m deploy.local demo` runs one job and stops; `python -m deploy.local up` runs until Ctrl-C."""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_S = 0.5
AGAIN, AGAIN_AFTER_S = signal.SIGALRM, 0.01


class Stop:
    """Leaves at the first signal, by an exception, so that every `with` block stops what it started.

    Further signals, such as a second Ctrl-C, change nothing: what is left to do is bounded. Python drops an exception
    that comes while it clears an object away: then it is raised again a moment later, and whoever has ended before that
    asks `leave`.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self.is_leaving = False

    @property
    def was_asked(self) -> bool:
        return self.code is not None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if not self.was_asked and number != AGAIN:
            self.code = 128 + number
        if not self.is_leaving:
            self.leave()

    def leave(self) -> None:
        """Raises SystemExit, if a signal came."""
        if self.was_asked:
            self.is_leaving = True
            sys.exit(self.code)

    def drop(self, dropped: "sys.UnraisableHookArgs") -> None:
        """Hear of an exception that Python drops, as `sys.unraisablehook`."""
        if isinstance(dropped.exc_value, SystemExit) and self.is_leaving:
            self.is_leaving = False
            signal.setitimer(signal.ITIMER_REAL, AGAIN_AFTER_S)
        else:
            sys.__unraisablehook__(dropped)


def main() -> None:
    # Until all is loaded there is nothing to stop, and a signal may end this at once.
    hear(signal.SIG_DFL)
    parent = os.getppid()
    arguments = parse()
    run = loaded()
    stop = Stop()
    heed(stop)
    if arguments.end_with_parent:
        threading.Thread(target=end_with, args=[parent], name="parent", daemon=True).start()
    run(arguments, stop)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("deed", choices=["demo", "up"])
    parser.add_argument(
        "--directory", type=Path, help="where data and logs are kept (up: var/up; demo: a temporary folder)"
    )
    parser.add_argument("--end-with-parent", action="store_true", help="stop when whoever started this is gone")
    return parser.parse_args()


def loaded() -> Callable[[argparse.Namespace, Stop], None]:
    """What does the work. It is imported here, as that takes a second in which Ctrl-C shall print no traceback."""
    from shared.imports import importing

    with importing():
        from alembic.util import CommandError
        from sqlalchemy.exc import SQLAlchemyError

        from deploy.local.demo import demo
        from deploy.local.process import CannotStart
        from deploy.local.up import up
        from shared.configuration.misspellings import misspelt
        from shared.configuration.settings import VARIABLES, SettingsError, environment

    def run(arguments: argparse.Namespace, stop: Stop) -> None:
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        try:
            for line in misspelt(environment(), VARIABLES):
                print(line, file=sys.stderr)
            if arguments.deed == "demo":
                demo(arguments.directory, say)
            else:
                up(arguments.directory, say, lambda: stop.was_asked)
            stop.leave()
        except SystemExit:
            tell("\nStopped, with everything that was started.")
            raise
        except BrokenPipeError:  # Nobody reads what is said.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except (CannotStart, CommandError, SettingsError, SQLAlchemyError) as error:
            sys.exit(f"\n{error}{in_short(arguments.deed, str(error))}")

    return run


def in_short(deed: str, reason: str) -> str:
    """The last line, where the reason has several."""
    first, *more = reason.splitlines()
    return f"\n\nmake {deed} failed: {first.removesuffix('; the end of its log:')}" if more else ""


def say(text: str) -> None:
    print(f"  {text}")


def tell(text: str) -> None:
    with suppress(OSError):  # The terminal may be gone.
        print(text)


def hear(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """What to do at a signal to stop. One that is ignored stays so: that is how `nohup` keeps it from a hang-up."""
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def heed(stop: Stop) -> None:
    hear(stop)
    signal.signal(AGAIN, stop)
    sys.unraisablehook = stop.drop


def end_with(parent: int) -> None:
    """End this process as by SIGTERM once its parent is gone, even if that was killed and could not say so."""
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
