"""What a server asks for is read from its URL or a file, and shown nowhere."""

from pathlib import Path

import pytest

from shared.configuration.effective import table
from shared.configuration.server_urls import server_url
from shared.configuration.settings import SettingsError, load_settings
from shared.fleet.credentials import NoToken, headers_for

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("http://gpu:8188", {}),
        ("http://ann:hunter2@gpu:8188/comfy", {"Authorization": "Basic YW5uOmh1bnRlcjI="}),
        ("http://ann:p%40s%2Fs@gpu", {"Authorization": "Basic YW5uOnBAcy9z"}),
        ("http://hunter2@gpu", {"Authorization": "Basic aHVudGVyMjo="}),
    ],
)
def test_user_and_password_are_sent_as_basic(text: str, header: dict[str, str]) -> None:
    assert headers_for(server_url(text)) == header


@pytest.mark.parametrize(
    ("line", "header"),
    [
        ("hunter2\n", {"Authorization": "Bearer hunter2"}),
        ("X-API-Key: hunter2", {"X-API-Key": "hunter2"}),
        ("Authorization: Token hunter2\n", {"Authorization": "Token hunter2"}),
        ("a:b", {"Authorization": "Bearer a:b"}),
    ],
)
def test_a_file_holds_a_token_or_a_header_and_may_change(tmp_path: Path, line: str, header: dict[str, str]) -> None:
    file = tmp_path / "token"
    url = server_url(f"http://gpu#token_file={file}")
    file.write_text("old")
    assert headers_for(url) == {"Authorization": "Bearer old"}
    file.write_text(line)
    assert headers_for(url) == header


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "does not hold one line"),
        (b"a\nX: hunter2", "does not hold one line"),
        (b"hunter2\x00", "does not hold one line"),
        (b"hunter2" * 2000, "has more than 8192 bytes"),
        (b"hunter2\xff", "other characters than ASCII"),
    ],
    ids=["none", "empty", "two lines", "a zero", "long", "binary"],
)
def test_a_file_that_is_of_no_use_is_named_without_what_it_holds(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(NoToken, match=reason) as caught:
        headers_for(server_url(f"http://gpu#token_file={tmp_path / 'token'}"))
    assert SECRET not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name", "shown"),
    [
        ("http://ann:hunter2@gpu/a#slots=3", "http://gpu/a", "http://ann:***@gpu/a#slots=3"),
        ("http://hunter2@gpu", "http://gpu", "http://***@gpu"),
        ("http://ann:hun@ter2@gpu", "http://gpu", "http://ann:***@gpu"),
        ("http://gpu#slots=3&token_file=/run/t", "http://gpu", "http://gpu#slots=3&token_file=/run/t"),
    ],
)
def test_a_url_is_shown_without_what_is_secret(text: str, name: str, shown: str) -> None:
    url = server_url(text)
    assert (url.name, url.shown, repr(url)) == (name, shown, repr(shown))


@pytest.mark.parametrize(
    "user", ["hunter2", "ann:hunter2", "ann:a/hunter2", "ann:8/hunter2", "ann:x@hunter2", "ann:,hunter2"]
)
def test_no_setting_that_is_shown_or_refused_shows_it(user: str) -> None:
    for wrong in (f"ftp://{user}@gpu", f"http://{user}@gpu?a", f"http://{user}@gpu#slots=0", f"http://{user}@gpu,"):
        with pytest.raises(SettingsError) as caught:
            load_settings({"COMFYUI_URLS": wrong})
        assert SECRET not in str(caught.value)
    if not {",", "/"} & set(user):
        assert SECRET not in str(table({"COMFYUI_URLS": f"http://{user}@gpu"}))


@pytest.mark.parametrize("fragment", ["token_file=", "token_file=a", "token=x", "slots=1&x=1", "slots=1,token_file=/a"])
def test_what_is_said_wrongly_behind_a_url_is_refused(fragment: str) -> None:
    with pytest.raises(SettingsError, match="token_file"):
        load_settings({"COMFYUI_URLS": f"http://gpu#{fragment}"})


def test_one_server_is_named_once_whoever_asks() -> None:
    with pytest.raises(SettingsError, match="each server once"):
        load_settings({"COMFYUI_URLS": "http://ann:a@gpu,http://bob:b@gpu"})
