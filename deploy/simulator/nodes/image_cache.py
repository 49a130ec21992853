"""Pictures that a server keeps in its memory for programs that draw: they come and go over HTTP, each by an id."""

import uuid
from dataclasses import dataclass, field

MOST_BYTES = 100 * 1024 * 1024


@dataclass(frozen=True)
class CachedPicture:
    content: bytes
    media_type: str


@dataclass(frozen=True)
class ImageCache:
    """Keeps what came first under an id. With too many bytes it forgets the oldest.

    The real one waits a while before it forgets. Nobody who works with either may count on that.
    """

    pictures: dict[str, CachedPicture] = field(default_factory=dict)

    def add(self, picture: CachedPicture) -> str:
        picture_id = uuid.uuid4().hex
        self.put(picture_id, picture)
        return picture_id

    def put(self, picture_id: str, picture: CachedPicture) -> bool:
        """False if there is one already, which stays."""
        if picture_id in self.pictures:
            return False
        self.pictures[picture_id] = picture
        while len(self.pictures) > 1 and sum(len(one.content) for one in self.pictures.values()) > MOST_BYTES:
            del self.pictures[next(iter(self.pictures))]
        return True

    def get(self, picture_id: str) -> CachedPicture | None:
        return self.pictures.get(picture_id)

    def clear(self) -> None:
        self.pictures.clear()
