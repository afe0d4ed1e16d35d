"""Certificates that pictures and papers are signed with: a development CA and the leaves it issues.

A C2PA claim must be signed with an end-entity certificate that chains to somebody else's; a self-signed one is refused
(C2PA 2.x, "X.509 Certificates"). Until an agency buys a certificate from a CA on the C2PA trust list, Twinbook makes a
CA of its own on this machine. Nobody else trusts it, and its name says so: a public validator will show such a picture
as signed by an unknown party. What the pictures of a home are checked against is the root made here.

Papers are sealed by a leaf of its own under the same CA: other readers look at it, and they ask for other things.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from ..domain.errors import StateError

DEVELOPMENT_CA_NAME = "Twinbook DEVELOPMENT CA – not trusted by anyone"
CA_CERTIFICATE, CA_KEY = "development-ca.pem", "development-ca.key"
LEAF_CHAIN, LEAF_KEY = "c2pa-signing.pem", "c2pa-signing.key"
PAPER_CHAIN, PAPER_KEY = "paper-signing.pem", "paper-signing.key"

CA_DAYS = 3650
LEAF_DAYS = 365
# A machine whose clock lags a little must still accept what was made a moment ago.
_BACKDATE = timedelta(minutes=10)


@dataclass(frozen=True)
class SigningCertificate:
    """What a sealer needs. All three texts are PEM.

    ``chain_pem`` starts with the leaf and ends with the certificate that issued it; ``private_key_pem`` is the leaf's
    key, NIST P-256 for pictures, RSA for papers; ``anchors_pem`` is the root a reader trusts. ``not_after`` is in UTC.
    """

    chain_pem: str
    private_key_pem: str
    anchors_pem: str
    not_after: datetime

    def __repr__(self) -> str:
        return f"SigningCertificate(not_after={self.not_after.isoformat()})"


def create_signing_certificate(folder: Path, holder: str, now: datetime) -> SigningCertificate:
    """Make the development CA, if ``folder`` has none yet, and a fresh leaf for ``holder`` (an organisation's name).

    An existing leaf is replaced; an existing CA is kept, so pictures signed before stay trusted. Key files get mode
    0600. Raises StateError ``seal.certificate`` when a file can't be written or the CA that is there can't be used.
    """
    return _create(_PICTURES, folder, folder, holder, now)


def create_paper_certificate(folder: Path, authority: Path, holder: str, now: datetime) -> SigningCertificate:
    """Make a fresh leaf for sealing papers in ``folder``, under the development CA in the folder ``authority``.

    A CA is made there if there is none. The leaf lasts as long as its CA. Raises as `create_signing_certificate`.
    """
    return _create(_PAPERS, folder, authority, holder, now)


def load_signing_certificate(folder: Path, now: datetime) -> SigningCertificate:
    """The leaf, its key and the root in ``folder``. Raises StateError ``seal.certificate`` for whatever is wrong."""
    return _load(_PICTURES, folder, folder, now)


def load_paper_certificate(folder: Path, authority: Path, now: datetime) -> SigningCertificate:
    """What `create_paper_certificate` made. Raises StateError ``seal.certificate`` for whatever is wrong."""
    return _load(_PAPERS, folder, authority, now)


def load_certificate_files(
    chain: Path, key: Path, anchors_pem: str | None, now: datetime, *, profile: bool = False
) -> SigningCertificate:
    """A chain and key from any CA, checked as far as C2PA signing needs it.

    Checks: the key file is nobody else's to read, the key is the leaf's and on P-256, the leaf is valid ``now``, is no
    CA, may sign, has an accepted extended key usage and names its authority, and each certificate is issued by the
    next. ``anchors_pem`` None is the chain's last certificate. Raises StateError ``seal.certificate`` with the file and the
    fault, and with ``profile`` ``seal.profile`` as `conformance_gaps` finds.
    """
    loaded = _load_files(_PICTURES, chain, key, anchors_pem, now)
    if profile:
        _require_profile(chain, loaded.chain_pem)
    return loaded


def load_chain_file(chain: Path, now: datetime, *, profile: bool = False) -> SigningCertificate:
    """A chain whose key lies elsewhere (a security module, a KMS), checked as `load_certificate_files` does but for the
    key; ``private_key_pem`` is empty. Raises StateError ``seal.certificate``, ``seal.profile``."""
    certificates = _read_chain(chain)
    fault = _fault_of_leaf(_PICTURES, certificates[0], now) or _fault_of_chain(certificates, now)
    if fault:
        raise StateError("seal.certificate", f"{chain.name}: {fault}")
    unfit = _unfit_for_es256_public(certificates[0].public_key())
    if unfit:
        raise StateError("seal.certificate", f"the key in {chain.name} {unfit}")
    chain_pem = b"".join(map(_pem, certificates)).decode("ascii")
    if profile:
        _require_profile(chain, chain_pem)
    return SigningCertificate(
        chain_pem, "", _pem(certificates[-1]).decode("ascii"), certificates[0].not_valid_after_utc
    )


def conformance_gaps(chain_pem: str) -> tuple[str, ...]:
    """What the leaf lacks of the profile that the C2PA conformance programme's trust list asks for (certificate policy,
    as of 2026-08): claimSigning beside emailProtection or documentSigning, nonRepudiation, an OCSP responder's address,
    at most 366 days, an organisation's name."""
    leaf = x509.load_pem_x509_certificates(chain_pem.encode("utf-8"))[0]
    found = {type(extension.value): extension.value for extension in leaf.extensions}
    usages = set(found.get(x509.ExtendedKeyUsage, ()))
    usage, access = found.get(x509.KeyUsage), found.get(x509.AuthorityInformationAccess, ())
    days = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    asked = {
        "the extended key usage C2PA claimSigning (1.3.6.1.4.1.62558.2.1)": _CLAIM_SIGNING in usages,
        "the extended key usage emailProtection or documentSigning": bool(
            usages & {ExtendedKeyUsageOID.EMAIL_PROTECTION, _DOCUMENT_SIGNING}
        ),
        "the key usage nonRepudiation": usage is not None and usage.content_commitment,
        "the address of an OCSP responder (authority information access)": any(
            each.access_method == AuthorityInformationAccessOID.OCSP for each in access
        ),
        f"a life of at most {_LONGEST_DAYS} days (it has {days.days})": days <= timedelta(days=_LONGEST_DAYS),
        "an organisation's name in its subject": bool(leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)),
    }
    return tuple(what for what, there in asked.items() if not there)


def _require_profile(file: Path, chain_pem: str) -> None:
    gaps = conformance_gaps(chain_pem)
    if gaps:
        raise StateError("seal.profile", f"the certificate in {file.name} lacks {'; '.join(gaps)}")


def load_paper_files(chain: Path, key: Path, now: datetime) -> SigningCertificate:
    """A chain and key from any CA, checked as `load_certificate_files` does, but for an RSA key that may seal papers.

    The anchor is the chain's last certificate: who names a chain as their own trusts who issued it.
    """
    return _load_files(_PAPERS, chain, key, None, now)


# --- what leaves are for -----------------------------------------------------------------------------------------

_DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336

_CLAIM_SIGNING = x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
_LONGEST_DAYS = 366

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def _unfit_for_es256(key: object) -> str:
    fit = isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    return "" if fit else "is not a P-256 key, which ES256 needs"


def _unfit_for_es256_public(key: object) -> str:
    fit = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    return "" if fit else "is not on P-256, which ES256 needs"


def _unfit_for_papers(key: object) -> str:
    fit = isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048
    return "" if fit else "is not an RSA key of at least 2048 bits, which seals on papers need"


@dataclass(frozen=True)
class _Purpose:
    """What a leaf is for: how one is made here, and what is asked of one from elsewhere. ``days`` None is as long as
    the CA; ``commits`` says that its signatures are meant to be held against the signer (contentCommitment)."""

    name: str
    chain: str
    key: str
    common_name: str
    days: int | None
    commits: bool
    usages: tuple[x509.ObjectIdentifier, ...]
    accepted: frozenset[x509.ObjectIdentifier]
    needs_usage: bool
    example: str
    new_key: Callable[[], _Key]
    unfit: Callable[[object], str]


_PICTURES = _Purpose(
    name="C2PA",
    chain=LEAF_CHAIN,
    key=LEAF_KEY,
    common_name="Twinbook development signer",
    days=LEAF_DAYS,
    commits=False,
    usages=(ExtendedKeyUsageOID.EMAIL_PROTECTION,),
    # What C2PA validators take without further configuration (c2pa-rs, `valid_eku_oids`).
    accepted=frozenset(
        {
            ExtendedKeyUsageOID.EMAIL_PROTECTION,
            _DOCUMENT_SIGNING,
            _CLAIM_SIGNING,
        }
    ),
    needs_usage=True,
    example="emailProtection",
    new_key=lambda: ec.generate_private_key(ec.SECP256R1()),
    unfit=_unfit_for_es256,
)
_PAPERS = _Purpose(
    name="a seal on papers",
    chain=PAPER_CHAIN,
    key=PAPER_KEY,
    common_name="{holder} (papers)",
    # A seal without a time stamp can be checked as long as its certificate lasts, and licenses outlast a year.
    days=None,
    commits=True,
    # The second for readers that don't know the first: Adobe's, and those that check with NSS (poppler's) take e-mail.
    usages=(_DOCUMENT_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION),
    # As `documents.pades` has it. E-mail alone isn't enough, or the leaf for pictures could seal papers.
    accepted=frozenset(
        {
            _DOCUMENT_SIGNING,
            x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.12"),  # Microsoft document signing
            x509.ObjectIdentifier("1.2.840.113583.1.1.5"),  # Adobe authentic documents trust
            ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
        }
    ),
    needs_usage=False,
    example="documentSigning",
    new_key=lambda: rsa.generate_private_key(65537, 3072),
    unfit=_unfit_for_papers,
)


# --- making -----------------------------------------------------------------------------------------------------


def _create(purpose: _Purpose, folder: Path, authority: Path, holder: str, now: datetime) -> SigningCertificate:
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    try:
        for each in (authority, folder):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (authority / CA_CERTIFICATE).exists() and not (authority / CA_KEY).exists():
            _create_ca(authority, now)
        ca, ca_key = _load_ca(authority, now)
        key = purpose.new_key()
        leaf = _leaf(purpose, holder, key, ca, ca_key, now)
        _write(folder / purpose.key, _key_pem(key), secret=True)
        _write(folder / purpose.chain, _pem(leaf) + _pem(ca), secret=False)
    except OSError as error:
        raise StateError("seal.certificate", f"{error.filename or folder}: {error.strerror or error}") from error
    return _load(purpose, folder, authority, now)


def _create_ca(folder: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Twinbook"),
            x509.NameAttribute(NameOID.COMMON_NAME, DEVELOPMENT_CA_NAME),
        ]
    )
    certificate = (
        _certificate(name, name, key, now, now - _BACKDATE + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(issue=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(folder / CA_KEY, _key_pem(key), secret=True)
    _write(folder / CA_CERTIFICATE, _pem(certificate), secret=False)


def _leaf(
    purpose: _Purpose, holder: str, key: _Key, ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.Certificate:
    # 64 characters is X.520's upper bound for both.
    organisation = holder.strip()[:64] or "Twinbook"
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, purpose.common_name.format(holder=organisation[:48])),
        ]
    )
    authority = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    ends = now - _BACKDATE + timedelta(days=purpose.days) if purpose.days else ca.not_valid_after_utc
    return (
        _certificate(name, ca.subject, key, now, ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(sign=True, commit=purpose.commits), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purpose.usages), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: _Key, now: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(ends)
    )


def _key_usage(*, sign: bool = False, commit: bool = False, issue: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=commit,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=issue,
        crl_sign=issue,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: _Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes, *, secret: bool) -> None:
    """Write whole or not at all; a secret is never readable by others, not even for a moment."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


# --- reading ----------------------------------------------------------------------------------------------------


def _load(purpose: _Purpose, folder: Path, authority: Path, now: datetime) -> SigningCertificate:
    anchors = _read(authority / CA_CERTIFICATE, secret=False)
    return _load_files(purpose, folder / purpose.chain, folder / purpose.key, anchors.decode("ascii", "replace"), now)


def _load_files(
    purpose: _Purpose, chain: Path, key: Path, anchors_pem: str | None, now: datetime
) -> SigningCertificate:
    """``anchors_pem`` None is the chain's last certificate."""
    certificates, key_pem = _read_chain(chain), _read(key, secret=True)
    private_key = _parse_key(key, key_pem, purpose.unfit)
    leaf = certificates[0]
    fault = _fault_of_leaf(purpose, leaf, now) or _fault_of_chain(certificates, now)
    if fault:
        raise StateError("seal.certificate", f"{chain.name}: {fault}")
    if _public_bytes(leaf.public_key()) != _public_bytes(private_key.public_key()):
        raise StateError("seal.certificate", f"{key.name} is not the key of the certificate in {chain.name}")
    if anchors_pem is None:
        anchors_pem = _pem(certificates[-1]).decode("ascii")
    try:
        x509.load_pem_x509_certificates(anchors_pem.encode("utf-8"))
    except ValueError as error:
        raise StateError("seal.certificate", "the trust anchors are not PEM certificates") from error
    # Written anew: what people keep between the certificates of a PEM file isn't always ASCII.
    written = b"".join(map(_pem, certificates)), _key_pem(private_key)
    return SigningCertificate(*(pem.decode("ascii") for pem in written), anchors_pem, leaf.not_valid_after_utc)


def _read_chain(chain: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(chain, secret=False))
    except ValueError as error:
        raise StateError("seal.certificate", f"{chain.name} holds no PEM certificates") from error


def _read(path: Path, *, secret: bool) -> bytes:
    try:
        if secret and os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StateError("seal.certificate", f"{path.name} can be read by others", f"run chmod 600 {path}")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise StateError("seal.certificate", f"there is no {path.name} in {path.parent}") from error
    except OSError as error:
        raise StateError("seal.certificate", f"{path}: {error.strerror or error}") from error


def _parse_key(path: Path, pem: bytes, unfit: Callable[[object], str]) -> _Key:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise StateError("seal.certificate", f"{path.name} holds no unencrypted PEM private key") from error
    fault = unfit(key)
    if fault:
        raise StateError("seal.certificate", f"{path.name} {fault}")
    return key


def _load_ca(folder: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    path = folder / CA_CERTIFICATE
    try:
        certificate = x509.load_pem_x509_certificate(_read(path, secret=False))
    except ValueError as error:
        raise StateError("seal.certificate", f"{path.name} is not a PEM certificate") from error
    key = _parse_key(folder / CA_KEY, _read(folder / CA_KEY, secret=True), _unfit_for_es256)
    if _public_bytes(certificate.public_key()) != _public_bytes(key.public_key()):
        raise StateError("seal.certificate", f"{CA_KEY} is not the key of {CA_CERTIFICATE}")
    if certificate.not_valid_after_utc < now + timedelta(days=LEAF_DAYS):
        raise StateError(
            "seal.certificate",
            f"{path.name} ends on {certificate.not_valid_after_utc:%Y-%m-%d}, before a new leaf would",
            f"move {path.name} and {CA_KEY} away and keep them for what was signed before, then make new ones",
        )
    return certificate, key


def _fault_of_leaf(purpose: _Purpose, leaf: x509.Certificate, now: datetime) -> str:
    """What stops this leaf from being used, or nothing."""
    if now < leaf.not_valid_before_utc:
        return f"the certificate is valid from {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    if now >= leaf.not_valid_after_utc:
        return f"the certificate ended on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    if leaf.subject == leaf.issuer:
        return f"the certificate is self-signed; {purpose.name} needs one that a CA issued"
    try:
        found = {type(extension.value): extension for extension in leaf.extensions}
    except ValueError as error:  # duplicate or malformed extensions
        return f"the certificate's extensions can't be read ({error})"
    constraints = found.get(x509.BasicConstraints)
    if constraints is not None and constraints.value.ca:
        return "the first certificate is a CA; the leaf comes first"
    usage = found.get(x509.KeyUsage)
    if usage is None or not (usage.value.digital_signature or (purpose.commits and usage.value.content_commitment)):
        return "the certificate's key usage lacks digitalSignature"
    extended = found.get(x509.ExtendedKeyUsage)
    if (extended is None and purpose.needs_usage) or (extended and not purpose.accepted & set(extended.value)):
        return f"the certificate's extended key usage is none for {purpose.name}, such as {purpose.example}"
    if x509.AuthorityKeyIdentifier not in found:
        return "the certificate has no authority key identifier"
    return ""


def _fault_of_chain(certificates: list[x509.Certificate], now: datetime) -> str:
    if len(certificates) < 2:
        return "the certificate of the CA that issued the leaf is missing from the chain"
    for child, parent in pairwise(certificates):
        try:
            child.verify_directly_issued_by(parent)
        except (ValueError, TypeError, InvalidSignature):
            return "the chain is out of order, or a certificate in it wasn't issued by the next"
        if now >= parent.not_valid_after_utc:
            return f"the CA's certificate ended on {parent.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    return ""


def _public_bytes(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
