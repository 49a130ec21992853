"""Some ComfyUI server can be given jobs, and for each job that waits one has the labels that it asks for."""

from collections.abc import Iterator

from sqlalchemy import exists, literal_column
from sqlmodel import Session, col, select

from deploy.doctor.finding import Finding, ok, trouble, warning
from deploy.doctor.installation import Installation
from shared.configuration.settings import Settings
from shared.database.engine import reading
from shared.fleet.servers import IS_NAMED, STATE, ServerState
from shared.models import ComfyUIServer, GenerationJob, JobStatus

SUBJECT = "servers"
MOST_LABELS = 5  # lists of labels that nobody has
ADVICE = {
    ServerState.UNREACHABLE: "See that it runs, and that workers reach it",
    ServerState.UNFIT: "Update its ComfyUI, or see that this is one",
    ServerState.WEDGED: "Restart it, or set COMFYUI_RESTART_COMMAND",
    ServerState.DRAINING: "Resume it once it may work again",
    ServerState.OPEN: "Read ComfyUI's own log",
    ServerState.HALF_OPEN: "Read ComfyUI's own log",
}


def look(installation: Installation) -> Iterator[Finding]:
    with reading(installation.engine) as session:
        yield from states(session)
        yield from not_followed(session, installation.settings)
        yield from labels(session)


def states(session: Session) -> Iterator[Finding]:
    rows = session.execute(
        select(col(ComfyUIServer.name), STATE, col(ComfyUIServer.problem), col(ComfyUIServer.notes))
        .where(IS_NAMED)
        .order_by(col(ComfyUIServer.name))
    ).all()
    up = 0
    for name, word, problem, notes in rows:
        state = ServerState(word)
        if state is ServerState.UP:
            up += 1
            for subject, note in sorted(notes.items()):
                yield warning(SUBJECT, f"{name} lacks something ({subject}): {note}", "It gets jobs all the same")
        else:
            yield warning(SUBJECT, f"{name} is {state}{f': {problem}' if problem else ''}", ADVICE[state])
    if up:
        yield ok(SUBJECT, f"{up} of {len(rows)} can be given jobs")
    elif rows:
        yield trouble(SUBJECT, f"none of {len(rows)} can be given jobs without doubt: jobs wait", "See the lines above")
    else:
        yield trouble(SUBJECT, "no worker has looked at one: jobs wait", "Name servers in COMFYUI_URLS; start a worker")


def not_followed(session: Session, settings: Settings) -> Iterator[Finding]:
    """Those of COMFYUI_URLS that no worker looks at: its own variable names others."""
    followed = set(session.scalars(select(col(ComfyUIServer.name)).where(IS_NAMED)))
    for url in settings.comfyui_urls:
        if followed and url.name not in followed:
            found = f"{url.name} is in COMFYUI_URLS, and no worker looks at it"
            yield warning(SUBJECT, found, "Give workers the same COMFYUI_URLS, and restart them")


def labels(session: Session) -> Iterator[Finding]:
    """What waiting jobs ask for and no server has, whatever its state."""
    has_them = exists(literal_column("1")).where(IS_NAMED, col(ComfyUIServer.labels).op("@>")(GenerationJob.requires))
    asked = (
        select(GenerationJob.requires)
        .where(GenerationJob.status == JobStatus.QUEUED, col(GenerationJob.requires).is_not(None), ~has_them)
        .distinct()
        .limit(MOST_LABELS)
    )
    for wanted in session.scalars(asked):
        yield trouble(
            SUBJECT,
            f"jobs wait for a server with the labels {' '.join(wanted or ())}, and none has them",
            "Give them to a server (#labels= in COMFYUI_URLS), or cancel these jobs",
        )
