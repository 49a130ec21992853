"""Files by the names that a client of ComfyUI knows: outputs of its owner's prompts, and what its owner has uploaded.

The names are ours, and each is of one output: no server's file is ever looked for, and nobody finds another's.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from uuid import UUID

from sqlalchemy import Engine, func, update
from sqlmodel import Session, col, select

from api_service.jobs.thumbnails import NamedFile, largest_thumbnail
from api_service.refusals.assets import wrong_field
from shared.database.engine import reading, transaction
from shared.files.assets import newest_named
from shared.models import Asset, GenerationJob, JobOutput
from shared.texts.storable import LARGEST_ID

# The end of what every output is called: the number of its job, and its own.
OUTPUT_NAME = re.compile(r"job-([0-9]{1,10})-([0-9]{1,6})(?:\.[A-Za-z0-9]{1,10})?")
LONGEST_NAME = 255
MOST_TRIED = 1000  # names beside one that is taken


def find_file(engine: Engine, user_id: UUID, name: str, kind: str) -> tuple[NamedFile, NamedFile | None] | None:
    """The output or the upload of a user that is called so, and its largest thumbnail. `kind` is a folder of ComfyUI:
    output, temp or input."""
    with reading(engine) as session:
        output = None if kind == "input" else named_output(session, user_id, name, kind)
        if output is not None:
            whole = NamedFile(output.path, output.media_type, output.filename, output.sha256)
            return whole, largest_thumbnail(output)
        asset = newest_named(session, user_id, [name]).get(name)
    return None if asset is None else (NamedFile(asset.path, asset.media_type, asset.name, asset.hash), None)


def named_output(session: Session, user_id: UUID, name: str, kind: str) -> JobOutput | None:
    found = OUTPUT_NAME.search(name, max(0, len(name) - 40))
    if found is None or found.end() != len(name) or int(found[1]) > LARGEST_ID:
        return None
    job_id, number = int(found[1]), int(found[2])
    statement = select(JobOutput).join(GenerationJob, col(GenerationJob.id) == col(JobOutput.job_id))
    output = session.exec(
        statement.where(
            col(GenerationJob.user_id) == user_id, col(JobOutput.job_id) == job_id, col(JobOutput.number) == number
        )
    ).one_or_none()
    # ComfyUI would look into one folder only.
    return output if output and output.filename == name and (output.type or "output") == kind else None


def free_name(engine: Engine, user_id: UUID, name: str, content_hash: str) -> str:
    """The name itself, or with a number if it is taken by other bytes: `cat.png`, `cat (1).png`.

    Raises Refusal: invalid_fields, for a folder that leaves no room for a number.
    """
    with reading(engine) as session:
        if found := first_free(session, user_id, [name], content_hash):
            return found
        beside = names_beside(name)
        return first_free(session, user_id, beside, content_hash) or beside[-1]


def first_free(session: Session, user_id: UUID, names: Sequence[str], content_hash: str) -> str | None:
    """The first of these names that no upload has, or that has these bytes."""
    taken = newest_named(session, user_id, names)
    return next((one for one in names if one not in taken or taken[one].hash == content_hash), None)


def names_beside(name: str) -> list[str]:
    """The name with each number, with as much of it as there is room for."""
    folder, slash, last = name.rpartition("/")
    suffix = PurePosixPath(last).suffix
    ending = suffix[:20]
    room = LONGEST_NAME - len(f"{folder}{slash}{ending} ({MOST_TRIED})")
    if room < 1:
        raise wrong_field("subfolder", f"leaves no room for a name that is free, which has {LONGEST_NAME} at most")
    stem = last.removesuffix(suffix)[:room]
    return [f"{folder}{slash}{stem} ({number}){ending}" for number in range(1, MOST_TRIED)]


def make_newest(engine: Engine, asset_id: UUID) -> None:
    """Let an upload take the place of all others of its name."""
    with transaction(engine) as session:
        statement = update(Asset).where(col(Asset.id) == asset_id).values(created_at=func.now())
        session.execute(statement, execution_options={"synchronize_session": False})
