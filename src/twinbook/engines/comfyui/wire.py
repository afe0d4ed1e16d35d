"""The line to a ComfyUI server, which is trusted with pictures of hers but believed nothing.

The name is resolved once a request, every address it has is judged, and the connection goes to one of exactly these. No
proxy of the environment is asked, no redirect followed, no compressed answer taken; every answer has a limit in bytes
and every request one in seconds.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.filepost import encode_multipart_formdata

from twinbook import __version__
from twinbook.dialling import Resolve, in_time, resolve, said

from ...domain.errors import InputError, StateError
from ...domain.webhook import target, unsafe

CONNECT = 5.0  # seconds, for resolving and for each connection
QUICK, LONG = 30.0, 300.0  # seconds, for questions and for pictures
MOST_JSON = 32_000_000  # bytes: /queue repeats the whole graph of everybody's jobs
_MOST_EVENT = 32_000_000  # a preview of the largest picture


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes

    def json(self) -> object:
        """Raises StateError ``engine.unreachable`` when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise StateError("engine.unreachable", "the server answers with something that isn't JSON") from error


class Wire:
    """``url`` is where ComfyUI's own page is. ``token`` is sent as a bearer's, for a proxy that asks for one; ``context``
    is for certificates of one's own. Raises InputError ``engine.address``."""

    def __init__(
        self, url: str, token: str = "", resolve: Resolve = resolve, context: ssl.SSLContext | None = None
    ) -> None:
        try:
            self._where = target(url)
        except InputError as error:
            why = error.diagnosis.partition(": ")[2]
            raise InputError("engine.address", f"the server's address can't be used: {why}") from error
        if "?" in self._where.path:
            raise InputError("engine.address", "the server's address has a query")
        if any(not " " < letter <= "~" for letter in token):
            raise InputError("engine.address", "the server's token has letters that no header may have")
        self._path, self._token = self._where.path.rstrip("/"), token
        self._resolve, self._context = resolve, context
        self.host = self._where.host
        literal = self._where.literal
        # "localhost" is the one name that is this machine by definition (RFC 6761), and is held to it at every request.
        self.here = self.host == "localhost" or (literal is not None and not _off_machine(literal))
        if not self.here and not self._where.secure:
            raise InputError(
                "engine.address", f"{self.host} is reached without encryption, which only this machine may be"
            )

    def get(
        self, path: str, query: Mapping[str, str] | None = None, most: int = MOST_JSON, within: float = QUICK
    ) -> Answer:
        return self._ask("GET", path + ("?" + urlencode(query) if query else ""), b"", "", most, within)

    def post(self, path: str, document: object) -> Answer:
        return self._ask("POST", path, json.dumps(document).encode(), "application/json", MOST_JSON, QUICK)

    def upload(self, path: str, fields: Mapping[str, object]) -> Answer:
        """A form; a file is a tuple of name, bytes and media type."""
        body, kind = encode_multipart_formdata(fields)
        return self._ask("POST", path, body, kind, MOST_JSON, LONG)

    def listen(self, client: str) -> Events | None:
        """What the server tells of this client's jobs while they run; None when it can't be had."""
        try:
            from websockets.exceptions import WebSocketException
            from websockets.sync.client import connect
        except ImportError:
            return None
        scheme, name = ("wss", self.host) if self._where.secure else ("ws", self.host)
        shown = f"[{name}]" if ":" in name else name
        line: socket.socket | None = None
        try:
            line = self._dialled(time.monotonic() + CONNECT)
            opened = connect(
                f"{scheme}://{shown}:{self._where.port}{self._path}/ws?{urlencode({'clientId': client})}",
                sock=line,
                ssl=(self._context or ssl.create_default_context()) if self._where.secure else None,
                server_hostname=name if self._where.secure else None,
                additional_headers=self._headers(),
                user_agent_header=None,
                compression=None,
                open_timeout=CONNECT,
                close_timeout=1,
                max_size=_MOST_EVENT,
                max_queue=8,
                proxy=None,
            )
            return Events(opened.__enter__(), opened)
        except (OSError, WebSocketException, StateError, ValueError, EOFError):
            if line is not None:
                line.close()
            return None

    def _headers(self) -> dict[str, str]:
        named = {"user-agent": f"Twinbook/{__version__}"}
        return named | ({"authorization": f"Bearer {self._token}"} if self._token else {})

    def _ask(self, method: str, path: str, body: bytes, kind: str, most: int, within: float) -> Answer:
        until = time.monotonic() + within
        line: socket.socket | None = None
        late = threading.Event()
        timer: threading.Timer | None = None
        connection = (HTTPSConnection if self._where.secure else HTTPConnection)(
            self.host,
            self._where.port,
            timeout=within,
            **({"ssl_context": self._context} if self._where.secure else {}),
        )
        try:
            made = self._dialled(min(until, time.monotonic() + 2 * CONNECT))
            line = made.dup()  # a second handle, since TLS takes the first one over

            def cut(raw: socket.socket = line) -> None:
                # A timeout of each read alone would let whoever sends a byte a second hold it for ever.
                late.set()
                with contextlib.suppress(OSError):
                    raw.shutdown(socket.SHUT_RDWR)

            timer = threading.Timer(max(0.0, until - time.monotonic()), cut)
            timer.daemon = True
            timer.start()
            made.settimeout(within)
            connection._new_conn = lambda: made  # where urllib3 would resolve the name itself
            headers = self._headers() | {"connection": "close", "accept-encoding": "identity"}
            if kind:
                headers["content-type"] = kind
            connection.request(
                method, self._path + path, body or None, headers, preload_content=False, decode_content=False
            )
            answer = connection.getresponse()
            whole = self._read(answer, most)
            if late.is_set():  # what was read so far may look whole
                raise TimeoutError
            return Answer(answer.status, answer.headers.get("content-type", "").partition(";")[0].strip(), whole)
        except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
            why = f"no whole answer within {within:g} seconds" if late.is_set() else said(error)
            raise StateError("engine.unreachable", f"{self.host}: {why}") from error
        finally:
            if timer:
                timer.cancel()
            connection.close()
            if line:
                line.close()

    def _read(self, answer, most: int) -> bytes:
        if 300 <= answer.status < 400:
            raise StateError("engine.unreachable", f"{self.host} sends elsewhere, and redirects aren't followed")
        if answer.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise StateError("engine.unreachable", f"{self.host} compresses an answer that was asked for as it is")
        parts, size = [], 0
        while part := answer.read(1 << 16, decode_content=False):
            size += len(part)
            if size > most:
                raise StateError("engine.unreachable", f"{self.host} answers with more than {most} bytes")
            parts.append(part)
        return b"".join(parts)

    def _dialled(self, until: float) -> socket.socket:
        """Raises OSError, StateError ``engine.unreachable``."""
        addresses = self._addresses()
        for number, address in enumerate(addresses, start=1):
            try:
                return socket.create_connection(
                    (address, self._where.port), max(0.1, min(CONNECT, until - time.monotonic()))
                )
            except OSError:
                if number == len(addresses) or time.monotonic() > until:
                    raise
        raise OSError("it has no address")

    def _addresses(self) -> Sequence[str]:
        """Every address of the host, when nothing speaks against any: of a mixed answer one would be tried in the end."""
        literal = self._where.literal
        found = [literal] if literal else in_time(lambda: self._resolve(self.host, self._where.port), CONNECT)
        for address in found:
            if self.here and _off_machine(address):
                raise StateError("engine.unreachable", f"{self.host} is {address}, which isn't this machine")
            why = unsafe(self._where, address, inside=True)
            if why:
                raise StateError("engine.unreachable", f"nothing may be sent there: {why}")
        return found


class Events:
    """Messages of the server's WebSocket. What they tell is shown to people and believed in nothing else."""

    def __init__(self, line, opened) -> None:
        self._line, self._opened = line, opened

    def next(self, within: float) -> Mapping[str, object] | None:
        """The next message that can be read, None when none came in time. Raises OSError when the line is gone."""
        from websockets.exceptions import WebSocketException

        until = time.monotonic() + within
        while (left := until - time.monotonic()) > 0:
            try:
                message = self._line.recv(timeout=left)
            except TimeoutError:
                return None
            except (WebSocketException, EOFError) as error:
                raise OSError("the WebSocket is closed") from error
            if isinstance(message, bytes):  # a preview of the picture, which nobody is shown before it was judged
                continue
            with contextlib.suppress(ValueError, RecursionError):
                found = json.loads(message)
                if isinstance(found, dict) and isinstance(found.get("data"), dict):
                    return found
        return None

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._opened.__exit__(None, None, None)


def _off_machine(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    return not (getattr(found, "ipv4_mapped", None) or found).is_loopback
