"""Which network addresses a download may go to: public ones, and nothing that leads inside."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

#: IANA's IPv4 special-purpose registry, less what is ordinary address space; multicast; reserved.
_REFUSED_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT, and one cloud's metadata
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's host agent, inside public address space
            "169.254.0.0/16",  # link-local, and most clouds' metadata
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
#: Global unicast is what IANA has opened; everything else (mapped IPv4, NAT64, unique and
#: site-local, link-local, multicast) lies outside.
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo carries an IPv4 address inside
            "2001:db8::/32",
            "2002::/16",  # 6to4 carries an IPv4 address inside
            "3ffe::/16",
            "3fff::/20",
        ),
    )
)


def is_global(address: str | IPv4Address | IPv6Address) -> bool:
    """Whether this is an ordinary public address; what is no address at all is not."""
    parsed = _parse(address)
    if isinstance(parsed, IPv4Address):
        return parsed.is_global and not any(parsed in network for network in _REFUSED_V4)
    if isinstance(parsed, IPv6Address):
        inside = parsed.scope_id is None and parsed in _GLOBAL_V6
        return inside and not any(parsed in network for network in _REFUSED_V6)
    return False


def is_loopback(address: str) -> bool:
    """Whether this address is this machine."""
    parsed = _parse(address)
    return parsed is not None and parsed.is_loopback


def is_loopback_host(host: str) -> bool:
    """Whether a URL's host can only be this machine: `localhost`, or a loopback address."""
    return host.lower() == "localhost" or is_loopback(host)


def is_literal(host: str) -> bool:
    """Whether a URL's host is an address and no name."""
    return _parse(host) is not None


def _parse(address: str | IPv4Address | IPv6Address) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None


def is_host_name(host: str) -> bool:
    """Whether a host may be called so: no label is empty or longer than 63 characters (RFC 1035)."""
    try:
        ascii_name = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    labels = ascii_name.removesuffix(".").split(".")
    return len(ascii_name) <= 253 and all(0 < len(label) <= 63 for label in labels)
