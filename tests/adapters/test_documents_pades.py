"""Seals on papers: they hold for whoever has the anchor, every change is noticed, and the paper under them stays itself."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
import typst
from asn1crypto import tsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.keys import load_private_key_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.timestamps import DummyTimeStamper
from pypdf import PdfReader

from twinbook import app
from twinbook.documents import Papers, pades, signed_paper
from twinbook.domain.errors import InputError, StateError
from twinbook.domain.royalty import Statement
from twinbook.keys import certificates
from twinbook.settings import Settings, settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SIGNED = NOW + timedelta(days=1)
LATER = NOW + timedelta(days=400)
TERMS = '{"fee":"450.00 EUR","talent":"Mira Ålund"}'
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")

SOURCE = b"""
#set document(title: "A license", author: "Twinbook", date: auto)
#set text(lang: "en")
= A license
#lorem(120)
#pdf.attach("terms.json", bytes(sys.inputs.terms), relationship: "source", mime-type: "application/json", description: "The terms")
"""


@pytest.fixture(scope="module")
def paper():
    """Archival, accessible, and with terms attached, as Twinbook's papers are."""
    return typst.compile(
        SOURCE, format="pdf", pdf_standards=["a-3a", "ua-1"], timestamp=SIGNED, sys_inputs={"terms": TERMS}
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return certificates.create_paper_certificate(folder / "papers", folder / "c2pa", "Twinbook home", NOW)


def sealed_by(certificate, pdf, at=SIGNED, **given):
    return pades.seal(
        pdf, chain_pem=certificate.chain_pem, private_key_pem=certificate.private_key_pem, reason="Why", at=at, **given
    )


@pytest.fixture(scope="module")
def sealed(certificate, paper):
    return sealed_by(certificate, paper)


# --- what a seal is worth ---------------------------------------------------------------------------------------


def test_a_seal_holds(certificate, sealed):
    seal = pades.check(sealed, certificate.anchors_pem, LATER)
    assert seal == pades.PaperSeal(True, True, True, "Twinbook home (papers)", SIGNED)


@pytest.mark.parametrize("anchor", ["nobody", "somebody else"])
def test_nobody_is_trusted_without_being_told(sealed, anchor, tmp_path):
    other = certificates.create_signing_certificate(tmp_path, "Other", NOW).anchors_pem
    seal = pades.check(sealed, "" if anchor == "nobody" else other, LATER)
    assert (seal.intact, seal.trusted, seal.covers_whole_file) == (True, False, True)


@pytest.mark.parametrize("at", [NOW - timedelta(days=1), NOW + timedelta(days=3650)])
def test_a_certificate_is_trusted_in_its_time_only(certificate, sealed, at):
    seal = pades.check(sealed, certificate.anchors_pem, at)
    assert (seal.intact, seal.trusted) == (True, False)


def test_a_seal_is_never_older_than_its_certificate(certificate, paper):
    early = sealed_by(certificate, paper, at=NOW - timedelta(days=900))
    assert pades.check(early, certificate.anchors_pem, LATER).signed_at == NOW - timedelta(minutes=10)


def test_equal_papers_get_equal_seals(certificate, paper, sealed, tmp_path):
    assert sealed_by(certificate, paper) == sealed
    assert sealed_by(certificate, paper, at=SIGNED + timedelta(seconds=1)) != sealed
    # in another process too, where sets have another order
    (tmp_path / "given.json").write_text(
        json.dumps([base64.b64encode(paper).decode(), certificate.chain_pem, certificate.private_key_pem])
    )
    program = (
        "import base64, hashlib, json, sys\nfrom datetime import datetime\nfrom twinbook.documents import pades\n"
        "pdf, chain, key = json.load(open(sys.argv[1]))\n"
        "print(hashlib.sha256(pades.seal(base64.b64decode(pdf), chain_pem=chain, private_key_pem=key, reason='Why',"
        " at=datetime.fromisoformat(sys.argv[2]))).hexdigest())"
    )
    given = [sys.executable, "-c", program, str(tmp_path / "given.json"), SIGNED.isoformat()]
    said = subprocess.run(given, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONHASHSEED": "7"})
    assert said.stdout.strip() == hashlib.sha256(sealed).hexdigest()


# --- what is under it -------------------------------------------------------------------------------------------


def test_the_paper_stays_as_it_was(paper, sealed):
    assert sealed.startswith(paper)
    assert PdfReader(io.BytesIO(sealed)).attachments["terms.json"] == [TERMS.encode()]
    assert PdfReader(io.BytesIO(sealed)).pages[0].extract_text() == PdfReader(io.BytesIO(paper)).pages[0].extract_text()


def number(dictionary, key):
    """The number of the object that is meant, None for one that stands there itself."""
    return getattr(dictionary.raw_get(key), "idnum", None)


def test_it_stays_archival_and_accessible(paper, sealed):
    before, after = (PdfReader(io.BytesIO(pdf)) for pdf in (paper, sealed))
    metadata = after.xmp_metadata.stream.get_data()
    assert metadata == before.xmp_metadata.stream.get_data()
    for said in (b"<pdfaid:part>3<", b"<pdfaid:conformance>A<", b"<pdfuaid:part>1<"):
        assert said in metadata
    assert dict(after.metadata) == dict(before.metadata)
    root = after.trailer["/Root"]
    for kept in ("/OutputIntents", "/StructTreeRoot", "/MarkInfo", "/Lang", "/AF", "/Names", "/Metadata"):
        assert number(root, kept) == number(before.trailer["/Root"], kept)
    assert "/Version" not in root
    assert "/NeedAppearances" not in root["/AcroForm"]
    (field,) = (f.get_object() for f in root["/AcroForm"]["/Fields"])
    assert field["/F"] & 0b110 == 0b100  # PDF/A: printed, not hidden
    left, bottom, right, top = field["/Rect"]
    assert (left, bottom) == (right, top)  # PDF/A: no appearance needed
    assert left < 0  # PDF/UA: off the page, so no tag needed
    assert after.pages[0]["/Tabs"] == "/S"
    first, second = after.trailer["/ID"]
    assert first == before.trailer["/ID"][0]
    assert second != before.trailer["/ID"][1]


def test_it_is_pades_and_allows_no_change(sealed):
    root = PdfReader(io.BytesIO(sealed)).trailer["/Root"]
    seal = root["/AcroForm"]["/Fields"][0].get_object()["/V"]
    assert root["/Perms"]["/DocMDP"] == seal
    assert seal["/SubFilter"] == "/ETSI.CAdES.detached"
    assert seal["/M"].startswith("D:20261123120000")
    (reference,) = seal["/Reference"]
    assert reference["/TransformParams"]["/P"] == 1
    assert not {"/DigestLocation", "/DigestMethod", "/DigestValue"} & set(reference)  # PDF/A-2, 6.1.12


@pytest.mark.skipif(not shutil.which("pdfsig"), reason="pdfsig isn't installed")
def test_poppler_finds_it_valid(sealed, tmp_path):
    (tmp_path / "paper.pdf").write_bytes(sealed)
    command = ["pdfsig", "-nocert", str(tmp_path / "paper.pdf")]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said


# --- changes ----------------------------------------------------------------------------------------------------


def noticed(pdf, certificate) -> bool:
    try:
        seal = pades.check(pdf, certificate.anchors_pem, LATER)
    except InputError as error:
        assert error.code == "paper.unreadable"
        return True
    return not (seal.intact and seal.covers_whole_file)


def test_every_changed_byte_is_noticed(certificate, sealed):
    chance = random.Random(36)
    gap = sealed.rindex(b"/Contents <")
    end = sealed.index(b">", gap)
    # The second lot lies where no signature can reach: in the seal's own container, its certificates and its padding.
    places = [chance.randrange(len(sealed)) for _ in range(300)] + [chance.randrange(gap, end + 1) for _ in range(100)]
    missed = []
    for place in places:
        changed = bytearray(sealed)
        changed[place] ^= chance.randrange(1, 256)
        if not noticed(bytes(changed), certificate):
            missed.append((place, changed[place]))
    assert not missed


def test_the_case_of_a_hexadecimal_digit_is_noticed(certificate, sealed):
    place = sealed.index(b"A", sealed.rindex(b"/Contents <") + 12)
    assert noticed(sealed[:place] + b"a" + sealed[place + 1 :], certificate)


@pytest.mark.parametrize("more", [b"\n", b" ", b"%%EOF\n", b"\x00" * 2000, b"<script>"])
def test_appended_bytes_are_noticed(certificate, sealed, more):
    assert noticed(sealed + more, certificate)


def test_an_incremental_update_is_noticed(certificate, sealed):
    update = IncrementalPdfFileWriter(io.BytesIO(sealed))
    update.root["/Lang"] = update.root["/Lang"].__class__("sv")
    update.update_root()
    out = io.BytesIO()
    update.write(out)
    assert PdfReader(io.BytesIO(out.getvalue())).trailer["/Root"]["/Lang"] == "sv"
    seal = pades.check(out.getvalue(), certificate.anchors_pem, LATER)
    assert not seal.covers_whole_file


def test_another_home_s_seal_is_not_ours(certificate, paper, tmp_path):
    other = certificates.create_paper_certificate(tmp_path / "papers", tmp_path / "c2pa", "Twinbook home", NOW)
    seal = pades.check(sealed_by(other, paper), certificate.anchors_pem, LATER)
    assert (seal.intact, seal.trusted, seal.signer) == (True, False, "Twinbook home (papers)")


# --- what isn't a sealed paper ----------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"nonsense" * 99, b"%PDF-1.7\nstartxref\n0\n%%EOF", b"\xff" * 9])
def test_what_is_no_pdf_is_refused(certificate, data):
    with pytest.raises(InputError, match=r"paper\.unreadable"):
        pades.check(data, certificate.anchors_pem, LATER)


def test_an_unsealed_paper_is_refused(certificate, paper):
    with pytest.raises(InputError, match=r"paper\.unreadable.*no seal") as caught:
        pades.check(paper, certificate.anchors_pem, LATER)
    assert "Twinbook wrote" in caught.value.remedy


def test_hostile_files_raise_nothing_else(certificate, sealed):
    chance = random.Random(9)
    for _ in range(120):
        changed = bytearray(sealed[: chance.randrange(len(sealed))] if chance.random() < 0.4 else sealed)
        for _ in range(chance.randrange(1, 30)):
            # near the end, where the structure is, rather than in compressed streams
            place = max(0, len(changed) - chance.randrange(1, 9000))
            changed[place : place + chance.randrange(3)] = chance.choice(
                [b"0 R", b"<<", b"]", b"99999999999", b"-1", b"/V", b"obj", b"R", b"(", bytes([chance.randrange(256)])]
            )
        assert noticed(bytes(changed), certificate)


def small_pdf(*objects):
    """A PDF of a catalog with a form, which is object 2, and these objects from 2 on."""
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate((b"<</Type/Catalog/AcroForm 2 0 R>>", *objects), start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(places) + 1
    table = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\n" % (size, table, size)
    return out + table + b"startxref\n%d\n%%%%EOF\n" % len(out)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "objects",
    [
        (b"<</Fields[3 0 R]>>", *(b"<</T(a)/Kids[%d 0 R %d 0 R]>>" % (n, n) for n in range(4, 60)), b"<</FT/Sig>>"),
        (b"<</Fields[3 0 R]>>", b"<</T(a)/FT/Sig/Kids[3 0 R]>>"),
        (b"<</Fields[3 0 R]>>", b"4 0 R", b"3 0 R"),
        (b"<</Fields[3 0 R]>>", b"<</FT/Sig/V 3 0 R>>"),
        (b"<</Fields " + b"[" * 9000 + b"]" * 9000 + b">>",),
        (b"<</Fields[3 0 R]>>", b"<</FT/Sig/V 4 0 R>>", b"<</ByteRange[0 1 2 3]/Contents<3080>>>"),
    ],
    ids=["a tree without end", "a loop of fields", "a loop", "a field that is its own seal", "a deep nest", "no seal"],
)
def test_a_trap_is_refused(certificate, objects):
    with pytest.raises(InputError, match=r"paper\.unreadable"):
        pades.check(small_pdf(*objects), certificate.anchors_pem, LATER)


def test_a_file_larger_than_any_paper_is_refused(certificate, sealed):
    with pytest.raises(InputError, match=r"paper\.unreadable.*larger"):
        pades.check(sealed + b" " * pades.LARGEST, certificate.anchors_pem, LATER)


def test_a_crowd_of_certificates_is_not_walked(certificate, bought, paper):
    root, middle, middle_key, key = bought
    crowd = pem(*(issue("Middle", middle_key, middle, middle_key, usages=(), ca=True) for _ in range(9)))
    own = unchecked(issue("Nordlight AB", key, middle, middle_key), middle, root, key)
    sealed = sealed_by(replace(own, chain_pem=own.chain_pem + crowd.decode()), paper)
    seal = pades.check(sealed, own.anchors_pem, SIGNED)
    assert (seal.intact, seal.trusted, seal.covers_whole_file) == (False, False, True)


# --- the home's certificate, and one of one's own ------------------------------------------------------------------


def test_the_leaf_is_what_readers_of_papers_ask_for(certificate):
    leaf, ca = x509.load_pem_x509_certificates(certificate.chain_pem.encode())
    leaf.verify_directly_issued_by(ca)
    assert "DEVELOPMENT" in leaf.issuer.rfc4514_string()
    assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "Twinbook home (papers)"
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.content_commitment, usage.key_cert_sign) == (True, True, False)
    assert DOCUMENT_SIGNING in leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert leaf.public_key().key_size == 3072
    assert leaf.not_valid_after_utc == ca.not_valid_after_utc


def issue(subject, key, issuer=None, issuer_key=None, usages=(DOCUMENT_SIGNING,), commits=True, ca=False, days=300):
    """A certificate of a CA that isn't ours."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    flags = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    usage = x509.KeyUsage(digital_signature=not ca, content_commitment=commits, key_cert_sign=ca, crl_sign=ca, **flags)
    signer = issuer_key or key
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(authority, critical=False)
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=usages == TIME_STAMPING)
    return builder.sign(signer, hashes.SHA256())


TIME_STAMPING = (ExtendedKeyUsageOID.TIME_STAMPING,)


def pem(*certificates_):
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates_)


def key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


@pytest.fixture(scope="module")
def bought():
    """A root, an intermediate CA under it, and an RSA key for leaves."""
    root_key, middle_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = issue("Root", root_key, usages=(), ca=True)
    middle = issue("Middle", middle_key, root, root_key, usages=(), ca=True)
    return root, middle, middle_key, rsa.generate_private_key(65537, 2048)


def unchecked(leaf, middle, root, key):
    chain, anchors = pem(leaf, middle).decode(), pem(root).decode()
    return certificates.SigningCertificate(chain, key_pem(key).decode(), anchors, leaf.not_valid_after_utc)


def own_files(folder, leaf, middle, key):
    folder.joinpath("chain.pem").write_bytes("Bag Attributes: Ä\n".encode() + pem(leaf, middle))
    folder.joinpath("key.pem").write_bytes(key_pem(key))
    folder.joinpath("key.pem").chmod(0o600)
    return folder / "chain.pem", folder / "key.pem"


def test_a_certificate_of_ones_own_seals(bought, paper, tmp_path):
    root, middle, middle_key, key = bought
    leaf = issue("Nordlight AB", key, middle, middle_key)
    own = certificates.load_paper_files(*own_files(tmp_path, leaf, middle, key), NOW)
    sealed = sealed_by(own, paper)
    for anchors in (pem(root).decode(), own.anchors_pem):
        seal = pades.check(sealed, anchors, SIGNED)
        assert (seal.intact, seal.trusted, seal.signer) == (True, True, "Nordlight AB")
    # No other certificate vouches for the intermediate here, but the seal itself names it.
    der = middle.public_bytes(serialization.Encoding.DER).hex().upper().encode()
    place = sealed.index(der) + len(der) - 10
    changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
    assert noticed(changed, replace(own, anchors_pem=pem(middle).decode()))


@pytest.mark.parametrize(
    ("usages", "commits", "trusted"),
    [
        ((DOCUMENT_SIGNING,), False, True),
        ((), True, True),
        ((ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING), True, True),
        # what the home's leaf for pictures has
        ((ExtendedKeyUsageOID.EMAIL_PROTECTION,), True, False),
        ((ExtendedKeyUsageOID.SERVER_AUTH,), True, False),
    ],
)
def test_only_a_certificate_for_documents_may_seal(bought, paper, tmp_path, usages, commits, trusted):
    root, middle, middle_key, key = bought
    leaf = issue("Nordlight AB", key, middle, middle_key, usages=usages, commits=commits)
    forced = unchecked(leaf, middle, root, key)
    assert pades.check(sealed_by(forced, paper), forced.anchors_pem, SIGNED).trusted is trusted
    files = own_files(tmp_path, leaf, middle, key)
    if trusted:
        assert certificates.load_paper_files(*files, NOW).anchors_pem == pem(middle).decode()
    else:
        with pytest.raises(StateError, match=r"seal\.certificate.*extended key usage"):
            certificates.load_paper_files(*files, NOW)


def test_other_keys_than_rsa_are_refused(bought, tmp_path):
    _, middle, middle_key, _ = bought
    curve = ec.generate_private_key(ec.SECP256R1())
    files = own_files(tmp_path, issue("Nordlight AB", curve, middle, middle_key), middle, curve)
    with pytest.raises(StateError, match=r"seal\.certificate.*RSA"):
        certificates.load_paper_files(*files, NOW)


# --- time stamps --------------------------------------------------------------------------------------------------


class Answers(BaseHTTPRequestHandler):
    """A time stamp authority on this machine; ``answer`` makes of a request what is sent back."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.server.answer(body)
        self.send_response(200 if answer else 500)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.end_headers()
        self.wfile.write(answer or b"")

    def log_message(self, *_):
        pass


@pytest.fixture
def authority():
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_time_stamp_outlives_the_certificate(authority, bought, paper):
    root, middle, middle_key, key = bought
    own = unchecked(issue("Nordlight AB", key, middle, middle_key, days=30), middle, root, key)
    stamping = issue("Clock", key, usages=TIME_STAMPING, commits=False)
    clock = DummyTimeStamper(
        asn1.Certificate.load(stamping.public_bytes(serialization.Encoding.DER)),
        load_private_key_from_pemder_data(key_pem(key), passphrase=None),
        fixed_dt=SIGNED + timedelta(days=2),
    )
    server, url = authority
    server.answer = lambda body: clock.request_tsa_response(tsp.TimeStampReq.load(body)).dump()
    stamped = sealed_by(own, paper, timestamp_url=url)
    both, ended = own.anchors_pem + pem(stamping).decode(), SIGNED + timedelta(days=60)
    assert pades.check(stamped, both, ended) == pades.PaperSeal(True, True, True, "Nordlight AB", SIGNED)
    assert pades.check(stamped, own.anchors_pem, SIGNED).trusted
    assert not pades.check(stamped, own.anchors_pem, ended).trusted
    assert not pades.check(sealed_by(own, paper), both, ended).trusted


@pytest.mark.parametrize("answer", [b"", b"nonsense", b"0\x03\x02\x01\x02"])
def test_an_authority_that_gives_no_stamp_is_named(authority, certificate, paper, answer):
    server, url = authority
    server.answer = lambda body: answer
    with pytest.raises(StateError, match=r"seal\.certificate.*no time stamp") as caught:
        sealed_by(certificate, paper, timestamp_url=url)
    assert url in caught.value.diagnosis
    assert "TWINBOOK_TIMESTAMP_URL" in caught.value.remedy


# --- wiring -------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self, days=0):
        self._now = NOW + timedelta(days=days)

    def now(self):
        return self._now


def day(number):
    return NOW + timedelta(days=number)


@pytest.mark.parametrize(
    ("signed", "revoked", "dated"),
    [((1,), None, 1), ((2, 1), None, 2), ((1, 2), 3, 3), ((1, 2), 30, 2), ((), None, None)],
)
def test_a_paper_is_dated_by_the_last_thing_that_happened(monkeypatch, certificate, paper, signed, revoked, dated):
    monkeypatch.setattr(signed_paper, "paper_pdf", lambda *_, **__: paper)
    papers = Papers(Clock(days=5), certificate.chain_pem, certificate.private_key_pem)
    signatures = tuple(SimpleNamespace(at=day(number)) for number in signed)
    filed = SimpleNamespace(signatures=signatures, revoked_at=revoked and day(revoked), withdrawn={})
    pdf = papers.paper_pdf(filed)
    if dated is None:
        assert pdf == paper  # a draft isn't sealed
    else:
        assert pades.check(pdf, certificate.anchors_pem, LATER).signed_at == day(dated)


def test_papers_are_sealed_and_stay_the_same(certificate):
    statement = Statement("mira", "Mira Holm", SIGNED, ())
    papers = Papers(None, certificate.chain_pem, certificate.private_key_pem)
    pdf = papers.statement_pdf(statement)
    assert pdf == papers.statement_pdf(statement)
    assert pades.check(pdf, certificate.anchors_pem, LATER) == pades.PaperSeal(
        True, True, True, "Twinbook home (papers)", SIGNED
    )


def test_a_home_gets_what_it_lacks_and_keeps_what_it_has(tmp_path):
    where = Settings(tmp_path / "home")
    app.make_home(where, Clock())
    chain = tmp_path / "home" / "keys" / "papers" / certificates.PAPER_CHAIN
    before = chain.read_bytes()
    app.make_home(where, Clock())
    assert chain.read_bytes() == before
    shutil.rmtree(chain.parent)
    assert app.make_home(where, Clock()) is False
    leaf, ca = x509.load_pem_x509_certificates(chain.read_bytes())
    assert pem(leaf, ca) == chain.read_bytes() != before
    assert pem(ca).decode() == app.anchors(where) == app.paper_anchors(where)


def test_a_certificate_is_named_in_the_settings(bought, tmp_path):
    _, middle, middle_key, key = bought
    chain, secret = own_files(tmp_path, issue("Nordlight AB", key, middle, middle_key), middle, key)
    where = settings(
        {
            "TWINBOOK_HOME": str(tmp_path / "home"),
            "TWINBOOK_PAPER_CERTIFICATE": str(chain),
            "TWINBOOK_PAPER_KEY": str(secret),
            "TWINBOOK_TIMESTAMP_URL": "https://clock.example/",
        }
    )
    assert (where.paper_certificate, where.paper_key, where.timestamp_url) == (chain, secret, "https://clock.example/")
    app.make_home(where, Clock())
    assert not (tmp_path / "home" / "keys" / "papers").exists()
    assert pem(middle).decode() in app.paper_anchors(where, Clock())
    with pytest.raises(InputError, match=r"seal\.certificate"):
        settings({"TWINBOOK_PAPER_KEY": str(secret)})
