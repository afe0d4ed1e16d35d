"""An organisation signs beside whoever signs the picture (CAWG), and nothing of the manifest depends on it."""

from datetime import UTC, datetime

import pytest
from manifest_check import Untrue, check, check_identity
from pictures import RELEASE, astronaut, marking
from stamp_authority import Authority, serving

from twinbook import app
from twinbook.domain.errors import StateError
from twinbook.domain.provenance import FileKind
from twinbook.keys.certificates import create_signing_certificate
from twinbook.ports import ClaimKey
from twinbook.reader import ImageReader
from twinbook.seal import Identity, ImageSealer
from twinbook.services.verify import verify
from twinbook.settings import settings


@pytest.fixture(scope="module")
def organisation(tmp_path_factory):
    return create_signing_certificate(tmp_path_factory.mktemp("organisation"), "Tvaton AB", datetime.now(UTC))


def named(organisation):
    return Identity(organisation.chain_pem, organisation.private_key_pem)


@pytest.fixture(scope="module")
def both(certificate, organisation):
    return ImageSealer(certificate.chain_pem, certificate.private_key_pem, identity=named(organisation))


@pytest.mark.parametrize("kind", list(FileKind))
def test_it_is_read_in_every_kind_of_file(kind, both, certificate, organisation):
    data = both.seal(astronaut(480, 640), marking(faces=(), file=kind)).data
    found = ImageReader(certificate.anchors_pem, identity_anchors_pem=organisation.anchors_pem).read(data).manifest
    assert (found.state, found.release, found.problems) == ("trusted", RELEASE.hex, ())
    assert (found.identity, found.identity_trusted) == ("Tvaton AB", True)
    check(data, certificate.anchors_pem)
    vouched = check_identity(data, organisation.anchors_pem)
    names = {reference["url"].rpartition("/")[2].partition(".v")[0] for reference in vouched["referenced_assertions"]}
    assert {"org.twinbook.release", "org.twinbook.license", "cawg.training-mining", "c2pa.actions"} < names
    assert any(name.startswith("c2pa.hash") for name in names), "without the picture it could be said of any"
    assert (vouched["sig_type"], vouched["role"]) == ("cawg.x509.cose", ["cawg.publisher"])


def test_who_knows_only_the_signer_trusts_the_manifest_and_not_the_organisation(both, certificate, reader):
    data = both.seal(astronaut(480, 640), marking(faces=())).data
    found = reader.read(data).manifest
    assert (found.state, found.problems) == ("trusted", ())
    assert (found.identity, found.identity_trusted) == ("Tvaton AB", False)
    with pytest.raises(Untrue):
        check_identity(data, certificate.anchors_pem)


def test_the_organisations_anchor_vouches_for_no_picture(both, organisation):
    data = both.seal(astronaut(480, 640), marking(faces=())).data
    assert ImageReader(organisation.anchors_pem).read(data).manifest.state == "untrusted"
    nobody = ImageReader("", identity_anchors_pem=organisation.anchors_pem).read(data).manifest
    assert nobody.state == "untrusted"


def test_the_manifest_is_stamped_as_ever(certificate, organisation):
    authority = Authority()
    with serving(authority) as url:
        stamped = ImageSealer(
            certificate.chain_pem, certificate.private_key_pem, timestamp_url=url, identity=named(organisation)
        )
        data = stamped.seal(astronaut(480, 640), marking(faces=())).data
    reader = ImageReader(certificate.anchors_pem, authority.anchor_pem, identity_anchors_pem=organisation.anchors_pem)
    found = reader.read(data).manifest
    assert (found.state, found.identity, found.identity_trusted) == ("trusted", "Tvaton AB", True)
    assert authority.asked == 1


def test_without_one_nobody_is_named(sealer, reader):
    found = reader.read(sealer.seal(astronaut(480, 640), marking(faces=())).data).manifest
    assert (found.identity, found.identity_trusted) == ("", False)


@pytest.mark.parametrize("where", [b"sig_type", b"referenced_assertions", b"cawg.x509.cose"])
def test_a_changed_byte_of_it_breaks_the_manifest(both, reader, where):
    data = bytearray(both.seal(astronaut(480, 640), marking(faces=())).data)
    data[data.index(where) + len(where)] ^= 1
    found = reader.read(bytes(data)).manifest
    assert (found.state, found.identity) == ("invalid", "")


def test_it_takes_the_pictures_key_in_a_file(certificate, organisation):
    class Elsewhere(ClaimKey):
        def sign(self, message):
            raise AssertionError("never asked")

    with pytest.raises(StateError, match=r"seal\.certificate.*beside a key in a file"):
        ImageSealer(certificate.chain_pem, key=Elsewhere(), identity=named(organisation))


def test_a_home_names_its_organisation_and_says_so(tmp_path):
    made = create_signing_certificate(tmp_path / "org", "Tvaton AB", datetime.now(UTC))
    (tmp_path / "chain.pem").write_text(made.chain_pem + made.anchors_pem)
    (tmp_path / "key.pem").write_text(made.private_key_pem)
    (tmp_path / "key.pem").chmod(0o600)
    given = {
        "TWINBOOK_IDENTITY_CERTIFICATE": str(tmp_path / "chain.pem"),
        "TWINBOOK_IDENTITY_KEY": str(tmp_path / "key.pem"),
    }
    where = settings(given, home=tmp_path / "home")
    app.make_home(where)
    with app.open_office(where) as office:
        data = office.sealer.seal(astronaut(480, 640), marking(faces=())).data
        assert "the organisation Tvaton AB has signed it as well" in verify(office, data).evidence
    with app.open_office(settings({}, home=tmp_path / "home")) as office:
        assert any("for whom nobody here vouches" in said for said in verify(office, data).evidence)
