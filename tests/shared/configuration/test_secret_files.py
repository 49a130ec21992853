"""A secret in a file takes the place of its variable, and what is in the file later is what is used then."""

from base64 import b64encode
from pathlib import Path

import pytest

from shared.configuration.secret_files import LARGEST_FILE, login_of
from shared.configuration.settings import SettingsError, load_settings

URLS = {
    "DATABASE_URL": "postgresql://me:o%40ld@127.0.0.1/generation",
    "DATABASE_READ_URL": "postgresql://me:o%40ld@127.0.0.1:5433/generation",
    "REDIS_URL": "redis://:old@127.0.0.1:6379/4",
}


def whsec(letter: str) -> str:
    return f"whsec_{b64encode(letter.encode() * 24).decode()}"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    for variable, url in URLS.items():
        (tmp_path / variable).write_text(f"{url}\n")
    return {f"{variable}_FILE": str(tmp_path / variable) for variable in URLS}


def test_user_and_password_are_those_that_the_file_has_now(files: dict[str, str]) -> None:
    settings = load_settings(files)
    assert settings.database_url == "postgresql+psycopg2://me:o%40ld@127.0.0.1/generation"
    assert settings.broker_url == settings.redis_url == URLS["REDIS_URL"]
    assert login_of(settings.database_url) == ("me", "o@ld")
    Path(files["DATABASE_URL_FILE"]).write_text("postgresql://you:new@127.0.0.1/generation")
    Path(files["DATABASE_READ_URL_FILE"]).write_text("postgresql://you:newer@127.0.0.1:5433/generation")
    assert settings.database_read_url
    assert login_of(settings.database_read_url) == ("you", "newer")
    Path(files["REDIS_URL_FILE"]).write_text("redis://:new@127.0.0.1:6379/4")
    assert login_of(settings.database_url) == ("you", "new")
    assert login_of(settings.broker_url).password == login_of(settings.redis_url).password == "new"


@pytest.mark.parametrize("content", ["", "no url", "postgresql://[", "x" * (LARGEST_FILE + 1)])
def test_a_file_that_is_of_no_use_for_a_moment_changes_nothing(files: dict[str, str], content: str) -> None:
    settings = load_settings(files)
    Path(files["DATABASE_URL_FILE"]).write_text(content)
    assert login_of(settings.database_url) == ("me", "o@ld")
    Path(files["DATABASE_URL_FILE"]).unlink()
    assert login_of(settings.database_url) == ("me", "o@ld")


@pytest.mark.parametrize("variable", URLS)
def test_a_password_that_was_replaced_is_good_while_its_file_is_away(files: dict[str, str], variable: str) -> None:
    settings = load_settings(files)
    url, file = getattr(settings, variable.lower()), Path(files[f"{variable}_FILE"])
    file.write_text(URLS[variable].replace("ld@", "ther@"))
    replaced = login_of(url)
    assert replaced.password in {"o@ther", "other"}
    file.unlink()
    assert login_of(url) == replaced


def test_e_mail_logs_in_as_the_file_says(files: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "smtp"
    file.write_text("smtps://me:old@mail.example.com")
    settings = load_settings(
        {**files, "SMTP_URL_FILE": str(file), "MAIL_FROM": "a@example.com", "PUBLIC_URL": "https://a.example.com"}
    )
    assert settings.smtp_url
    assert settings.smtp_url.login == ("me", "old")
    file.write_text("smtps://me:new@mail.example.com")
    assert settings.smtp_url.login == ("me", "new")
    file.unlink()
    assert settings.smtp_url.login == ("me", "new")


def test_two_secrets_of_a_webhook_are_good_while_both_are_there(files: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "hook"
    file.write_text(whsec("a"))
    secret = load_settings({**files, "COMFYUI_WEBHOOK_SECRET_FILE": str(file)}).comfyui_webhook_secret
    assert secret
    assert list(secret.good) == [b"a" * 24]
    file.write_text(f"{whsec('b')}\n{whsec('a')}\n")
    assert list(secret.good) == [b"b" * 24, b"a" * 24]
    file.write_text(whsec("b"))
    assert list(secret.good) == [b"b" * 24]
    file.write_text("nothing of use")
    assert list(secret.good) == [b"b" * 24], "those that were good last"
    assert "whsec_***" in repr(secret)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"REDIS_URL": URLS["REDIS_URL"]}, "REDIS_URL_FILE: REDIS_URL is set too; set one of them"),
        ({"DATABASE_URL_FILE": "/nowhere/at/all"}, "DATABASE_URL_FILE: it cannot be read: No such file or directory"),
        ({"DATABASE_URL_FILE": "/dev/null"}, "DATABASE_URL_FILE: it is empty"),
        ({"DATABASE_URL_FILE": "/dev/zero"}, "DATABASE_URL_FILE: it has more than 16384 bytes"),
        ({"DATABASE_URL_FILE": "secrets/url"}, "DATABASE_URL_FILE: 'secrets/url' is not accepted; accepted: the abs"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(files: dict[str, str], changes: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({**files, **changes})
    assert said in str(refused.value)


def test_a_wrong_url_in_a_file_is_not_shown_whole(files: dict[str, str]) -> None:
    Path(files["DATABASE_URL_FILE"]).write_text("mysql://me:hunter2@127.0.0.1/generation")
    with pytest.raises(SettingsError) as refused:
        load_settings(files)
    assert "DATABASE_URL_FILE, whose file: 'mysql://***@127.0.0.1/generation' is not accepted" in str(refused.value)
