"""What an extra of this project brings: the distributions it requires and all they require, as installed here."""

import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
BYTECODE = ".pyc"  # made on this machine, and not by all installers


def distributions_of(extra: str) -> dict[str, Distribution]:
    """By name: what `pip install genonaut-generation[extra]` needs on this machine, this project itself left out."""
    project: dict[str, Any] = tomllib.loads(PROJECT.read_text())["project"]
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(line) for line in project["dependencies"] + project["optional-dependencies"][extra]]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                found[name] = distribution(name)
                waiting += required_by(found[name], wanted)
    return found


def required_by(installed: Distribution, extra: str) -> list[Requirement]:
    """What it requires here for one of its extras, or for none; that an extra adds to what is always required."""
    requirements = [Requirement(line) for line in installed.requires or ()]
    return [one for one in requirements if one.marker is None or one.marker.evaluate({"extra": extra})]


def size_mb(installed: Distribution) -> float:
    """The size of its files, as the record of its installation tells it."""
    return sum(file.size or 0 for file in installed.files or () if file.suffix != BYTECODE) / 1e6
