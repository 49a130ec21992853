"""Each completed job has its verified files, no row is without a file, and no file without a row."""

from collections.abc import Iterator

from shared.models import JobStatus
from shared.tasks.life import folder_of
from tests.chaos.attempts_account import by_job
from tests.chaos.evidence import Evidence
from tests.chaos.reruns import was_damaged_again
from tests.chaos.rows import Row


def every_output_has_its_file(evidence: Evidence) -> Iterator[str]:
    outputs = by_job(evidence.outputs)
    ordered = {submission.ordered.number: submission.ordered for submission in evidence.submissions}
    for job in evidence.jobs:
        found, order = outputs[job["id"]], ordered.get(evidence.numbers.get(job["id"], -1))
        wanted = order.outputs if order and job["status"] == JobStatus.COMPLETED else 0
        numbers = [output["number"] for output in found]
        expected = range(len(found)) if len(found) < wanted and was_damaged_again(evidence, job) else range(wanted)
        if numbers != list(expected):
            yield f"job {job['id']} ({job['status']}) has {len(found)} outputs instead of {wanted}"
        for output in found:
            yield from wrong_files(evidence, output)


def wrong_files(evidence: Evidence, output: Row) -> Iterator[str]:
    stored = evidence.files.get(output["path"])
    if stored is None:
        yield f"{output['path']} is not there"
    elif tuple(stored) != (output["size_bytes"], output["sha256"]):
        yield f"{output['path']} is {stored}, and its row says {output['size_bytes']}, {output['sha256']}"
    for small in output["thumbnails"].values():
        found = evidence.files.get(small["path"])
        if found is None or found.size != small["size_bytes"]:
            yield f"{small['path']} is {found}, and its row says {small['size_bytes']} bytes"


def every_file_has_a_row(evidence: Evidence) -> Iterator[str]:
    """Or is in the folder of a task, which goes as a whole, or in one that is noted to be removed."""
    named = {output["path"] for output in evidence.outputs}
    named |= {small["path"] for output in evidence.outputs for small in output["thumbnails"].values()}
    tasks = (folder_of(task["user_id"], task["id"]) for task in evidence.follow_ups.tasks)
    noted = tuple(f"{folder}/" for folder in (*evidence.discarded, *tasks))
    for path in sorted(evidence.files.keys() - named):
        if not path.startswith(noted):
            yield f"{path} belongs to no output, and to no task"
