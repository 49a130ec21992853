"""What a member answers is read as if it came from outside: it may have been made by what the member decoded."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError

from shared.models import OutputKind
from shared.texts.reasons import without_paths
from worker_service.media.findings import LONGEST_MS, LONGEST_SIDE, SIZES, Examined, MediaInfo, Thumbnail
from worker_service.media.messages import Garbage

Text = Annotated[str, Field(max_length=400, pattern=r"^[ -~]*$"), AfterValidator(without_paths)]
MediaType = Annotated[str, Field(max_length=100, pattern=r"^[a-z]+/[a-z0-9.+-]+$")]
Side = Annotated[int, Field(ge=0, le=LONGEST_SIDE)]
SmallSide = Annotated[int, Field(ge=1, le=max(SIZES))]


class Answer(BaseModel, frozen=True, extra="forbid", strict=True):
    """One of the three that a member gives."""


class Media(Answer):
    kind: Annotated[OutputKind, Field(strict=False)]
    media_type: MediaType
    width: Side | None
    height: Side | None
    duration_ms: Annotated[int, Field(ge=0, le=LONGEST_MS)] | None
    undecoded: Text | None


class Small(Answer):
    size: SmallSide
    width: SmallSide
    height: SmallSide


class Found(Answer):
    media: Media
    thumbnails: Annotated[list[Small], Field(max_length=len(SIZES))]
    note: Text | None


class DamagedFile(Answer):
    damaged: Text


class Beyond(Answer):
    beyond: Text


ANSWERS: TypeAdapter[Found | DamagedFile | Beyond] = TypeAdapter(Found | DamagedFile | Beyond)


def read_answer(message: Mapping[str, Any], parts: Sequence[bytes]) -> Examined | DamagedFile | Beyond:
    """The answer that a message and its parts are. Raises Garbage."""
    try:
        answer = ANSWERS.validate_python(message)
    except ValidationError as error:
        raise Garbage("something else than an answer") from error
    if not isinstance(answer, Found):
        return answer
    if [small.size for small in answer.thumbnails] != sorted(SIZES, reverse=True)[: len(parts)]:
        raise Garbage("thumbnails of other sizes")
    made = tuple(
        Thumbnail(small.size, small.width, small.height, content)
        for small, content in zip(answer.thumbnails, parts, strict=True)
    )
    if not all(thumbnail.ending for thumbnail in made):
        raise Garbage("thumbnails that are none")
    return Examined(MediaInfo(**answer.media.model_dump()), made, answer.note)
