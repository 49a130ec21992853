"""The words of what users are told are in files; here they are filled in, each value on one line and bounded."""

import html
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from shared.models import NotificationKind

FOLDER = Path(__file__).parent / "templates"
LINES = {kind: Template((FOLDER / "lines" / f"{kind}.txt").read_text().strip()) for kind in NotificationKind}
LONGEST_VALUE = 300  # characters
LONGEST_TITLE = 500
LONGEST_SHOWN = 1000
# Line ends of any kind, and what else no mail program should be given.
UNSHOWN = re.compile("[\0-\x20\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def on_one_line(value: object, most: int = LONGEST_VALUE) -> str:
    """A value as it is shown: on one line, and cut."""
    text = UNSHOWN.sub(" ", str(value)[: 4 * most]).strip()
    return text if len(text) <= most else f"{text[: most - 1]}…"


def filled(template: Template, values: Mapping[str, object], **whole: str) -> str:
    """The words with these values; `whole` are values as they are, of any number of lines."""
    return template.substitute({name: on_one_line(value, LONGEST_SHOWN) for name, value in values.items()}, **whole)


def filled_html(template: Template, values: Mapping[str, object], **whole: str) -> str:
    """The same in HTML: values are escaped, `whole` are not."""
    shown = {name: html.escape(on_one_line(value, LONGEST_SHOWN)) for name, value in values.items()}
    return template.substitute(shown, **whole)


def title_of(kind: NotificationKind, facts: Mapping[str, Any]) -> str:
    """A notification in one line. `facts` are its columns."""
    words = filled(LINES[kind], values_of(kind, facts)) if kind in LINES else of_a_newer_release(kind, facts)
    return on_one_line(words, LONGEST_TITLE)


def of_a_newer_release(kind: NotificationKind, facts: Mapping[str, Any]) -> str:
    """What can be said of a kind that has no words here: its name, and what it is about."""
    about = {"job": facts["job_id"], "server": facts["server"], "batch": facts["batch_id"]}
    return ", ".join([kind.replace("_", " "), *(f"{noun} {one}" for noun, one in about.items() if one)])


def values_of(kind: NotificationKind, facts: Mapping[str, Any]) -> dict[str, object]:
    data: Mapping[str, Any] = facts["data"]
    match kind:
        case NotificationKind.JOB_COMPLETED:
            return {"job": facts["job_id"], "outputs": counted(data["output_count"], "output")}
        case NotificationKind.JOB_FAILED:
            return {"job": facts["job_id"], "reason": data["message"]}
        case NotificationKind.BATCH_DONE:
            return {"jobs": counted(data["jobs"], "job"), "ends": ends_of(data)}
        case NotificationKind.SERVER_TROUBLE:
            return {
                "server": facts["server"],
                "state": data["state"],
                "problem": data["problem"] or "no reason is known",
            }
        case NotificationKind.SERVER_SOLVED:
            return {"server": facts["server"], "outcome": data["outcome"]}
        case NotificationKind.WEBHOOK_DISABLED:
            return {"host": data["host"], "reason": data["reason"]}


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def ends_of(data: Mapping[str, Any]) -> str:
    """How the jobs of a batch ended: `98 completed, 2 failed`."""
    return ", ".join(f"{data[end]} {end}" for end in ("completed", "failed", "expired", "cancelled") if data[end])
