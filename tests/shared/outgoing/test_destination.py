"""What a URL says is looked at before anything is asked: where it leads, and whether a request may go there."""

import pytest

from shared.outgoing.allowed import Allowed, allowed_by
from shared.outgoing.destination import Destination, destination_of
from shared.outgoing.failures import NotAllowed

NOBODY = Allowed()


def leads_to(url: str, *allowed: str) -> tuple[str, str, int, str]:
    found: Destination = destination_of(url, allowed_by(allowed))
    return found.scheme, found.host, found.port, found.target


def test_a_url_is_taken_apart() -> None:
    assert leads_to("https://Example.COM/a b".replace(" ", "%20")) == ("https", "example.com", 443, "/a%20b")
    assert leads_to("https://example.com?a=1#part") == ("https", "example.com", 443, "/?a=1")
    assert leads_to("HTTPS://example.com.:8443/") == ("https", "example.com", 8443, "/")
    assert leads_to("https://bücher.example/ä?ö=ü") == ("https", "xn--bcher-kva.example", 443, "/%C3%A4?%C3%B6=%C3%BC")
    assert destination_of("https://[2606:4700::1111]/", NOBODY).authority == "[2606:4700::1111]"
    assert destination_of("https://example.com:8443/", NOBODY).authority == "example.com:8443"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.com/", "must begin with https://"),
        ("ftp://example.com/", "must begin with https:// and a host"),
        ("file:///etc/passwd", "must begin with https:// and a host"),
        ("//example.com/", "must begin with https:// and a host"),
        ("https:///a", "must begin with https:// and a host"),
        ("https://user:password@example.com/", "no user and no password"),
        ("https://example.com:22/", "the port 443 or 8443"),
        ("https://example.com:99999/", "is no URL"),
        ("https://example.com:x/", "is no URL"),
        ("https://[::1/", "is no URL"),
        ("https://example.com\\@10.0.0.1/", "without blanks and backslashes"),
        ("https://example.com/\r\nX: y", "without blanks and backslashes"),
        ("https://example.com/ a", "without blanks and backslashes"),
        ("https://" + "a" * 2048, "at most 2048 characters"),
        ("https://a..b/", "a host that can be none"),
        ("https://" + "a" * 64 + "/", "a host that can be none"),
        ("https://exa$mple/", "a host that can be none"),
        ("https://fe80::1%lo/", "is no URL"),
        ("https://[fe80::1%25lo]/", "a host that can be none"),
        ("https://10.0.0.1/", "public addresses only"),
        ("https://[::1]/", "public addresses only"),
    ],
)
def test_what_no_request_goes_to_is_refused_with_what_to_do(url: str, reason: str) -> None:
    with pytest.raises(NotAllowed, match=reason):
        destination_of(url, NOBODY)


def test_what_is_allowed_by_name_or_address_may_be_asked_by_http_and_on_any_port() -> None:
    assert leads_to("http://files.lan:9000/a", "*.lan") == ("http", "files.lan", 9000, "/a")
    assert leads_to("http://10.1.2.3/", "10.1.0.0/16") == ("http", "10.1.2.3", 80, "/")
    with pytest.raises(NotAllowed):
        leads_to("http://files.plan/", "*.lan")
