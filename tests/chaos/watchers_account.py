"""Whoever watched a job was told its end, and on the way each event once, whatever became of the stream."""

import itertools
from collections.abc import Iterator

from tests.chaos.evidence import Evidence


def every_watcher_heard_the_end(evidence: Evidence) -> Iterator[str]:
    statuses = {job["id"]: job["status"] for job in evidence.jobs}
    for watched in evidence.watched:
        if watched.ended != statuses.get(watched.job_id):
            yield f"job {watched.job_id} is {statuses.get(watched.job_id)}, and its watcher heard {watched.ended}"


def no_stream_has_a_gap(evidence: Evidence) -> Iterator[str]:
    """A stream begins with a snapshot, which counts what was before; each event after it is the next one."""
    kinds = {(event["job_id"], event["sequence"]): event["type"] for event in evidence.events}
    for watched in evidence.watched:
        for stream in watched.streams:
            if stream and stream[0][0] != "snapshot":
                yield f"job {watched.job_id}: a stream began with {stream[0][0]}"
            numbers = [number for _, number in stream]
            if any(after != one + 1 for one, after in itertools.pairwise(numbers)):
                yield f"job {watched.job_id}: a stream told the events {numbers}"
            for kind, number in stream[1:]:
                if kinds.get((watched.job_id, number)) != kind:
                    yield f"job {watched.job_id}: event {number} was told as {kind}, and its row says otherwise"
