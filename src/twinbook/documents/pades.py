"""Seals on papers: an invisible PAdES signature over a whole PDF, and the check of one.

A seal says that the paper is as this home wrote it. It is no person's consent: people sign the attached terms.

The seal is an incremental update that leaves every byte of the paper where it was: its attachments, and what makes it
PDF/A. Without a time stamp authority it is PAdES baseline B-B: its time is a claim, and nobody can check it once its
certificate has ended. With one it is B-T: the authority vouches that the seal was there at the time of the stamp.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from asn1crypto import cms, tsp, x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.generic import ArrayObject, ByteStringObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.attributes import CMSAttributeProvider
from pyhanko.sign.fields import InvisSigSettings, MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import as_signing_certificate_v2, find_unique_cms_attribute
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko.sign.signers.pdf_cms import SignedAttributeProviderSpec
from pyhanko.sign.timestamps import HTTPTimeStamper
from pyhanko.sign.validation import (
    EmbeddedPdfSignature,
    KeyUsageConstraints,
    PdfSignatureStatus,
    validate_pdf_signature,
)
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import InvalidCertificateError
from pyhanko_certvalidator.registry import SimpleCertificateStore

from ..domain.errors import InputError, StateError

FIELD = "Seal"
STAMP_SECONDS = 20
# No paper comes near it, and what reads hostile files shouldn't read for minutes.
LARGEST = 16 * 2**20
LONGEST_CHAIN = 8

# Who may seal papers, as `keys.certificates` issues and accepts it: a certificate without extended key usages, or with
# one for documents. With e-mail among them, the same CA's leaf for pictures could seal papers.
_USAGES = KeyUsageConstraints(
    key_usage={"digital_signature", "non_repudiation"},
    extd_key_usage={"1.3.6.1.5.5.7.3.36", "microsoft_document_signing", "adobe_authentic_documents_trust"},
    explicit_extd_key_usage_required=False,
)

# A file that can't be trusted is an answer here; pyHanko would tell of it on standard error besides.
for _library in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_library).addHandler(logging.NullHandler())


@dataclass(frozen=True)
class PaperSeal:
    """What the seal of a paper is worth.

    ``intact``: what it covers, and the seal itself, are as they were written. ``covers_whole_file``: nothing was added
    afterwards. ``trusted``: intact, and by a signer whom one of the anchors vouches for and who may seal papers.
    ``signer`` and ``signed_at`` are what the seal says; only a trusted one is to be believed, and even its time is the
    signer's word.
    """

    intact: bool
    trusted: bool
    covers_whole_file: bool
    signer: str
    signed_at: datetime | None


def seal(
    pdf: bytes, *, chain_pem: str, private_key_pem: str, reason: str, at: datetime, timestamp_url: str = ""
) -> bytes:
    """``pdf`` with a seal dated ``at``, or the certificate's first moment if that is later.

    ``chain_pem`` starts with the leaf, whose key is RSA. Equal arguments give equal bytes unless there is a
    ``timestamp_url`` (RFC 3161). Raises StateError ``seal.certificate`` when that authority gives no time stamp.
    """
    chain = list(load_certs_from_pemder_data(chain_pem.encode("ascii")))
    signer = _Signer(chain, load_pem_private_key(private_key_pem.encode("ascii"), password=None))
    metadata = PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        reason=reason,
        subfilter=SigSeedSubFilter.PADES,
        # A paper is finished when it is sealed. With an ordinary signature readers let people fill in, annotate and
        # countersign, and still call it signed; certified like this, they report any change.
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
    )
    # PDF/UA takes an untagged field off the page only, and PDF/A no hidden one.
    field = SigFieldSpec(FIELD, invis_sig_settings=InvisSigSettings(box_out_of_bounds=True), readable_field_name=FIELD)
    authority = _Authority(timestamp_url, timeout=STAMP_SECONDS) if timestamp_url else None
    # Readers refuse a seal that is older than its certificate.
    moment = max(at.astimezone(UTC), chain[0].not_valid_before).replace(microsecond=0)
    return _DatedSigner(metadata, signer, authority, field, moment).sign_pdf(_Update(io.BytesIO(pdf))).getvalue()


def check(pdf: bytes, anchors_pem: str, at: datetime) -> PaperSeal:
    """What the first seal of ``pdf`` is worth at the time ``at``, or at that of its time stamp if an anchor vouches
    for it. Nothing is fetched: no revocation lists, no certificates.

    ``anchors_pem`` are the certificates to be trusted, none at all if empty. Raises InputError ``paper.unreadable``
    for a file that isn't a sealed PDF, and nothing else, whatever the file.
    """
    anchors = list(load_certs_from_pemder_data(anchors_pem.encode("utf-8"))) if anchors_pem else []
    if len(pdf) > LARGEST:
        raise InputError("paper.unreadable", "the file is larger than any paper")
    try:
        found = _check(pdf, anchors, at)
    # A parser of hostile files raises nearly anything: KeyError, RecursionError, AssertionError, …
    except Exception as error:
        raise InputError("paper.unreadable", f"the file can't be read ({type(error).__name__})") from error
    if found is None:
        raise InputError("paper.unreadable", "there is no seal in the file")
    return found


# --- sealing ----------------------------------------------------------------------------------------------------


class _Update(IncrementalPdfFileWriter):
    """An update that takes nothing from a clock or from chance.

    The metadata stay: pyHanko would set the time of change in them to now. The paper itself isn't changed.
    """

    @classmethod
    def _handle_id(cls, prev: PdfFileReader) -> ArrayObject:
        first, _ = super()._handle_id(prev)
        prev.stream.seek(0)
        return ArrayObject([first, ByteStringObject(hashlib.sha256(prev.stream.read()).digest()[:16])])

    def _update_meta(self) -> None:
        pass


class _Signer(Signer):
    """RSA with PKCS #1 v1.5 and SHA-256.

    It is the one deterministic signature that PDF readers know: with it, and the paper's own time instead of the
    clock's, writing a paper again gives the same bytes. ECDSA has a random part, and few readers know Ed25519. A curve
    would also call for PDF 2.0 (ISO/TS 32002), which PDF/A-2 and -3 are not.
    """

    def __init__(self, chain: list[x509.Certificate], key: RSAPrivateKey | None) -> None:
        super().__init__(signing_cert=chain[0], cert_registry=SimpleCertificateStore.from_certs(chain[1:]))
        self.signed_attr_prov_spec = _ChainAttribute(chain)
        self._key = key

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        return bytes(self._key.key_size // 8) if dry_run else self._key.sign(data, PKCS1v15(), SHA256())


class _DatedSigner(PdfSigner):
    """Signs with a time of the caller's choice."""

    def __init__(self, metadata, signer, authority, field, moment: datetime) -> None:
        super().__init__(metadata, signer, timestamper=authority, new_field_spec=field)
        self._moment = moment

    def init_signing_session(self, pdf_out, existing_fields_only=False):
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self._moment
        return session


class _ChainAttribute(SignedAttributeProviderSpec, CMSAttributeProvider):
    """Signs the digest of every certificate in the chain, not the leaf's alone (RFC 5035 has room for them), so that
    none of them can be changed or exchanged unnoticed."""

    attribute_type = "signing_certificate_v2"

    def __init__(self, chain: list[x509.Certificate]) -> None:
        self._chain = chain

    def signed_attr_providers(self, data_digest: bytes, digest_algorithm: str) -> Iterator[CMSAttributeProvider]:
        yield self

    async def build_attr_value(self, dry_run: bool = False) -> tsp.SigningCertificateV2:
        return tsp.SigningCertificateV2({"certs": [as_signing_certificate_v2(c)["certs"][0] for c in self._chain]})


class _Authority(HTTPTimeStamper):
    """A time stamp authority that fails in our own words."""

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        try:
            token = await super().async_timestamp(message_digest, md_algorithm)
            stamped = token["content"]["encap_content_info"]["content"].parsed["message_imprint"]["hashed_message"]
            if stamped.native != message_digest:
                raise ValueError("it stamped something else")
        # A stranger's server answers what it likes, and pyHanko's parsers raise what they like.
        except Exception as error:
            raise StateError(
                "seal.certificate",
                f"the time stamp authority {self.url} gave no time stamp ({error.__cause__ or error})",
                "run again later, or unset TWINBOOK_TIMESTAMP_URL to seal without time stamps",
            ) from error
        return token


# --- checking ---------------------------------------------------------------------------------------------------


def _check(pdf: bytes, anchors: list[x509.Certificate], at: datetime) -> PaperSeal | None:
    found = _first_seal(pdf)
    if found is None:
        return None
    _, gap, end, _ = found.byte_range
    intact = trusted = False
    if _as_written(pdf, found):
        status = _validate(found, anchors, at)
        stamp = status.timestamp_validity
        if stamp is not None and stamp.valid and stamp.trusted:
            status = _validate(found, anchors, stamp.timestamp)
        intact = status.intact and status.valid
        trusted = intact and status.trusted and _may_seal(found.signer_cert)
    said = found.self_reported_timestamp
    return PaperSeal(
        intact=intact,
        trusted=trusted,
        covers_whole_file=list(found.byte_range) == [0, gap, end, len(pdf) - end],
        signer=_name(found.signer_cert),
        signed_at=said.astimezone(UTC) if said else None,
    )


def _first_seal(pdf: bytes) -> EmbeddedPdfSignature | None:
    """The first field of the form, where `seal` puts it.

    pyHanko's own search follows every branch of the tree of fields, and a small file can hold a tree without end.
    """
    reader = PdfFileReader(io.BytesIO(pdf))
    try:
        field = reader.root["/AcroForm"]["/Fields"][0]
        if field["/FT"] != "/Sig" or "/V" not in field:
            return None
    except (KeyError, IndexError):
        return None
    return EmbeddedPdfSignature(reader, field, FIELD)


def _validate(found: EmbeddedPdfSignature, anchors: list[x509.Certificate], at: datetime) -> PdfSignatureStatus:
    context = ValidationContext(trust_roots=anchors, moment=at, allow_fetching=False)
    # What was added afterwards isn't weighed: a sealed paper allows nothing to be added. What the certificate is for is
    # asked in `_may_seal`: this would forget that one without extended key usages will do.
    return validate_pdf_signature(found, context, key_usage_settings=KeyUsageConstraints(()), skip_diff=True)


def _may_seal(certificate: x509.Certificate) -> bool:
    try:
        _USAGES.validate(certificate)
    except InvalidCertificateError:
        return False
    return True


def _as_written(pdf: bytes, found: EmbeddedPdfSignature) -> bool:
    """Whether the gap in what is signed holds the one thing that belongs there, in the one way that `seal` writes it.

    A seal can't cover itself, and parts of its container are under no signature, nor is the padding after it. Here they
    are compared with what they must be. It also bounds what is validated: with many certificates that vouch for each
    other, looking for a path through them takes for ever.
    """
    signed, signer = found.signed_data, found.signer_info
    stamps = [value for attribute in signer["unsigned_attrs"] or () for value in attribute["values"]]
    if any(len(each["certificates"]) > LONGEST_CHAIN for each in (signed, *(stamp["content"] for stamp in stamps))):
        return False
    certificates = [choice.chosen.untag() for choice in signed["certificates"]]
    attributes = signer["signed_attrs"].untag()
    named = find_unique_cms_attribute(attributes, _ChainAttribute.attribute_type)["certs"]
    if {c.sha256 for c in certificates} != {entry["cert_hash"].native for entry in named}:
        return False
    information = _Signer([found.signer_cert], None).signer_info("sha256", attributes, signer["signature"].native)
    if stamps:
        information["unsigned_attrs"] = signer["unsigned_attrs"].untag()
    content = {
        "version": "v1",
        "digest_algorithms": [information["digest_algorithm"]],
        "encap_content_info": {"content_type": "data"},
        "certificates": [cms.CertificateChoices("certificate", c) for c in certificates],
        "signer_infos": [information],
    }
    container = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(content)}).dump()
    _, gap, end, _ = found.byte_range
    return pdf[gap:end] == b"<" + container.hex().upper().encode().ljust(end - gap - 2, b"0") + b">"


def _name(certificate: x509.Certificate) -> str:
    named = certificate.subject.native
    name = named.get("common_name") or named.get("organization_name") or certificate.subject.human_friendly
    return name if isinstance(name, str) else ", ".join(name)
