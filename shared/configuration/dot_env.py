"""A `.env` file in the current folder names what the environment does not."""

from dotenv import dotenv_values

from shared.texts.reasons import reason_of


def in_dot_env() -> tuple[dict[str, str], str | None]:
    """What it names, and why it cannot be read, if it is there and cannot."""
    try:
        return {name: value or "" for name, value in dotenv_values(".env").items()}, None
    except UnicodeError:
        return {}, "the file .env cannot be read: it is not UTF-8"
    except OSError as error:
        return {}, f"the file .env cannot be read: {reason_of(error)}"
