"""Where a notice may be sent, how it is signed on the way, and when it is tried again. Pure: nothing is resolved here.

The headers are those of Standard Webhooks 1.0.0 (https://www.standardwebhooks.com) with its asymmetric scheme, ``v1a``:
whoever has the home's public key can check them, and no secret is shared.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from .errors import InputError

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=24)
ATTEMPTS = 12  # with the delays below they span three days
_GROWTH = 2.5
_JITTER = 0.1

_LONGEST_URL = 2048
_PRINTABLE = re.compile(r"[!-\[\]-~]+")  # no spaces, no control characters, no backslash: parsers differ on them
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
# Resolvers take these for numbers, each in its own way: 0x7f.1, 2130706433, 127.1, 0177.0.0.1.
_NUMBER_LIKE = re.compile(r"(.*\.)?(\d+|0x[0-9a-f]*)")

_INSIDE = [
    ipaddress.ip_network(net)
    for net in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
]
# Set apart by the registries of special addresses, in ways that not every Python knows; some clouds answer there.
_SPECIAL = [
    ipaddress.ip_network(net)
    for net in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "fec0::/10",
    )
]
_METADATA = ipaddress.ip_address("fd00:ec2::254")  # a cloud's credentials, inside the private range
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Target:
    """An address taken apart. ``host`` is a lower-case name or a bare IP address; ``path`` has the query with it."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def literal(self) -> str | None:
        """The host when it is an IP address, and needs no resolver."""
        try:
            return str(ipaddress.ip_address(self.host))
        except ValueError:
            return None


def target(url: str) -> Target:
    """Take a URL apart, strictly: what two parsers could read differently isn't taken. Raises InputError
    ``notice.address``."""
    if len(url) > _LONGEST_URL or not _PRINTABLE.fullmatch(url):
        raise _no("it has letters that no URL has, or is too long")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _no("it is no URL") from error
    if parts.scheme not in ("https", "http") or not url.startswith(f"{parts.scheme}://"):
        raise _no("it doesn't begin with https://")
    if "@" in parts.netloc:
        raise _no("it holds a name or password")
    if parts.fragment or url.endswith("#"):
        raise _no("it has a fragment, which is never sent")
    host = (parts.hostname or "").removesuffix(".")
    bracketed = parts.netloc.startswith("[")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        literal = None
    if literal is None and (bracketed or not _NAME.fullmatch(host) or _NUMBER_LIKE.fullmatch(host)):
        raise _no(f"{host or 'nothing'} is neither a name nor an IP address as it is usually written")
    if literal is not None and ("%" in host or bracketed != (literal.version == 6)):
        raise _no(f"{host} is not an IP address as it is usually written")
    if port == 0:
        raise _no("there is no port 0")
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, host, port or (443 if secure else 80), path)


def unsafe(where: Target, address: str, inside: bool) -> str:
    """Why nothing may be sent to this resolved address; empty when something may. ``inside`` allows loopback and
    private networks; nothing allows link-local addresses, where clouds keep their credentials."""
    found = _embedded(ipaddress.ip_address(address.partition("%")[0]))
    if not where.secure and not found.is_loopback:
        return f"{where.host} is reached without encryption, which only this machine may be"
    if found == _METADATA:
        return f"{where.host} is {found}, where a cloud keeps its credentials"
    if _within(found, _INSIDE):
        return "" if inside else f"{where.host} is {found}, inside a private network"
    if _within(found, _SPECIAL) or not found.is_global or found.is_multicast or found.is_reserved:
        return f"{where.host} is {found}, which is not on the public internet"
    return ""


def _within(address, nets) -> bool:
    return any(address in net for net in nets if net.version == address.version)


def _embedded(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 address only wraps, since that is where packets would go."""
    if address.version == 4:
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address


def retry_at(attempts: int, now: datetime, chance: float) -> datetime | None:
    """When to try again after that many attempts, if none of them succeeds; None when that was the last.

    The delay grows from 30 seconds to 24 hours. ``chance`` (0 to 1) adds up to a tenth of it, so that what failed
    together doesn't come back together.
    """
    if attempts >= ATTEMPTS:
        return None
    delay = min(FIRST_RETRY * _GROWTH ** (attempts - 1), LONGEST_RETRY)
    return now + delay * (1 + _JITTER * chance)


def headers(message_id: str, body: bytes, now: datetime, sign: Callable[[bytes], bytes]) -> Mapping[str, str]:
    """The headers for one attempt. The id stays the same over all attempts, the time stamp doesn't."""
    stamp = str(int(now.timestamp()))
    signature = sign(f"{message_id}.{stamp}.".encode() + body)
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1a," + base64.b64encode(signature).decode(),
    }


def public_key(public: bytes) -> str:
    """An Ed25519 public key as Standard Webhooks write it."""
    return "whpk_" + base64.b64encode(public).decode()


def read_public_key(text: str) -> bytes:
    """Raises InputError ``key.unreadable``."""
    try:
        public = base64.b64decode(text.removeprefix("whpk_"), validate=True)
    except ValueError:
        public = b""
    if len(public) != 32 or public_key(public) != text:
        raise InputError("key.unreadable", "this is no public key as Standard Webhooks write it")
    return public


def _no(why: str) -> InputError:
    return InputError("notice.address", f"notices can't be sent there: {why}")
