"""Gets a signed registry from a service, in bounded time and memory. The picture that is looked up never leaves the machine."""

from __future__ import annotations

import json
import time
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from twinbook import __version__
from twinbook.domain.errors import InputError, StateError

TOTAL = 30.0  # seconds, for the whole answer
LARGEST = 256 * 2**20  # bytes; a release takes about 600
_PIECE = 2**16
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def fetch_registry(url: str, total: float = TOTAL, largest: int = LARGEST) -> object:
    """The document that ``url``/registry answers with, not verified. No redirect is followed.

    Raises InputError ``registry.unreachable`` for an address that isn't https (or this machine), StateError of the same code
    when there is no answer, and InputError ``registry.invalid`` for one that isn't JSON.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise InputError("registry.unreachable", f"{url} is no https address", "give one that begins with https://")
    until = time.monotonic() + total
    try:
        with urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=5.0, read=10.0)) as pool:
            headers = {"accept": "application/json", "user-agent": f"twinbook/{__version__}"}
            address = f"{url.rstrip('/')}/registry"
            answer = pool.request("GET", address, headers=headers, redirect=False, preload_content=False)
            if answer.status != 200:
                raise StateError("registry.unreachable", f"{parts.hostname} answers {answer.status}")
            data = bytearray()
            while piece := answer.read(_PIECE):
                data += piece
                if len(data) > largest or time.monotonic() > until:
                    raise StateError("registry.unreachable", f"{parts.hostname} sends too much, or too slowly")
    except (HTTPError, OSError, ValueError) as error:
        raise StateError("registry.unreachable", f"{parts.hostname} can't be asked: {type(error).__name__}") from error
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(
            "registry.invalid", f"{parts.hostname} answered with something else than a registry"
        ) from error
