"""Pages are files with a strict policy; where they were not made, their addresses say what to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api_service.doors.pages import files
from api_service.doors.pages.routes import PAGES


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of pages as `make pages` leaves it."""
    (tmp_path / "built").touch()
    for page in PAGES:
        (tmp_path / f"{page[1:].replace('-', '_')}.html").write_text(f"<title>{page}</title>")
    (tmp_path / "studio-ABC123.js").write_text("export {}")
    monkeypatch.setattr(files, "BUILT", tmp_path)
    files.built_files.cache_clear()
    yield tmp_path
    files.built_files.cache_clear()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_html_that_takes_nothing_from_elsewhere(client: TestClient, built: Path, page: str) -> None:
    answer = client.get(page, headers={"Authorization": ""})
    assert answer.text == f"<title>{page}</title>"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-cache"
    again = client.get(page, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_part_is_kept_for_ever_and_sent_small(client: TestClient, built: Path) -> None:
    answer = client.get("/pages/studio-ABC123.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    plain = client.get("/pages/studio-ABC123.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == answer.text == "export {}"


@pytest.mark.parametrize("name", ["../files.py", "%2e%2e/files.py", "nothing.js", "", "/etc/passwd", "built"])
def test_nothing_else_is_sent(client: TestClient, built: Path, name: str) -> None:
    assert client.get(f"/pages/{name}").status_code == 404


def test_with_a_last_slash_it_is_beside(client: TestClient, built: Path) -> None:
    answer = client.get("/studio/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "../studio")


def test_where_pages_were_not_made_they_say_so(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BUILT", tmp_path)
    files.built_files.cache_clear()
    answer = client.get("/studio")
    assert answer.status_code == 503
    assert "make pages" in answer.text
    files.built_files.cache_clear()
