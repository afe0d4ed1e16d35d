"""The development CA and its leaf: shaped as C2PA wants, private, and refused with a reason when unusable."""

import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from twinbook.domain.errors import StateError
from twinbook.keys import certificates

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    certificates.create_signing_certificate(tmp_path / "c2pa", "Nordlight", NOW)
    return tmp_path / "c2pa"


def _chain(folder):
    return x509.load_pem_x509_certificates((folder / certificates.LEAF_CHAIN).read_bytes())


def _extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind)


def test_the_leaf_is_what_c2pa_asks_for(folder):
    leaf, ca = _chain(folder)
    assert not _extension(leaf, x509.BasicConstraints).value.ca
    usage = _extension(leaf, x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    assert list(_extension(leaf, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    authority = _extension(leaf, x509.AuthorityKeyIdentifier).value.key_identifier
    assert authority == _extension(ca, x509.SubjectKeyIdentifier).value.digest
    assert _extension(leaf, x509.SubjectKeyIdentifier)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=366)
    leaf.verify_directly_issued_by(ca)


def test_the_ca_says_loudly_what_it_is(folder):
    _, ca = _chain(folder)
    assert "DEVELOPMENT" in ca.subject.rfc4514_string()
    assert "not trusted by anyone" in ca.subject.rfc4514_string()
    assert _extension(ca, x509.BasicConstraints).value.ca
    assert 3649 <= (ca.not_valid_after_utc - ca.not_valid_before_utc).days <= 3653


def test_keys_are_nobody_elses_to_read(folder):
    for name in (certificates.CA_KEY, certificates.LEAF_KEY):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_no_key_shows_in_a_repr(folder):
    assert "PRIVATE" not in repr(certificates.load_signing_certificate(folder, NOW))


def test_a_new_leaf_keeps_the_ca(folder):
    before = (folder / certificates.CA_CERTIFICATE).read_bytes()
    old_leaf = _chain(folder)[0]
    certificates.create_signing_certificate(folder, "Nordlight", NOW + timedelta(days=300))
    assert (folder / certificates.CA_CERTIFICATE).read_bytes() == before
    assert _chain(folder)[0].serial_number != old_leaf.serial_number


def test_an_ended_leaf_is_refused(folder):
    with pytest.raises(StateError, match=r"seal\.certificate.*ended on 2027-11-22"):
        certificates.load_signing_certificate(folder, NOW + timedelta(days=365))


def test_a_leaf_of_the_future_is_refused(folder):
    with pytest.raises(StateError, match=r"valid from"):
        certificates.load_signing_certificate(folder, NOW - timedelta(days=1))


def test_a_readable_key_is_refused(folder):
    (folder / certificates.LEAF_KEY).chmod(0o644)
    with pytest.raises(StateError, match=r"can be read by others") as caught:
        certificates.load_signing_certificate(folder, NOW)
    assert "chmod 600" in caught.value.remedy


@pytest.mark.parametrize("name", [certificates.LEAF_KEY, certificates.LEAF_CHAIN, certificates.CA_CERTIFICATE])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(StateError, match=rf"there is no {name}"):
        certificates.load_signing_certificate(folder, NOW)


@pytest.mark.parametrize("name", [certificates.LEAF_KEY, certificates.LEAF_CHAIN, certificates.CA_CERTIFICATE])
@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_broken_file_is_refused(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(StateError, match=r"seal\.certificate"):
        certificates.load_signing_certificate(folder, NOW)


def test_another_leafs_key_is_refused(folder, tmp_path):
    certificates.create_signing_certificate(tmp_path / "other", "Other", NOW)
    (folder / certificates.LEAF_KEY).write_bytes((tmp_path / "other" / certificates.LEAF_KEY).read_bytes())
    with pytest.raises(StateError, match=r"is not the key of"):
        certificates.load_signing_certificate(folder, NOW)


def test_a_ca_is_no_leaf(folder):
    ca = (folder / certificates.CA_CERTIFICATE).read_bytes()
    (folder / certificates.LEAF_CHAIN).write_bytes(ca + ca)
    with pytest.raises(StateError, match=r"self-signed"):
        certificates.load_signing_certificate(folder, NOW)


def test_a_chain_without_its_ca_is_refused(folder):
    chain = (folder / certificates.LEAF_CHAIN).read_text()
    (folder / certificates.LEAF_CHAIN).write_text(
        chain.split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----"
    )
    with pytest.raises(StateError, match=r"missing from the chain"):
        certificates.load_signing_certificate(folder, NOW)


def test_a_chain_through_another_ca_is_refused(folder, tmp_path):
    certificates.create_signing_certificate(tmp_path / "other", "Other", NOW)
    leaf = (folder / certificates.LEAF_CHAIN).read_text().split("-----END CERTIFICATE-----")[0]
    stranger = (tmp_path / "other" / certificates.CA_CERTIFICATE).read_text()
    (folder / certificates.LEAF_CHAIN).write_text(f"{leaf}-----END CERTIFICATE-----\n{stranger}")
    with pytest.raises(StateError, match=r"wasn't issued by the next"):
        certificates.load_signing_certificate(folder, NOW)


def test_an_old_ca_is_not_stretched(folder):
    with pytest.raises(StateError, match=r"ends on"):
        certificates.create_signing_certificate(folder, "Nordlight", NOW + timedelta(days=3500))
