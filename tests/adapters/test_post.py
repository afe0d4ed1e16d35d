"""The post against real servers on this machine: good ones, broken ones, and ones that want to keep it."""

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from twinbook.domain.errors import InputError, StateError
from twinbook.post import HttpPost

HEADERS = {"content-type": "application/json", "webhook-id": "ntc_1"}
BODY = b'{"type":"notice.revocation"}'


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.server.answer(self)

    def do_GET(self):
        self.server.got.append(("GET " + self.path, {}, b""))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def plain(status, **headers):
    def answer(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()

    return answer


@contextlib.contextmanager
def serving(answer, context=None):
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.got, server.answer = [], answer
    server.handle_error = lambda *_: None
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server, server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def listening(serve):
    """A server that speaks as ``serve`` does with each connection, on bare sockets."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as line:
        line.settimeout(0.05)

        def work():
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    caller, _ = line.accept()
                    with caller, contextlib.suppress(OSError):
                        serve(caller, over)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield line.getsockname()[1]
        finally:
            over.set()
            thread.join()


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A certificate for receiver.test: the server's context, and one that trusts it."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver.test")])
    now = datetime.now(UTC)
    alternatives = [x509.DNSName("receiver.test"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, lambda: ssl.create_default_context(cafile=file)


def test_it_posts_once_and_tells_the_status():
    with serving(plain(204)) as (server, port):
        assert HttpPost(inside=True).send(f"http://127.0.0.1:{port}/hook?a=1", HEADERS, BODY) == 204
    ((path, headers, body),) = server.got
    assert (path, body) == ("/hook?a=1", BODY)
    assert headers["webhook-id"] == "ntc_1"
    assert headers["Host"] == f"127.0.0.1:{port}"
    assert headers["user-agent"].startswith("Twinbook/")


@pytest.mark.parametrize("status", [200, 202, 400, 410, 500])
def test_every_status_is_handed_on(status):
    with serving(plain(status)) as (_, port):
        assert HttpPost(inside=True).send(f"http://localhost:{port}/", HEADERS, BODY) == status


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status):
    with serving(plain(200)) as (elsewhere, other):
        target = f"http://127.0.0.1:{other}/inside"
        with serving(plain(status, location=target)) as (_, port):
            assert HttpPost(inside=True).send(f"http://127.0.0.1:{port}/", HEADERS, BODY) == status
        assert elsewhere.got == []


def test_no_proxy_of_the_environment_is_asked(monkeypatch):
    with serving(plain(200)) as (proxy, other), serving(plain(204)) as (_, port):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{other}")
        assert HttpPost(inside=True).send(f"http://127.0.0.1:{port}/", HEADERS, BODY) == 204
        assert proxy.got == []


def test_a_huge_answer_is_not_read():
    sent = []

    def huge(handler):
        handler.send_response(200)
        handler.send_header("content-length", str(10**12))
        handler.end_headers()
        with contextlib.suppress(OSError):
            while len(sent) < 10_000:
                handler.wfile.write(bytes(1 << 20))
                sent.append(1)

    with serving(huge) as (_, port):
        assert HttpPost(inside=True).send(f"http://127.0.0.1:{port}/", HEADERS, BODY) == 200
    assert len(sent) < 100


def drip(caller, over):
    """A byte every now and then, for ever: no single read takes long."""
    caller.recv(4096)
    caller.sendall(b"HTTP/1.1 200 OK\r\nx-long: ")
    while not over.wait(0.05):
        caller.sendall(b"a")


def silent(caller, over):
    over.wait(30)


def drip_nothing_but_headers(caller, over):
    caller.recv(4096)
    caller.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while not over.is_set():
        caller.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


@pytest.mark.parametrize("serve", [drip, silent, drip_nothing_but_headers])
def test_nobody_holds_it_longer_than_its_time(serve):
    with listening(serve) as port:
        begun = time.monotonic()
        with pytest.raises(StateError, match=r"notice\.undelivered"):
            HttpPost(inside=True, total=0.5).send(f"http://127.0.0.1:{port}/", HEADERS, BODY)
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize("serve", [drip, silent])
def test_nor_within_the_handshake(serve, tls):
    with listening(serve) as port:
        begun = time.monotonic()
        post = HttpPost(inside=True, total=0.5, context=tls[1]())
        with pytest.raises(StateError, match=r"notice\.undelivered"):
            post.send(f"https://127.0.0.1:{port}/", HEADERS, BODY)
        assert time.monotonic() - begun < 5


def test_a_name_that_is_never_resolved_costs_bounded_time():
    over = threading.Event()

    def stuck(_host, _port):
        over.wait(30)
        return ["127.0.0.1"]

    begun = time.monotonic()
    post = HttpPost(inside=True, resolve=stuck, connect=0.2)
    with pytest.raises(StateError, match=r"notice\.undelivered"):
        post.send("https://slow.test/", HEADERS, BODY)
    with pytest.raises(InputError, match=r"notice\.address"):
        post.check("https://slow.test/")
    over.set()
    assert time.monotonic() - begun < 5


def broken(text):
    def serve(caller, _over):
        caller.recv(4096)
        caller.sendall(text)

    return serve


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nlong: " + b"a" * 100_000,
    ],
    ids=["nothing", "garbage", "no status", "many headers", "long header"],
)
def test_what_is_no_answer_is_an_error(text):
    with listening(broken(text)) as port, pytest.raises(StateError, match=r"notice\.undelivered") as caught:
        HttpPost(inside=True, total=2).send(f"http://127.0.0.1:{port}/", HEADERS, BODY)
    assert "garbage" not in caught.value.diagnosis


def test_a_closed_port_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as line:
        port = line.getsockname()[1]
    with pytest.raises(StateError, match=r"notice\.undelivered: 127\.0\.0\.1: Connection refused"):
        HttpPost(inside=True).send(f"http://127.0.0.1:{port}/", HEADERS, BODY)


def test_a_name_without_an_address_is_an_error():
    def nowhere(_host, _port):
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(StateError, match=r"notice\.undelivered"):
        HttpPost(resolve=nowhere).send("https://nowhere.test/", HEADERS, BODY)
    with pytest.raises(StateError, match=r"has no address"):
        HttpPost(resolve=lambda *_: []).send("https://nowhere.test/", HEADERS, BODY)


# --- TLS ------------------------------------------------------------------------------------------------------------


def test_the_certificate_is_held_to_the_name_and_the_line_to_the_address(tls):
    """The name is resolved here and nowhere else, and the server still sees it as host."""
    asked = []

    def resolve(host, port):
        asked.append(host)
        return ["127.0.0.1"]

    with serving(plain(204), tls[0]) as (server, port):
        post = HttpPost(inside=True, resolve=resolve, context=tls[1]())
        assert post.send(f"https://receiver.test:{port}/", HEADERS, BODY) == 204
    assert asked == ["receiver.test"]
    assert server.got[0][1]["Host"] == f"receiver.test:{port}"


def test_a_certificate_of_another_name_is_refused(tls):
    with serving(plain(204), tls[0]) as (server, port):
        post = HttpPost(inside=True, resolve=lambda *_: ["127.0.0.1"], context=tls[1]())
        with pytest.raises(StateError, match=r"certificate isn't trusted: .*mismatch"):
            post.send(f"https://other.test:{port}/", HEADERS, BODY)
    assert server.got == []


def test_a_certificate_that_nobody_vouches_for_is_refused(tls):
    with serving(plain(204), tls[0]) as (server, port):
        post = HttpPost(inside=True, resolve=lambda *_: ["127.0.0.1"])
        with pytest.raises(StateError, match=r"certificate isn't trusted"):
            post.send(f"https://receiver.test:{port}/", HEADERS, BODY)
    assert server.got == []


def test_a_server_without_tls_is_an_error(tls):
    with serving(plain(204)) as (server, port), pytest.raises(StateError, match=r"notice\.undelivered"):
        HttpPost(inside=True, total=2).send(f"https://127.0.0.1:{port}/", HEADERS, BODY)
    assert server.got == []


def test_the_next_address_is_tried_when_one_is_dead(tls):
    with serving(plain(204), tls[0]) as (_, port):
        post = HttpPost(inside=True, resolve=lambda *_: ["::1", "127.0.0.1"], context=tls[1]())
        assert post.send(f"https://receiver.test:{port}/", HEADERS, BODY) == 204
