"""Which of our services are connected, by what each process calls itself to PostgreSQL."""

from sqlalchemy import text
from sqlmodel import Session

from shared.database.engine import APPLICATIONS

OURS = f"^{APPLICATIONS}(api|worker|scheduler)( |$)"
CONNECTED = text(
    "SELECT DISTINCT application_name FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name ~ :ours"
)


def connected_services(session: Session) -> list[str]:
    """Their names, such as `genonaut-worker 0.2.0`, each once. Behind a pooler it may be some only."""
    return sorted(session.scalars(CONNECTED, {"ours": OURS}))
