"""Which addresses are everybody's: none of this machine, of its networks, or of a way around into them."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

# Beside what Python knows as not global, which differs from one of its releases to the next.
NEVER = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            # Addresses of IPv4 in those of IPv6, in all their forms: mapped, translated, 6to4, Teredo.
            *("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/23", "2002::/16"),
            *("100::/64", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
        ),
    )
)


def address_in(text: str) -> Address | None:
    """The address that a text is; None for any other text. A zone (`%eth0`) makes it one of this machine's links."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether it is one that anybody on the internet could reach as well."""
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    return address.is_global and not any(address in network for network in NEVER if network.version == address.version)
