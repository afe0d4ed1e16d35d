"""One POST to an address that somebody else chose, with nothing left for them to choose besides.

The name is resolved once, every address it has is judged, and the connection goes to one of exactly these, under the
name's own certificate: a resolver that answers otherwise the next moment changes nothing. No proxy of the environment is
asked, no redirect followed, no answer read beyond its head, and the whole of it ends after ten seconds.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from twinbook import __version__
from twinbook.dialling import Resolve, in_time, resolve, said
from twinbook.domain.errors import InputError, StateError
from twinbook.domain.webhook import Target, target, unsafe

CONNECT = 5.0  # seconds, for resolving and for each connection
TOTAL = 10.0


class HttpPost:
    """Implements the Post port. ``inside`` allows this machine and private networks; ``context`` is for certificates
    of one's own, by default the system's."""

    def __init__(
        self,
        inside: bool = False,
        resolve: Resolve = resolve,
        context: ssl.SSLContext | None = None,
        connect: float = CONNECT,
        total: float = TOTAL,
    ) -> None:
        self._inside, self._resolve, self._context = inside, resolve, context
        self._connect, self._total = connect, total

    def check(self, url: str) -> None:
        where = target(url)
        try:
            self._addresses(where, self._connect)
        except OSError as error:
            raise InputError("notice.address", f"{where.host} can't be resolved: {error}") from error

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        where = target(url)
        until = time.monotonic() + self._total
        try:
            addresses = self._addresses(where, self._connect)
            for number, address in enumerate(addresses, start=1):
                with self._line(where, address) as line:
                    try:
                        line.connect_before(until)
                    except OSError:
                        if number == len(addresses) or time.monotonic() > until:
                            raise
                        continue
                    return line.post(where, headers, body)
        except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
            late = time.monotonic() >= until
            why = f"no answer within {self._total:g} seconds" if late else said(error)
            raise StateError("notice.undelivered", f"{where.host}: {why}") from error
        raise StateError("notice.undelivered", f"{where.host} has no address")

    def _addresses(self, where: Target, within: float) -> Sequence[str]:
        """Every address of the host, when nothing speaks against any: of a mixed answer one would be tried in the end."""
        literal = where.literal
        found = [literal] if literal else in_time(lambda: self._resolve(where.host, where.port), within)
        for address in found:
            why = unsafe(where, address, self._inside)
            if why:
                raise InputError("notice.address", f"notices can't be sent there: {why}")
        return found

    def _line(self, where: Target, address: str) -> _Line:
        if where.secure:
            connection = HTTPSConnection(where.host, where.port, timeout=self._connect, ssl_context=self._context)
        else:
            connection = HTTPConnection(where.host, where.port, timeout=self._connect)
        return _Line(connection, address)


class _Line:
    """One connection to one address, cut off when its time is over: a timeout of each read alone would let whoever
    sends a byte a second hold it for ever."""

    def __init__(self, connection: HTTPConnection, address: str) -> None:
        self._connection, self._address = connection, address
        self._raw: socket.socket | None = None
        self._late = False
        self._timer: threading.Timer | None = None
        connection._new_conn = self._dial  # where urllib3 would resolve the name itself

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._timer:
            self._timer.cancel()
        self._connection.close()
        if self._raw:
            self._raw.close()

    def connect_before(self, until: float) -> None:
        self._timer = threading.Timer(max(0.0, until - time.monotonic()), self._cut)
        self._timer.daemon = True
        self._timer.start()
        self._connection.connect()

    def post(self, where: Target, headers: Mapping[str, str], body: bytes) -> int:
        named = {**headers, "user-agent": f"Twinbook/{__version__}", "connection": "close"}
        self._connection.request("POST", where.path, body, named, preload_content=False, decode_content=False)
        answer = self._connection.getresponse()
        answer.close()
        if self._late:  # what was read so far may look whole
            raise TimeoutError
        return answer.status

    def _dial(self) -> socket.socket:
        made = socket.create_connection((self._address, self._connection.port), self._connection.timeout)
        # A second handle, since TLS takes the first one over.
        self._raw = made.dup()
        return made

    def _cut(self) -> None:
        self._late = True
        if self._raw:
            with contextlib.suppress(OSError):
                self._raw.shutdown(socket.SHUT_RDWR)
