"""Addresses that no request of ours goes to, in each form that they can be written in."""

from ipaddress import ip_address

import pytest

from shared.configuration.settings import SettingsError, load_settings
from shared.outgoing.addresses import address_in, is_public
from shared.outgoing.allowed import allowed_by


@pytest.mark.parametrize("text", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "2a00:1450:4001::200e"])
def test_an_address_of_the_internet_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        *("0.0.0.0", "0.1.2.3", "10.0.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"),
        *("172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.0.192", "192.0.2.1"),
        *("192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1"),
        *("255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1"),
        *("fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "2606:4700::1111%eth0", "fec0::1", "ff02::1", "100::1"),
    ],
)
def test_what_is_ours_or_a_way_to_it_is_not(text: str) -> None:
    address = address_in(text)
    assert address is not None
    assert not is_public(address)


@pytest.mark.parametrize(
    ("entries", "name", "is_allowed"),
    [
        (("files.lan",), "files.lan", True),
        (("files.lan",), "more.files.lan", False),
        (("*.lan",), "files.lan", True),
        (("*.lan",), "a.b.lan", True),
        (("*.lan",), "lan", False),
        (("*.lan",), "files.plan", False),
        (("10.0.0.0/8",), "10.0.0.1", False),
    ],
)
def test_a_name_is_allowed_by_itself_or_by_its_domain(entries: tuple[str, ...], name: str, is_allowed: bool) -> None:
    assert allowed_by(entries).has_name(name) is is_allowed


def test_an_address_is_allowed_by_itself_or_by_its_network() -> None:
    allowed = allowed_by(("10.1.0.0/16", "fd00::7"))
    for text, is_allowed in (("10.1.2.3", True), ("10.2.0.1", False), ("fd00::7", True), ("fd00::8", False)):
        assert allowed.has_address(ip_address(text)) is is_allowed


@pytest.mark.parametrize(
    "value", ["http://files.lan", "files.lan:80", "10.0.0.0/99", "10.0.0.1/8", "1.2.3", "a b", ","]
)
def test_what_can_be_no_host_is_refused_at_the_start(environ: dict[str, str], value: str) -> None:
    with pytest.raises(SettingsError, match="hosts such as"):
        load_settings({**environ, "OUTGOING_ALLOW": value})
