"""What a run came to, for people: how jobs ended, how often they ran, how long recovery took, and what is wrong."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from tests.chaos.account import RULES
from tests.chaos.attempts_account import by_job
from tests.chaos.faults import KINDS
from tests.chaos.monitor import most_held
from tests.chaos.prompts import executed, prompts
from tests.chaos.recovery import recoveries
from tests.chaos.reruns import reruns
from tests.chaos.run import Result

MOST_SHOWN = 20
BAD_REQUEST = 400


def report(result: Result) -> str:
    """The whole report, ending with the seed that makes the same jobs and the same schedule again."""
    sections = (ends, runs, follow_ups, recovery, rules)
    lines = [line for section in sections for line in ("", *section(result))]
    verdict = f"{len(result.violations)} violations" if result.violations else "the account is in order"
    return "\n".join([*lines, "", f"{verdict}, after {result.took_s:.0f} s; again: {again(result)}"])


def again(result: Result) -> str:
    plan = result.plan
    short = " --short" if plan.hurry else ""
    faults = "" if list(plan.kinds) == list(KINDS) else f" --faults {','.join(plan.kinds)}"
    return f"python -m tests.chaos{short} --seed {plan.seed} --jobs {plan.jobs}{faults}"


def ends(result: Result) -> Iterator[str]:
    evidence = result.evidence
    kinds = {submission.ordered.number: str(submission.ordered.kind) for submission in evidence.submissions}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for job in evidence.jobs:
        found[kinds.get(evidence.numbers.get(job["id"], -1), "?")][job["status"]] += 1
    statuses = sorted({status for counts in found.values() for status in counts})
    yield from table(
        ["job", *statuses],
        [[kind, *(str(counts[status] or "") for status in statuses)] for kind, counts in sorted(found.items())],
    )
    lost = sum(submission.unknown for submission in evidence.submissions)
    yield f"{len(evidence.submissions)} ordered, {len(evidence.jobs)} rows, {lost} answers lost"


def runs(result: Result) -> Iterator[str]:
    evidence = result.evidence
    known, attempts = prompts(evidence), by_job(evidence.attempts)
    times = Counter(
        len(executed(known, [attempt["comfyui_prompt_id"] for attempt in attempts[job["id"]]])) for job in evidence.jobs
    )
    yield from table(["times run", "jobs"], [[str(number), str(count)] for number, count in sorted(times.items())])
    for rerun in reruns(evidence):
        yield f"job {rerun.job_id} was run again because {rerun.why or 'NOT ACCOUNTED FOR'}"
    outcomes = Counter(str(attempt["outcome"]) for attempt in evidence.attempts)
    yield "attempts: " + ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    held = most_held(evidence.samples)
    yield f"most jobs held at once: {', '.join(f'{count} by {name}' for name, count in held.items())}"


def follow_ups(result: Result) -> Iterator[str]:
    left = result.evidence.follow_ups
    refused = sum(one.status >= BAD_REQUEST for one in left.received)
    again = len(left.received) - refused - len({one.id for one in left.received if one.status < BAD_REQUEST})
    tries = max((row["tries"] for row in left.deliveries), default=0)
    yield f"{len(left.deliveries)} deliveries owed, each taken within {tries} tries"
    yield f"{len(left.received)} requests received, {refused} refused, {again} taken again"
    again = len(left.mailed) - len(set(left.mailed))
    yield f"{len(left.notifications)} notifications, {len(left.mails)} e-mails owed, {again} taken again"
    yield from table(
        ["task", "state", "done", "given to a worker"],
        [[row["kind"], row["state"], str(row["done"]), str(row["claims"])] for row in left.tasks],
    )


def recovery(result: Result) -> Iterator[str]:
    yield "seconds from a fault until things went on (tests/chaos/recovery.py says what that means)"
    yield from table(
        ["fault", "struck", "waits", "p50", "p95"],
        [
            [
                each.kind,
                str(each.struck),
                str(len(each.waited)),
                seconds(each.percentile(0.5)),
                seconds(each.percentile(0.95)),
            ]
            for each in recoveries(result.evidence)
        ],
    )


def rules(result: Result) -> Iterator[str]:
    broken = Counter(violation.rule for violation in result.violations)
    yield from table(["rule", "broken"], [[rule, str(broken[rule] or "")] for rule in RULES])
    for violation in result.violations[:MOST_SHOWN]:
        yield f"  {violation.rule}: {violation.found}"
    if len(result.violations) > MOST_SHOWN:
        yield f"  and {len(result.violations) - MOST_SHOWN} more"


def seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def table(heads: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    """The first column to the left, the others to the right."""
    all_rows = [heads, *rows]
    widths = [max(len(row[column]) for row in all_rows) for column in range(len(heads))]
    for number, row in enumerate(all_rows):
        first, *others = (
            cell.ljust(width) if not column else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([first, *others]).rstrip()
        if number == 0:
            yield "  ".join("-" * width for width in widths)
