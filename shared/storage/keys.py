"""A key is a path below the store, and says whether its file is one that stays."""

SEGMENTS = ".grows"  # ends the name of the folder beside a file that grows in a bucket


def parts_of(key: str) -> tuple[str, ...]:
    """The parts of a key, which leads nowhere but down. Raises ValueError."""
    # As PurePosixPath takes it apart, in a tenth of the time.
    parts = tuple(part for part in key.split("/") if part not in {"", "."})
    if not parts or key.startswith("/") or ".." in parts or "\0" in key:
        raise ValueError(f"not a key of this store: {key!r}")
    return parts


def key_of(key: str) -> str:
    """The key, which leads nowhere else. Raises ValueError."""
    return "/".join(parts_of(key))


def is_passing(key: str) -> bool:
    """Whether a key is of what is under way: a file that arrives, a segment of one that grows, a probe."""
    return any(part.startswith(".") or part.endswith(SEGMENTS) for part in key.split("/"))
