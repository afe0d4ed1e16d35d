"""What one client may take of a service: how many questions, how large, and how long they may dawdle over it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

_MOST_CLIENTS = 10_000


class Allowance:
    """A bucket of tokens for each client: ``burst`` at once, refilled at ``per_second``. Clients are told apart by the
    address that the connection comes from; headers say whatever their sender likes."""

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._rate, self._clock = burst, per_second, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, cost: float) -> float:
        """0 when the client may; else the seconds after which it may."""
        now = self._clock()
        left, since = self._left.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        wait = 0.0 if left >= cost else (cost - left) / self._rate
        self._left[client] = (left - cost if not wait else left, now)
        # The longest unseen go: their buckets are the fullest.
        while len(self._left) > _MOST_CLIENTS:
            self._left.popitem(last=False)
        return wait


async def read_body(request: Request, largest: int, within: float) -> bytes:
    """The request's body. Raises HTTPException 413 as soon as it is too large, said or sent; 408 when it is too slow; 400
    when the client has gone."""
    announced = request.headers.get("content-length", "")
    if announced and (not announced.isdecimal() or int(announced[:20]) > largest):
        raise HTTPException(413 if announced.isdecimal() else 400)
    body = bytearray()
    try:
        with anyio.fail_after(within):
            async for piece in request.stream():
                body += piece
                if len(body) > largest:
                    raise HTTPException(413)
    except TimeoutError as error:
        raise HTTPException(408) from error
    except ClientDisconnect as error:
        raise HTTPException(400) from error
    return bytes(body)
