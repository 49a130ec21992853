"""A URL leads to one Redis or to its sentinels; what it cannot mean is said when it is read."""

from pathlib import Path

import pytest

from shared.configuration.settings import SettingsError, load_settings
from shared.configuration.types import as_shown
from shared.configuration.urls.redis_urls import sentinels_of

SENTINELS = "redis+sentinel://somebody:hunter2@a.example:1111,b.example,[::1]:3333/main/5?sentinel_password=hunter3"


def test_sentinels_have_names_ports_and_passwords_of_their_own() -> None:
    found = sentinels_of(load_settings({"REDIS_URL": SENTINELS}).redis_url)
    assert found is not None
    assert found.addresses == (("a.example", 1111), ("b.example", 26379), ("::1", 3333))
    assert (found.name, found.is_encrypted) == ("main", False)
    assert found.server == {"username": "somebody", "password": "hunter2", "db": 5}
    assert found.sentinel == {"password": "hunter3"}


def test_sentinels_trust_the_authority_that_the_server_is_trusted_by(tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    authority.touch()
    found = sentinels_of(f"rediss+sentinel://a/main?ssl_ca_certs={authority}")
    assert found is not None
    assert (found.is_encrypted, found.sentinel, found.server["ssl_ca_certs"]) == (
        True,
        {"ssl_ca_certs": str(authority)},
        str(authority),
    )


def test_no_password_of_a_url_is_shown() -> None:
    shown = as_shown(load_settings({"REDIS_URL": SENTINELS}).redis_url)
    assert "hunter" not in shown
    assert "a.example:1111,b.example" in shown


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis+cluster://host", "no Redis Cluster: Dramatiq's scripts use several keys at once"),
        ("redis+sentinel://host:1/", "redis+sentinel://[[user]:password@]host"),
        ("redis+sentinel://host:99999/main", "redis+sentinel://[[user]:password@]host"),
        ("redis+sentinel://host,,other/main", "redis+sentinel://[[user]:password@]host"),
        (f"redis+sentinel://{','.join(['host'] * 16)}/main", "redis+sentinel://[[user]:password@]host"),
        ("unix+sentinel://host/main", "redis+sentinel://[[user]:password@]host"),
        ("redis+sentinel://host/main/four", "a database number"),
        ("redis://host/4?sentinel_password=x", "not sentinel_password"),
        ("redis://host/4?retries=3", "not retries"),
        ("redis://host:99999/4", "0-65535"),
        ("redis://host/4?ssl_ca_certs=/etc/hosts", "ssl_ca_certs only with rediss://"),
        ("rediss://host/4?ssl_ca_certs=/no/such/file", "files that are there: /no/such/file is none"),
    ],
)
def test_what_leads_nowhere_is_refused(url: str, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"REDIS_URL": url})
    assert len(refused.value.problems) == 1
    assert says in refused.value.problems[0]
