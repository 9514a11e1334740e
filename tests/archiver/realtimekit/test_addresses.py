from __future__ import annotations

import pytest

from archiver.realtimekit.addresses import is_global, is_loopback_host

# fmt: off
REFUSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200",
    "100.127.255.255", "127.0.0.1", "127.255.0.1", "168.63.129.16", "169.254.169.254",
    "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1",
    "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1",
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:169.254.169.254", "::ffff:0:8.8.8.8",
    "64:ff9b::8.8.8.8", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "100::1", "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1",
    "2001:db8::1", "2002:7f00:1::", "2002:a00:1::", "2002:808:808::", "3ffe::1", "3fff::1",
    "5f00::1", "fc00::1", "fd00:ec2::254", "fd00::1", "fe80::1", "fe80::1%eth0", "fec0::1",
    "ff02::1", "ff0e::1", "2606:4700::1111%eth0", "localhost", "127.1", "2130706433",
    "0x7f.0.0.1", "0177.0.0.1",
]
# fmt: on

# fmt: off
ALLOWED = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "52.216.0.1", "100.63.255.255",
    "100.128.0.1", "126.255.255.255", "128.0.0.1", "169.253.0.1", "169.255.0.1", "172.15.255.255",
    "172.32.0.1", "192.167.0.1", "192.169.0.1", "198.17.0.1", "198.20.0.1", "223.255.255.255",
    "2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001::1", "2400:cb00::1",
]
# fmt: on


@pytest.mark.parametrize("address", REFUSED)
def test_not_global(address: str) -> None:
    """No address that leads inside, carries another, or is no address counts as public."""
    assert not is_global(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_global(address: str) -> None:
    """Ordinary public addresses, those next to refused networks included, count as public."""
    assert is_global(address)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_hosts(host: str) -> None:
    """Only `localhost` and loopback addresses are this machine."""
    assert is_loopback_host(host)


@pytest.mark.parametrize("host", ["", "localhost.example.com", "10.0.0.1", "127.1", "example.com"])
def test_other_hosts(host: str) -> None:
    """A name that merely looks local is not this machine."""
    assert not is_loopback_host(host)
