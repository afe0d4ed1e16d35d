"""Who signs manifests and who stamps them: keys in security modules and behind commands, an authority of the tests' own."""

import multiprocessing
import os
import shlex
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from pictures import RELEASE, astronaut, marking
from stamp_authority import Authority, serving

from twinbook.domain.errors import InputError, StateError
from twinbook.keys.certificates import (
    conformance_gaps,
    load_certificate_files,
    load_chain_file,
)
from twinbook.keys.claim_keys import command_key, pkcs11_key
from twinbook.reader import ImageReader
from twinbook.seal import ImageSealer
from twinbook.settings import settings

SOFTHSM = shutil.which("softhsm2-util")
CLAIM_SIGNING = x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")

# What a KMS's command does: the bytes come in, a signature in DER goes out.
PROGRAM = """
import sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
with open(sys.argv[1], "rb") as file:
    key = serialization.load_pem_private_key(file.read(), None)
sys.stdout.buffer.write(key.sign(sys.stdin.buffer.read(), ec.ECDSA(hashes.SHA256())))
"""


def small():
    return astronaut(480, 640), marking(faces=())


def issued(folder, *, seconds=None, days=365, conforming=False):
    """A CA and a leaf of its own: the chain, the leaf's key and the CA, as PEM files. ``seconds`` is how long it still lasts."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA of the tests")])
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests")])
    now = datetime.now(UTC)
    begins = now - timedelta(days=1)
    identifier = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())

    def begun(subject, public, ends):
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name).public_key(public)
        return made.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)

    def usage(ca, commits):
        return x509.KeyUsage(not ca, commits, False, False, False, ca, ca, False, False)

    ca = (
        begun(ca_name, ca_key.public_key(), begins + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(True, 0), critical=True)
        .add_extension(usage(True, False), critical=True)
        .add_extension(identifier, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    usages = [ExtendedKeyUsageOID.EMAIL_PROTECTION, *([CLAIM_SIGNING] if conforming else [])]
    ends = now + timedelta(seconds=seconds) if seconds else begins + timedelta(days=days)
    leaf = (
        begun(name, key.public_key(), ends)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(usage(False, conforming), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    if conforming:
        responder = x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://127.0.0.1:9/")
        )
        leaf = leaf.add_extension(x509.AuthorityInformationAccess([responder]), critical=False)
    leaf = leaf.sign(ca_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (folder / "chain.pem").write_bytes(leaf.public_bytes(pem) + ca.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "key.pem").chmod(0o600)
    return folder / "chain.pem", folder / "key.pem", ca.public_bytes(pem).decode()


# --- time stamps --------------------------------------------------------------------------------------------------


def test_with_a_stamp_a_manifest_outlives_its_certificate_and_without_one_it_dies_with_it(tmp_path):
    authority, (chain, key, anchor), ends = Authority(), issued(tmp_path, seconds=12), time.monotonic() + 12
    pem = chain.read_text(), key.read_text()
    with serving(authority) as url:
        stamped = ImageSealer(*pem, timestamp_url=url).seal(*small()).data
    bare = ImageSealer(*pem).seal(*small()).data
    knows, ignorant = ImageReader(anchor, authority.anchor_pem), ImageReader(anchor)
    assert authority.asked == 1
    assert [reader.read(file).manifest.state for reader in (knows, ignorant) for file in (stamped, bare)] == (
        ["trusted"] * 4
    )
    time.sleep(max(ends - time.monotonic(), 0) + 1)
    assert knows.read(stamped).manifest.state == "trusted"
    assert knows.read(stamped).manifest.release == RELEASE.hex
    assert "trusted" not in {reader.read(bare).manifest.state for reader in (knows, ignorant)}


def test_an_authority_for_stamps_vouches_for_no_signer(tmp_path, sealer, certificate):
    """Whoever issues stamps issues certificates for signing too: anchors of stamps must not make those trusted here."""
    file = sealer.seal(*small()).data
    assert ImageReader("", certificate.anchors_pem).read(file).manifest.state != "trusted"
    _, _, other = issued(tmp_path)
    assert ImageReader(other, certificate.anchors_pem).read(file).manifest.state == "untrusted"


def test_without_the_authority_nothing_is_signed(certificate):
    authority = Authority()
    with serving(authority) as url:
        pass
    sealer = ImageSealer(certificate.chain_pem, certificate.private_key_pem, timestamp_url=url)
    with pytest.raises(StateError, match=r"seal\.timestamp"):
        sealer.seal(*small())


def test_a_stamp_on_something_else_is_refused(certificate):
    authority = Authority()
    authority.broken = True
    with serving(authority) as url:
        sealer = ImageSealer(certificate.chain_pem, certificate.private_key_pem, timestamp_url=url)
        with pytest.raises(StateError, match=r"seal\.timestamp"):
            sealer.seal(*small())


# --- keys elsewhere -----------------------------------------------------------------------------------------------


def command(folder, program, *arguments):
    file = folder / "kms.py"
    file.write_text(program)
    return shlex.join([sys.executable, str(file), *map(str, arguments)])


def test_a_command_signs(tmp_path):
    chain, key, anchor = issued(tmp_path)
    held = command_key(command(tmp_path, PROGRAM, key), chain.read_text())
    file = ImageSealer(chain.read_text(), key=held).seal(*small()).data
    assert ImageReader(anchor).read(file).manifest.state == "trusted"


def sealed_elsewhere(chain, key, signing, picture, said):
    """What a worker process does: it makes its own sealer, since keys and handles don't travel between processes."""
    if signing:
        return ImageSealer(chain, key=command_key(signing, chain)).seal(picture, said).data
    return ImageSealer(chain, key).seal(picture, said).data


def test_worker_processes_sign_with_a_key_or_a_command(tmp_path, certificate):
    chain, key, anchor = issued(tmp_path)
    signing = command(tmp_path, PROGRAM, key)
    picture, said = small()
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as workers:
        by_key = workers.submit(sealed_elsewhere, certificate.chain_pem, certificate.private_key_pem, "", picture, said)
        by_command = workers.submit(sealed_elsewhere, chain.read_text(), "", signing, picture, said)
        both = (by_key.result(), certificate.anchors_pem), (by_command.result(), anchor)
    for file, anchors in both:
        assert ImageReader(anchors).read(file).manifest.state == "trusted"


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import sys; sys.exit('denied by policy')", "denied by policy"),
        ("print('hello')", "no ES256 signature"),
        ("import sys; sys.stdout.buffer.write(bytes(64))", "no ES256 signature"),
        ("", "no ES256 signature"),
    ],
)
def test_a_command_that_gives_no_signature_is_told_of(tmp_path, program, says):
    chain, _, _ = issued(tmp_path)
    held = command_key(command(tmp_path, program), chain.read_text())
    with pytest.raises(StateError, match=says) as caught:
        ImageSealer(chain.read_text(), key=held).seal(*small())
    assert caught.value.code == "seal.signer"


def test_a_signature_of_another_key_never_gets_into_a_file(tmp_path):
    chain, _, _ = issued(tmp_path)
    (tmp_path / "other").mkdir()
    _, key, _ = issued(tmp_path / "other")
    with pytest.raises(StateError, match=r"seal\.signer"):
        command_key(command(tmp_path, PROGRAM, key), chain.read_text()).sign(b"claim")


@pytest.mark.parametrize("written", ["", "'", "/nowhere/at-all"])
def test_a_command_that_cant_be_run_is_told_of(tmp_path, written):
    chain, _, _ = issued(tmp_path)
    with pytest.raises(StateError, match=r"seal\.signer"):
        command_key(written, chain.read_text()).sign(b"claim")


@pytest.mark.skipif(SOFTHSM is None, reason="SoftHSM isn't installed (softhsm2)")
def test_a_security_module_signs(tmp_path, monkeypatch):
    pytest.importorskip("pkcs11")
    chain, key, anchor = issued(tmp_path)
    module = next(Path("/usr/lib").glob("**/softhsm/libsofthsm2.so"))
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    make = [SOFTHSM, "--init-token", "--free", "--label", "agency", "--pin", "1234", "--so-pin", "5678"]
    put = [SOFTHSM, "--import", str(key), "--token", "agency", "--label", "c2pa", "--id", "01", "--pin", "1234"]
    for each in (make, put):
        subprocess.run(each, check=True, capture_output=True, timeout=60)
    pin = tmp_path / "pin"
    pin.write_text("1234\n")
    pin.chmod(0o600)
    query = f"?module-path={module}&pin-source={pin}"
    held = pkcs11_key(f"pkcs11:token=agency;object=c2pa{query}", chain.read_text())
    file = ImageSealer(chain.read_text(), key=held).seal(*small()).data
    assert ImageReader(anchor).read(file).manifest.state == "trusted"
    for wrong in ("token=agency;object=nothing", "token=nobody;object=c2pa", "token=agency"):
        with pytest.raises(StateError, match=r"seal\.signer"):
            pkcs11_key(f"pkcs11:{wrong}{query}", chain.read_text())
    pin.chmod(0o644)
    if os.name == "posix":
        with pytest.raises(StateError, match="can be read by others"):
            pkcs11_key(f"pkcs11:token=agency;object=c2pa{query}", chain.read_text())


# --- the programme's profile --------------------------------------------------------------------------------------


def test_a_certificate_for_public_use_is_taken(tmp_path):
    chain, key, anchor = issued(tmp_path, conforming=True)
    now = datetime.now(UTC)
    loaded = load_certificate_files(chain, key, None, now, profile=True)
    assert conformance_gaps(loaded.chain_pem) == ()
    assert load_chain_file(chain, now, profile=True).private_key_pem == ""
    file = ImageSealer(loaded.chain_pem, loaded.private_key_pem).seal(*small()).data
    assert ImageReader(anchor).read(file).manifest.state == "trusted"


def test_what_a_certificate_lacks_is_said_all_at_once(tmp_path):
    chain, key, _ = issued(tmp_path, days=800)
    for load in (
        lambda: load_certificate_files(chain, key, None, datetime.now(UTC), profile=True),
        lambda: load_chain_file(chain, datetime.now(UTC), profile=True),
    ):
        with pytest.raises(StateError, match=r"claimSigning.*nonRepudiation.*OCSP.*366 days") as caught:
            load()
        assert caught.value.code == "seal.profile"
    assert load_chain_file(chain, datetime.now(UTC)).chain_pem


@pytest.mark.parametrize(
    "given",
    [
        {"TWINBOOK_SIGNING_KEY": "k.pem"},
        {"TWINBOOK_SIGNING_CERTIFICATE": "c.pem"},
        {"TWINBOOK_SIGNING_CERTIFICATE": "c.pem", "TWINBOOK_SIGNING_KEY": "k.pem", "TWINBOOK_SIGNING_COMMAND": "kms"},
        {"TWINBOOK_SIGNING_COMMAND": "kms"},
        {"TWINBOOK_IDENTITY_CERTIFICATE": "c.pem"},
        {"TWINBOOK_IDENTITY_KEY": "k.pem"},
    ],
)
def test_settings_that_dont_go_together_are_refused(given):
    with pytest.raises(InputError, match=r"seal\.certificate"):
        settings(given)


def test_a_home_signs_and_stamps_with_what_its_settings_name(tmp_path):
    from twinbook import app

    chain, key, _ = issued(tmp_path)
    authority = Authority()
    (tmp_path / "stamps.pem").write_text(authority.anchor_pem)
    with serving(authority) as url:
        where = settings(
            {
                "TWINBOOK_SIGNING_CERTIFICATE": str(chain),
                "TWINBOOK_SIGNING_COMMAND": command(tmp_path, PROGRAM, key),
                "TWINBOOK_SIGNING_PROFILE": "basic",
                "TWINBOOK_TIMESTAMP_URL": url,
                "TWINBOOK_TIMESTAMP_ANCHORS": str(tmp_path / "stamps.pem"),
            },
            home=tmp_path / "home",
        )
        app.make_home(where)
        with app.open_office(where) as office:
            file = office.sealer.seal(*small()).data
            assert office.reader.read(file).manifest.state == "trusted"
    assert authority.asked == 1
    assert app.marks_warnings(where) == ()
    plain = settings({}, home=tmp_path / "home")
    assert app.marks_warnings(plain) == (app.DEVELOPMENT_WARNING, app.NO_STAMPS_WARNING)
