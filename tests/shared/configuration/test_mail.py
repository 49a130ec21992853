"""SMTP_URL and MAIL_FROM: what they accept, and that no password leaves them."""

import pytest

from shared.configuration.effective import table
from shared.configuration.settings import SettingsError, load_settings

MAIL = {"APP_ENV": "test", "PUBLIC_URL": "https://pictures.example.com", "MAIL_FROM": "Pictures <p@example.com>"}


@pytest.mark.parametrize(
    ("url", "host", "port", "login"),
    [
        ("smtp://mail.example.com", "mail.example.com", 587, None),
        ("smtp://anna:p%40ss@mail.example.com:2525/", "mail.example.com", 2525, ("anna", "p@ss")),
        ("smtps://anna:@mail.example.com", "mail.example.com", 465, ("anna", "")),
        ("smtp+plain://127.0.0.1", "127.0.0.1", 25, None),
        ("smtp://[::1]:26", "::1", 26, None),
    ],
)
def test_a_mail_server_is_a_url(url: str, host: str, port: int, login: tuple[str, str] | None) -> None:
    found = load_settings({**MAIL, "SMTP_URL": url}).smtp_url
    assert found
    assert (found.host, found.port, found.login) == (host, port, login)


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example.com", "smtp://", "smtp://mail.example.com:99999", "smtp://mail.example.com/x", "mail",
        "smtp+plain://anna:geheim@mail.example.com", "smtp://anna:geheim@mail.example.com?tls=no", "smtp://[::1",
        "smtp://mail.example.com:0", "smtp://a b",
    ],
)  # fmt: skip
def test_what_is_no_such_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings({**MAIL, "SMTP_URL": url})
    (problem,) = raised.value.problems
    assert problem.startswith("SMTP_URL: ")
    assert "smtps://" in problem
    assert "geheim" not in problem


@pytest.mark.parametrize("lacking", ["PUBLIC_URL", "MAIL_FROM"])
def test_a_mail_server_needs_a_sender_and_an_address_for_links(lacking: str) -> None:
    given = {name: value for name, value in MAIL.items() if name != lacking}
    with pytest.raises(SettingsError, match=f"none while {lacking} is not set"):
        load_settings({**given, "SMTP_URL": "smtp://mail.example.com"})


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("p@example.com", "p@example.com"),
        ("Pictures & more <p@EXAMPLE.com>", "Pictures & more <p@example.com>"),
        ("Bilder, groß <p@example.com>", '"Bilder, groß" <p@example.com>'),
    ],
)
def test_a_sender_is_an_address_with_or_without_a_name(said: str, shown: str) -> None:
    assert str(load_settings({**MAIL, "MAIL_FROM": said}).mail_from) == shown


@pytest.mark.parametrize(
    "said", ["Pictures", "p@localhost", "a@b.c\r\nBcc: x@y.z", "Eve\r\nBcc: x@y.z <a@b.com>", '"x" <a@b.com>', "<>"]
)
def test_what_is_no_sender_is_refused(said: str) -> None:
    with pytest.raises(SettingsError, match="MAIL_FROM: "):
        load_settings({**MAIL, "MAIL_FROM": said})


def test_the_password_of_the_mail_server_shows_nowhere() -> None:
    environ = {**MAIL, "SMTP_URL": "smtp://anna:geheim@mail.example.com"}
    assert "geheim" not in repr(load_settings(environ))
    assert "geheim" not in repr(table(environ))
