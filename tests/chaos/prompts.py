"""Prompts as their servers knew them, by the journals of the simulators."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.evidence import Entry, Evidence


@dataclass(frozen=True)
class Prompt:
    """A prompt as its server knew it."""

    id: str
    server: str
    accepted_at: float
    started: Sequence[float]
    finished: Sequence[float]
    outcomes: Sequence[str | None]
    accepted: int


def prompts(evidence: Evidence) -> Mapping[str, Prompt]:
    lines: dict[str, list[Entry]] = defaultdict(list)
    for entry in evidence.journal:
        lines[entry.prompt_id].append(entry)
    return {prompt_id: prompt_of(prompt_id, found) for prompt_id, found in lines.items()}


def prompt_of(prompt_id: str, lines: Sequence[Entry]) -> Prompt:
    finished = [line for line in lines if line.event == "finished"]
    return Prompt(
        prompt_id,
        lines[0].server,
        lines[0].at,
        [line.at for line in lines if line.event == "started"],
        [line.at for line in finished],
        [line.outcome for line in finished],
        sum(line.event == "accepted" for line in lines),
    )


def executed(known: Mapping[str, Prompt], ids: Sequence[str]) -> list[Prompt]:
    """Those of the prompts that were started, in that order."""
    found = [known[prompt_id] for prompt_id in dict.fromkeys(ids) if prompt_id in known and known[prompt_id].started]
    return sorted(found, key=lambda prompt: prompt.started[0])
