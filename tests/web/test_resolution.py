"""The Soft Binding Resolution API: what it answers, and what nobody gets out of it."""

import base64
import io
import shutil
from dataclasses import replace

import httpx2
import numpy as np
import pytest
from marked_office import open_marked_office
from PIL import Image
from starlette.testclient import TestClient

from twinbook import testing
from twinbook.db import Database
from twinbook.domain.paper import Paper
from twinbook.domain.registry import open_registry
from twinbook.keys.signatures import verify_raw
from twinbook.reader.manifest_store import manifest_id, manifest_store
from twinbook.services import erase, revoke
from twinbook.web import resolution
from twinbook.web.limits import Allowance
from twinbook.web.resolution import resolution_app

PLENTY = (1e9, 1e9)


@pytest.fixture(scope="module")
def marked(tmp_path_factory, sealer, reader):
    with open_marked_office(tmp_path_factory.mktemp("marked"), sealer, reader) as opened:
        yield opened


@pytest.fixture
def doomed(marked, tmp_path):
    """The same office again, for tests that take pictures back: a copy of its home."""
    home = marked.home.parent
    shutil.copytree(home, tmp_path / "copy")
    with testing.open_fake_office(
        tmp_path / "copy", sealer=marked.office.sealer, reader=marked.office.reader
    ) as office:
        yield replace(marked, office=office)


@pytest.fixture
def client(marked):
    with TestClient(resolution_app(marked.office, Allowance(*PLENTY)), raise_server_exceptions=False) as opened:
        yield opened


def b64(data):
    return base64.b64encode(data).decode()


def stripped(file, kind="JPEG", **options):
    out = io.BytesIO()
    with Image.open(io.BytesIO(file)) as image:
        image.convert("RGB").save(out, kind, quality=80, **options)
    return out.getvalue()


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [match["manifestId"] for match in answer.json()["matches"]]


def post(client, data, media="image/jpeg", **params):
    return client.post("/matches/byContent", content=data, headers={"content-type": media}, params=params)


def test_a_watermark_leads_to_the_manifest(client, marked):
    file, release = marked.files["waist"], marked.releases["waist"]
    expected = manifest_id(file)
    for value in (b64(bytes.fromhex(release)), release):
        asked = {"alg": "org.twinbook.watermark.2", "value": value}
        assert ids(client.get("/matches/byBinding", params=asked)) == [expected]
        assert ids(client.post("/matches/byBinding", json=asked)) == [expected]
    answer = client.get(f"/manifests/{expected}")
    assert answer.headers["content-type"] == "application/c2pa"
    assert answer.content == manifest_store(file)
    active = client.get(f"/manifests/{expected}", params={"returnActiveManifest": "true"})
    assert active.content == manifest_store(file)


def test_a_fingerprint_leads_to_the_manifest(client, marked):
    with marked.office.unit() as unit:
        copy = next(c for c in unit.issued.all() if c.release.hex == marked.releases["full"])
    asked = {"alg": "org.twinbook.pdq.1", "value": b64(bytes.fromhex(copy.fingerprint.pdq))}
    (match, *_) = client.get("/matches/byBinding", params=asked).json()["matches"]
    assert match == {"manifestId": manifest_id(marked.files["full"]), "similarityScore": 100}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_leads_to_its_manifest(client, marked, kind):
    for name, file in marked.files.items():
        answer = post(client, stripped(file, kind), f"image/{kind.lower()}")
        assert ids(answer)[0] == manifest_id(file), name
        assert answer.json()["matches"][0]["similarityScore"] >= 90


def test_what_is_supported_is_said(client):
    algorithms = client.get("/services/supportedAlgorithms").json()
    assert {"alg": "org.twinbook.watermark.2"} in algorithms["watermarks"]
    assert algorithms["fingerprints"] == [{"alg": "org.twinbook.pdq.1"}]


def test_the_registry_is_given_and_signed(client, marked):
    registry = open_registry(client.get("/registry").json(), marked.office.log_signer.public, verify_raw)
    assert {each.release.hex for each in registry.releases} == set(marked.releases.values())


def test_another_picture_leads_nowhere(client):
    noise = np.random.default_rng(1).integers(0, 256, (400, 300, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    assert ids(post(client, out.getvalue(), "image/png")) == []


def test_no_more_is_given_than_was_asked_for(client, marked):
    asked = {"alg": "org.twinbook.watermark.2", "value": marked.releases["waist"], "maxResults": 1}
    assert len(ids(client.get("/matches/byBinding", params=asked))) == 1


# --- attacks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "service.request"),
        ({"alg": "org.twinbook.watermark.2"}, "service.request"),
        ({"alg": "com.example.other", "value": "AAAA"}, "binding.algorithm"),
        ({"alg": "org.twinbook.watermark.2", "value": "not base64!"}, "binding.value"),
        ({"alg": "org.twinbook.watermark.2", "value": "AAAA"}, "binding.value"),
        ({"alg": "org.twinbook.pdq.1", "value": "AAAA"}, "binding.value"),
        ({"alg": "org.twinbook.watermark.2", "value": "000000000000", "maxResults": "0"}, "service.request"),
        ({"alg": "org.twinbook.watermark.2", "value": "000000000000", "maxResults": "-1"}, "service.request"),
        ({"alg": "org.twinbook.watermark.2", "value": "000000000000", "maxResults": "x"}, "service.request"),
        ({"alg": "org.twinbook.watermark.2", "value": "000000000000", "maxResults": "9" * 400}, "service.request"),
    ],
)
def test_a_bad_question_gets_a_reason(client, params, code):
    answer = client.get("/matches/byBinding", params=params)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b'{"alg":1,"value":2}', b"[" * 50_000, b"\xff\xfe", b"null"])
def test_bad_json_gets_a_reason(client, body):
    answer = client.post("/matches/byBinding", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "service.request"


def test_what_is_too_large_is_refused(client, monkeypatch):
    assert client.post("/matches/byBinding", content=b"x" * (resolution.LARGEST_QUERY + 1)).status_code == 413
    long = {"alg": "org.twinbook.pdq.1", "value": "A" * 3000}
    assert client.get("/matches/byBinding", params=long).status_code == 414
    # Announced: refused before a byte of it is read. Not announced: as soon as it is over.
    headers = {"content-type": "image/jpeg", "content-length": str(10**15)}
    assert client.post("/matches/byContent", content=b"", headers=headers).status_code == 413
    monkeypatch.setattr(resolution, "LARGEST_PICTURE", 1000)
    sent = []

    def endless():
        for _ in range(10_000):
            sent.append(1)
            yield b"x" * 100

    answer = client.post("/matches/byContent", content=endless(), headers={"content-type": "image/jpeg"})
    assert answer.status_code == 413
    assert post(client, b"x" * 999).status_code == 400


@pytest.mark.parametrize("media", ["", "text/html", "image/svg+xml", "application/octet-stream", "image/*"])
def test_what_is_no_picture_is_refused_by_its_kind(client, media):
    assert post(client, b"x", media).status_code == 415


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n" + b"\0" * 50])
def test_what_cannot_be_decoded_is_refused(client, data):
    answer = post(client, data)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "image.unreadable")


@pytest.mark.parametrize(
    "params",
    [{"alg": "com.example.other"}, {"hintAlg": "com.example.other", "hintValue": "AAAA"}, {"hintAlg": "x"}],
)
def test_an_unknown_algorithm_is_refused_for_pictures_too(client, marked, params):
    assert post(client, marked.files["waist"], **params).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/manifests/urn:c2pa:00000000-0000-0000-0000-000000000000",
        "/manifests/..%2f..%2fkeys%2fmaster.key",
        "/manifests/' OR 1=1 --",
        "/manifests/%00",
        "/",
        "/keys/master.key",
        "/docs",
    ],
)
def test_there_is_nothing_else_to_get(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"error"}


def test_ways_that_are_not_asked_are_refused(client):
    assert client.delete("/manifests/x").status_code == 405
    assert client.get("/matches/byContent").status_code == 405
    assert client.get("/manifests/" + "x" * 300).status_code == 400


def test_what_was_revoked_is_found_by_nobody(doomed):
    marked = doomed
    client = TestClient(resolution_app(marked.office, Allowance(*PLENTY)))
    file, release = marked.files["waist"], marked.releases["waist"]
    document = revoke.revocation(marked.office, "mira")
    revoke.revoke(marked.office, document.document(), marked.people.key("mira").sign(Paper.of(document).message))
    asked = {"alg": "org.twinbook.watermark.2", "value": release}
    assert ids(client.get("/matches/byBinding", params=asked)) == []
    assert ids(post(client, stripped(file))) == []
    answer = client.get(f"/manifests/{manifest_id(file)}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "manifest.revoked")
    registry = open_registry(client.get("/registry").json(), marked.office.log_signer.public, verify_raw)
    assert all(each.revoked for each in registry.releases)


def test_what_was_erased_is_gone(doomed):
    marked = doomed
    client = TestClient(resolution_app(marked.office, Allowance(*PLENTY)))
    file = marked.files["waist"]
    document = erase.erasure(marked.office, "mira")
    erase.erase(marked.office, document.document(), marked.people.key("mira").sign(Paper.of(document).message))
    assert client.get(f"/manifests/{manifest_id(file)}").status_code == 404
    assert ids(post(client, stripped(file))) == []


def test_another_tenants_pictures_are_not_there(marked):
    other = Database(f"sqlite:///{marked.home / 'twinbook.db'}", "elsewhere")
    file, release = marked.files["waist"], marked.releases["waist"]
    try:
        theirs = resolution_app(replace(marked.office, unit=other.unit), Allowance(*PLENTY))
        with TestClient(theirs) as client:
            asked = {"alg": "org.twinbook.watermark.2", "value": release}
            assert ids(client.get("/matches/byBinding", params=asked)) == []
            assert ids(post(client, file)) == []
            assert client.get(f"/manifests/{manifest_id(file)}").status_code == 404
            assert client.get("/registry").json()["registry"]["releases"] == []
    finally:
        other.close()


def test_answers_name_nobody(client, marked):
    file = marked.files["waist"]
    told = [post(client, stripped(file)), client.get("/registry"), client.get("/services/supportedAlgorithms")]
    for answer in told:
        for private in ("mira", "tvaton", "nordlight", "EUR"):
            assert private not in answer.text.casefold()
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_who_asks_too_often_waits_and_others_do_not(marked):
    now = [0.0]
    app = resolution_app(marked.office, Allowance(10, 1.0, lambda: now[0]))
    with TestClient(app, client=("10.0.0.1", 1)) as greedy, TestClient(app, client=("10.0.0.2", 1)) as other:
        assert [greedy.get("/services/supportedAlgorithms").status_code for _ in range(12)] == [200] * 10 + [429] * 2
        refused = greedy.get("/services/supportedAlgorithms", headers={"x-forwarded-for": "10.9.9.9"})
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert other.get("/services/supportedAlgorithms").status_code == 200
        # A picture costs five questions, and is refused before it is read.
        now[0] = 3.0
        assert post(greedy, b"x").status_code == 429
        now[0] = 6.0
        assert post(greedy, b"x").status_code == 400


def test_the_memory_of_clients_has_an_end():
    allowance = Allowance(5, 1.0, lambda: 0.0)
    for number in range(20_000):
        assert allowance.take(f"10.{number}", 1) == 0.0
    assert len(allowance._left) <= 10_000


def test_what_breaks_inside_is_not_told_outside(marked):
    def broken():
        raise RuntimeError("secret path")

    with TestClient(resolution_app(replace(marked.office, unit=broken)), raise_server_exceptions=False) as client:
        answer = client.get("/registry")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["error"]["code"] == "service.failed"


def test_the_command_listens_on_this_machine_alone(tmp_path, monkeypatch):
    """And `verify --service` gets the registry from it."""
    import socket
    import threading
    import time

    import uvicorn

    from twinbook import app
    from twinbook.settings import Settings

    where = Settings(tmp_path / "home")
    app.make_home(where)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = []
    original = uvicorn.Server.run

    def run(self, *arguments, **more):
        started.append(self)
        return original(self, *arguments, **more)

    monkeypatch.setattr(uvicorn.Server, "run", run)
    monkeypatch.setattr(uvicorn.Server, "install_signal_handlers", lambda self: None, raising=False)
    thread = threading.Thread(target=app.serve, args=(where, "127.0.0.1", port, lambda line: None), daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                httpx2.get(f"http://127.0.0.1:{port}/services/supportedAlgorithms", timeout=5)
                break
            except httpx2.HTTPError:
                time.sleep(0.1)
        document = app.fetch_registry(f"http://127.0.0.1:{port}")
        with app.open_office(where) as office:
            assert open_registry(document, office.log_signer.public, verify_raw).releases == ()
    finally:
        started[0].should_exit = True
        thread.join(20)
    assert not thread.is_alive()


def test_a_service_is_asked_over_https_or_on_this_machine():
    from twinbook.domain.errors import InputError, StateError
    from twinbook.post import fetch_registry

    for url in ("http://example.org", "file:///etc/passwd", "ftp://127.0.0.1", "nothing"):
        with pytest.raises(InputError, match=r"registry\.unreachable"):
            fetch_registry(url)
    with pytest.raises(StateError, match=r"registry\.unreachable"):
        fetch_registry("http://127.0.0.1:9")


def test_the_fakes_have_no_manifests_to_give(office, people, photos, tmp_path):
    from twinbook.services import run

    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    (work,) = run.run(office, planned, tmp_path).works
    with TestClient(resolution_app(office)) as client:
        asked = {"alg": "org.twinbook.watermark.2", "value": work.release.hex}
        assert ids(client.get("/matches/byBinding", params=asked)) == []
