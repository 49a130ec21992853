"""Which checkpoint a request means: the one it names, or the only one there is."""

from collections.abc import Mapping, Sequence

from api_service.doors.openai.answers.codes import ImageCode, wrong_model
from api_service.fleet.aliases import meant
from api_service.fleet.capability_cache import Capabilities, Holders
from api_service.fleet.close_matches import suggestion
from api_service.refusals.refusal import Refusal
from shared.configuration.pairs import ModelAlias
from shared.fleet.model_kinds import ModelKind

MOST_NAMED = 5


def checkpoints(known: Capabilities) -> Mapping[str, Holders]:
    return known.models(ModelKind.CHECKPOINTS)


def chosen_model(asked: str | None, known: Capabilities, aliases: Sequence[ModelAlias]) -> str:
    """The checkpoint that is meant, also by an alias. While no server has said what it has, any may be there.

    Raises Refusal.
    """
    found = checkpoints(known)
    if asked is not None:
        model = meant(asked, found, aliases)
        if found and model not in found:
            raise no_such_model(asked, known)
        return model
    usable = [name for name, holders in found.items() if holders.is_available] or list(found)
    if len(usable) == 1:
        return usable[0]
    raise wrong_model(ImageCode.MODEL_MISSING, f"must be given: {named(usable)}")


def no_such_model(name: str, known: Capabilities) -> Refusal:
    found = checkpoints(known)
    hint = suggestion(name, found) or f"; {named(list(found))}"
    return wrong_model(ImageCode.MODEL_NOT_FOUND, f"no server has the checkpoint {name[:255]!r}{hint}")


def named(names: list[str]) -> str:
    if not names:
        return "no server has said which checkpoints it has"
    more = len(names) - MOST_NAMED
    rest = f" and {more} more" if more > 0 else ""
    return f"there are {', '.join(map(repr, names[:MOST_NAMED]))}{rest}"
