"""The jobs of a run: a mix of kinds, drawn from the seed, each with a mark by which its rows are known."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from tests.chaos.content import CONTENTS, DEADLY, EVERYTHING, QUARANTINED, RAISED, REFUSED
from tests.chaos.plan import Plan

CHECKPOINTS = ("random_sd15.safetensors", "random_sdxl.safetensors")
MARK = re.compile(r"^chaos (-?\d+)-(\d+):")
AGAIN = "again"  # in the metadata of jobs that a task retries
LAST_AT = 0.97  # of the window


class JobKind(StrEnum):
    SINGLE = "single"
    BATCH = "batch"
    LORA = "LoRA"
    PREVIEWS = "previews"
    LONG = "long"
    TEXT = "text"  # a workflow whose output is a text
    FAILING = "failing node"
    MISSING = "missing checkpoint"
    CANCEL_QUEUED = "cancelled while queued"
    CANCEL_RUNNING = "cancelled while running"
    ODD = "odd content"
    DEADLY = "deadly content"


# Each kind once, and each odd content; the rest by these weights.
FAILS_WITH = {JobKind.FAILING: RAISED, JobKind.MISSING: REFUSED}
RETRIED = {JobKind.TEXT, JobKind.FAILING, JobKind.BATCH}
TOLD_EVERY = 3  # so many jobs have one that names a webhook of its own
MIX = {
    JobKind.SINGLE: 36,
    JobKind.BATCH: 10,
    JobKind.LORA: 10,
    JobKind.PREVIEWS: 8,
    JobKind.LONG: 8,
    JobKind.TEXT: 6,
    JobKind.FAILING: 5,
    JobKind.MISSING: 5,
    JobKind.CANCEL_QUEUED: 6,
    JobKind.CANCEL_RUNNING: 6,
}


@dataclass(frozen=True)
class Ordered:
    """A job to submit `at` seconds after the start, with its request."""

    number: int
    kind: JobKind
    at: float
    body: dict[str, Any]
    content: str | None = None  # a name in `tests.chaos.content`

    @property
    def outputs(self) -> int:
        """How many it has when it is completed."""
        return EVERYTHING[self.content].outputs if self.content else int(self.body.get("batch_size", 1))

    @property
    def fails_with(self) -> frozenset[str]:
        """The codes that it may fail with by itself; none if it is completed."""
        return EVERYTHING[self.content].fails_with if self.content else FAILS_WITH.get(self.kind, frozenset())


@dataclass
class Submission:
    """What its client knows of a job: the ids it was told, the answers it lost, and what a cancel was answered."""

    ordered: Ordered
    accepted: list[int] = field(default_factory=list)
    unknown: int = 0  # answers that were lost, or said that something was wrong: a row may be there or not
    refused: list[str] = field(default_factory=list)
    accepted_at: list[float] = field(default_factory=list)
    cancel: int | None = None  # the status of the answer that counts

    @property
    def may_be_refused(self) -> bool:
        """Whether such a workflow may be in quarantine by then, and it was refused for that."""
        return QUARANTINED in self.ordered.fails_with and any(f'"{QUARANTINED}"' in each for each in self.refused)


def orders(plan: Plan, webhook: str | None = None) -> list[Ordered]:
    """The jobs of a plan, in the order they are submitted; some of them name that URL as their webhook."""
    chance = random.Random(f"jobs {plan.seed}")
    contents = [*CONTENTS, *chance.sample(list(DEADLY), min(plan.deadly, len(DEADLY)))]
    kinds: list[JobKind | str] = [*MIX, *contents]
    kinds += chance.choices(list(MIX), list(MIX.values()), k=max(0, plan.jobs - len(kinds)))
    del kinds[plan.jobs :]
    chance.shuffle(kinds)
    times = sorted(chance.uniform(0, plan.window_s * LAST_AT) for _ in kinds)
    made = [
        ordered(plan, number, kind, at, chance) if isinstance(kind, JobKind) else odd(plan, number, kind, at)
        for number, (kind, at) in enumerate(zip(kinds, times, strict=True))
    ]
    return [telling(each, webhook) if webhook and each.number % TOLD_EVERY == 0 else each for each in made]


def telling(order: Ordered, webhook: str) -> Ordered:
    """The same, but that its end is told there; one that goes past the API is as it was."""
    return order if order.kind is JobKind.MISSING else replace(order, body=order.body | {"webhook": {"url": webhook}})


def odd(plan: Plan, number: int, content: str, at: float) -> Ordered:
    kind = JobKind.DEADLY if content in DEADLY else JobKind.ODD
    mark = f"chaos {plan.seed}-{number}: {content}"
    body = {"workflow": EVERYTHING[content].workflow(mark), "metadata": {"mark": mark}}
    return Ordered(number, kind, round(at, 2), body, content)


def ordered(plan: Plan, number: int, kind: JobKind, at: float, chance: random.Random) -> Ordered:
    mark = f"chaos {plan.seed}-{number}: {kind}"
    checkpoint, steps = chance.choice(CHECKPOINTS), chance.randint(4, 20)
    marked = {"metadata": {"mark": mark, **({AGAIN: True} if kind in RETRIED else {})}}
    more: dict[str, Any] = {}
    match kind:
        case JobKind.BATCH:
            more = {"batch_size": chance.randint(2, 4)}
        case JobKind.LORA:
            more = {"lora_models": [{"name": "random_lora.safetensors"}]}
        case JobKind.PREVIEWS:
            more = {"params": {"previews": True}}
        case JobKind.LONG:
            steps = chance.randint(60, 120)
        case JobKind.TEXT:
            workflow = {"text": {"class_type": "PreviewAny", "inputs": {"source": mark}}}
            return Ordered(number, kind, round(at, 2), {"workflow": workflow, **marked})
        case JobKind.FAILING:
            more = {"params": {"clip_skip": 2}}
        case JobKind.MISSING:
            checkpoint = "missing.safetensors"
        case JobKind.CANCEL_RUNNING:
            steps = 120
    body = {
        "prompt": mark,
        "checkpoint_model": checkpoint,
        "width": 64,
        "height": 64,
        "sampler_params": {"steps": steps, "seed": number},
        **marked,
        **more,
    }
    return Ordered(number, kind, round(at, 2), body)


def number_in(metadata: Mapping[str, Any], seed: int) -> int | None:
    """Which job of this run a row is, by the mark in its metadata."""
    found = MARK.match(str(metadata.get("mark")))
    return int(found[2]) if found and int(found[1]) == seed else None
