"""An output that a job takes in becomes an asset; which one that is, is known before there is any."""

from collections.abc import Collection, Mapping
from uuid import UUID, uuid5

from sqlalchemy import tuple_
from sqlmodel import Session, col, select

from shared.models import Asset, AssetKind, GenerationJob, JobOutput, OutputKind
from shared.workflows.opaque_names import OutputPlace, output_name

OUTPUTS = UUID("b7d5b6ec-3f6b-4a53-9d59-6b3b0f1c7c1e")  # what the ids of their assets are made within
KINDS: Mapping[OutputKind, AssetKind] = {
    OutputKind.IMAGE: AssetKind.IMAGE,
    OutputKind.ANIMATION: AssetKind.IMAGE,
    OutputKind.VIDEO: AssetKind.VIDEO,
    OutputKind.AUDIO: AssetKind.AUDIO,
    OutputKind.TEXT: AssetKind.TEXT,
    OutputKind.OTHER: AssetKind.OTHER,
}


def asset_id_of(place: OutputPlace) -> UUID:
    """The id of the asset that is made of an output when a job names it: always the same, so it is made once."""
    return uuid5(OUTPUTS, output_name(*place))


def outputs_at(session: Session, owner: UUID, places: Collection[OutputPlace]) -> dict[OutputPlace, JobOutput]:
    """Those of these outputs that the owner's jobs have made."""
    if not places:
        return {}
    place = tuple_(col(JobOutput.job_id), col(JobOutput.number))
    found = select(JobOutput).join(GenerationJob, col(GenerationJob.id) == col(JobOutput.job_id))
    rows = session.exec(found.where(col(GenerationJob.user_id) == owner, place.in_(sorted(places))))
    return {OutputPlace(row.job_id, row.number): row for row in rows}


def future_asset(output: JobOutput, owner: UUID) -> Asset:
    """The asset that an output will be, as far as a job that takes it is checked: it has no hash yet."""
    return Asset(
        id=asset_id_of(OutputPlace(output.job_id, output.number)),
        user_id=owner,
        name=output.filename,
        kind=KINDS.get(output.kind, AssetKind.OTHER),
        media_type=output.media_type,
        size_bytes=output.size_bytes,
        hash="",
        path=output.path,
        job_id=output.job_id,
    )
