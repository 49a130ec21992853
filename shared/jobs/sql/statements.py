"""Which statements are shown in this folder, each with a name and a sentence."""

from typing import Any, NamedTuple

from psycopg2.extensions import AsIs, adapt
from sqlalchemy import Select

from shared.database.prepared_statement import Prepared, changing, compiled, filled_in
from shared.jobs.claim.claims import ADOPT, TAKE
from shared.jobs.claim.free_server import FREE_SERVER_AT_ONCE, LOOK
from shared.jobs.insert import INSERT_JOBS
from shared.jobs.lifecycle import COMPLETE
from shared.jobs.sql.layout import laid_out


class Shown(NamedTuple):
    sentence: str
    statement: Prepared[Any] | Select[*tuple[Any, ...]]


STATEMENTS = {
    "insert_jobs": Shown("Record any number of jobs, with the first event of each.", INSERT_JOBS),
    "look": Shown("What there is to do: a job to adopt, a first one to start, and a free server, locked.", LOOK),
    "free_server": Shown("The best of the other servers with a free slot, locked.", FREE_SERVER_AT_ONCE),
    "take": Shown("Give the best job for a server to a worker: the job, its attempt, its event, the checkpoint.", TAKE),
    "adopt": Shown("Take over the job whose lease ran out first: the job, the old attempt and the new one.", ADOPT),
    "complete": Shown(
        "Complete a job: the job, its attempt, its event, its outputs, what is stored, and what webhooks are owed.",
        COMPLETE,
    ),
}


def rendered() -> dict[str, str]:
    """The text of each statement, by the name of its file. What changes from call to call is a `:name`."""
    return {f"{name}.sql": text_of(name, *shown) for name, shown in STATEMENTS.items()}


def text_of(name: str, sentence: str, statement: Prepared[Any] | Select[*tuple[Any, ...]]) -> str:
    found = statement.compiled if isinstance(statement, Prepared) else compiled(statement)
    text, parameters = filled_in(found, {place: AsIs(f":{place}") for place in changing(found)})
    written = {place: adapt(value).getquoted().decode() for place, value in parameters.items()}
    return f"-- {name}: {sentence}\n-- Written by `make sql`.\n\n{laid_out(text % written)};\n"
