"""What a server offers by name, and which jobs a server that lacks something must not be given.

A name is written with the input that takes it: `ckpt_name=sd15.safetensors`, `class_type=KSampler`. A server `lacks`
what another offers and it does not: worked out when the offers of one change, so that a claim compares a job with a
short list, which is empty where all servers are alike.
"""

from collections.abc import Iterator

from sqlalchemy import Boolean, ColumnElement, ScalarSelect, String, and_, bindparam, or_, select, text, type_coerce
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col

from shared.fleet.object_info import Catalogue
from shared.models import ComfyUIServer, GenerationJob

SERVER = bindparam("this_server", type_=String)


def offers(catalogue: Catalogue) -> list[str]:
    """The names that a server offers: node classes, its own and those it replaces, and the values of every choice that
    ComfyUI holds a prompt to."""
    return sorted(set(names_in(catalogue)))


def names_in(catalogue: Catalogue) -> Iterator[str]:
    for node in catalogue.classes.values():
        yield f"class_type={node.name}"
        for found in node.inputs.values():
            if found.is_closed:
                yield from (f"{found.name}={choice}" for choice in found.choices or () if isinstance(choice, str))
    for old, replacement in catalogue.replacements.items():
        yield f"class_type={old}"
        inputs = catalogue.classes[replacement.new].inputs
        for name, old_name, _ in replacement.inputs:
            if old_name and name in inputs and inputs[name].is_closed:
                yield from (f"{old_name}={choice}" for choice in inputs[name].choices or () if isinstance(choice, str))


def compare_servers(session: Session) -> None:
    """Work out what each server lacks. Take LOCK_OFFERS before you change `offers`, and call this after."""
    session.execute(COMPARE)


# Two that change their offers at once would each miss the other's. Readers are not held up.
LOCK_OFFERS = text("LOCK TABLE server_capabilities IN SHARE ROW EXCLUSIVE MODE")

COMPARE = text("""
WITH offered AS (SELECT server, unnest(offers) AS name FROM server_capabilities),
lacking AS (
    SELECT here.server, ARRAY(
        SELECT name FROM offered WHERE server <> here.server
        EXCEPT SELECT name FROM offered WHERE server = here.server
        ORDER BY name
    ) AS names
    FROM server_capabilities AS here
)
UPDATE server_capabilities SET lacks = lacking.names
FROM lacking WHERE lacking.server = server_capabilities.server AND lacks <> lacking.names
""")


def asks_for_no_more_than(labels: Mapped[list[str]] | ScalarSelect[list[str]]) -> ColumnElement[bool]:
    """Whether a server with these labels has every one that the job asks for."""
    requires = col(GenerationJob.requires)
    return or_(requires.is_(None), requires.op("<@", is_comparison=True)(labels))


# The OR looks left first: where nothing is lacking, no job is taken apart. IN within FILTER is one hash table for all
# rows; as a join, or with `&&`, the list would be read through for each.
NAMES_NOTHING_IT_LACKS = """(
coalesce(cardinality((SELECT lacks FROM server_capabilities WHERE server = {server})), 0) = 0
OR 0 = (
    SELECT count(*) FILTER (
        WHERE name IN (SELECT unnest(lacks) FROM server_capabilities WHERE server = {server})
    )
    FROM unnest(
        ARRAY[
            'ckpt_name=' || generation_jobs.checkpoint_model,
            'vae_name=' || (generation_jobs.params ->> 'vae_name'),
            'sampler_name=' || (generation_jobs.params ->> 'sampler_name'),
            'scheduler=' || (generation_jobs.params ->> 'scheduler')
        ]
        || ARRAY(
            SELECT 'lora_name=' || (lora ->> 'name') FROM jsonb_path_query(generation_jobs.lora_models, '$[*]') AS lora
        )
        || ARRAY(
            SELECT 'class_type=' || (node ->> 'class_type')
            FROM jsonb_path_query(generation_jobs.workflow, '$.*') AS node
        )
        || ARRAY(
            SELECT (input ->> 'key') || '=' || (input ->> 'value')
            FROM jsonb_path_query(
                generation_jobs.workflow, '$.*.inputs ? (@.type() == "object").keyvalue()'
            ) AS input
        )
    ) AS name
))"""
# Whether a row of `generation_jobs` names nothing that SERVER lacks; true of a server that is not known. As RUNNABLE
# below, for the WHERE of a SELECT from `generation_jobs`. What the server lacks is read once a statement.
LACKS_NOTHING: ColumnElement[bool] = type_coerce(
    text(NAMES_NOTHING_IT_LACKS.format(server=":this_server")).bindparams(SERVER), Boolean
)
# Whether SERVER has every label that the job asks for. One that nobody knows has none.
LABELS_THERE = select(col(ComfyUIServer.labels)).where(col(ComfyUIServer.name) == SERVER).scalar_subquery()
HAS_LABELS = asks_for_no_more_than(LABELS_THERE)
RUNNABLE = and_(HAS_LABELS, LACKS_NOTHING)

# The same of each row of `comfyui_servers` beside that of `generation_jobs`.
HAS_LABELS_EACH = asks_for_no_more_than(col(ComfyUIServer.labels))
RUNNABLE_EACH = and_(
    HAS_LABELS_EACH, type_coerce(text(NAMES_NOTHING_IT_LACKS.format(server="comfyui_servers.name")), Boolean)
)
