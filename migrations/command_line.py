"""What a command line needs before it migrates: the settings, and logs that say what is done."""

import logging
import sys

from shared.configuration.choices import Pooler
from shared.configuration.logging import configure_logging
from shared.configuration.settings import Settings, settings_or_exit

PREAMBLE = ("Context impl", "Will assume")  # alembic says this of every connection


def prepare() -> Settings:
    """Wrong settings end the process with status 2."""
    settings = settings_or_exit()
    if settings.database_pooler is not Pooler.NONE:
        sys.stderr.write(
            "DATABASE_POOLER: migrations hold a lock for longer than a transaction: for this command name PostgreSQL "
            "itself in DATABASE_URL, and set DATABASE_POOLER=none\n"
        )
        sys.exit(2)
    configure_logging(settings, service="migrations")
    logging.getLogger("alembic.runtime.migration").addFilter(says_what_is_done)
    return settings


def says_what_is_done(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(PREAMBLE)
