"""IP addresses and networks."""

import ipaddress
import re
from collections.abc import Iterable

from facerelief.errors import FacereliefError

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
_IN_HEADER = re.compile(r"\[([^]]*)](?::\d+)?|([0-9.]+):\d+")  # with brackets or a port


def address_of(text: str) -> IPAddress | None:
    """Parse an IP address; one that maps IPv4 into IPv6 becomes IPv4. None if it is no address."""
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip


def forwarded_address(text: str) -> IPAddress | None:
    """Parse an address of `X-Forwarded-For`, to which some proxies add the client's port. None if it is no address.

    Example:
        >>> [str(forwarded_address(one)) for one in ("203.0.113.7:51234", "[2001:db8::1]:443", "2001:db8::1", "x:1")]
        ['203.0.113.7', '2001:db8::1', '2001:db8::1', 'None']
    """
    found = _IN_HEADER.fullmatch(text.strip())
    return address_of((found[1] or found[2] or "") if found else text.strip())


def client_key(address: str) -> str:
    """What identifies a client: its IPv4 address, or its /64 network for IPv6, which is what one household has."""
    ip = address_of(address)
    if ip is None:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)


def is_local(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    ip = address_of(host)
    return host == "localhost" if ip is None else ip.is_loopback


def networks_of(texts: Iterable[str]) -> tuple[IPNetwork, ...]:
    """Parse addresses and networks, such as 10.0.0.0/8. Raises `FacereliefError`."""
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError as reason:
            raise FacereliefError(
                f"--trusted-proxy {text!r} is not an IP address; give one such as 127.0.0.1 or 10.0.0.0/8"
            ) from reason
    return tuple(found)


def within(text: str, networks: Iterable[IPNetwork]) -> bool:
    """Whether an address lies in one of the networks."""
    ip = address_of(text)
    return ip is not None and any(ip.version == one.version and ip in one for one in networks)
