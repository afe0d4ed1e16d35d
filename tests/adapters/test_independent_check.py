"""One sealed file, and what four readers say of it: ours, c2pa's own, the tests' check without c2pa-rs, and exiftool."""

import io
import json
import shutil
import subprocess
from dataclasses import replace

import c2pa
import pytest
from manifest_check import Untrue, check
from pictures import RELEASE, astronaut, marking

from twinbook.domain.errors import InputError
from twinbook.domain.provenance import FileKind

PLATE = "c" * 64
EXIFTOOL = shutil.which("exiftool")


@pytest.fixture(scope="module", params=list(FileKind))
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def file(sealer, kind):
    asked = marking(
        file=kind,
        plates=(PLATE,),
        starts="2026-11-01",
        ends="2027-01-29",
        channels=("instagram", "web"),
        fingerprints=(("org.twinbook.fingerprint.test", "f" * 64),),
        credits=(("Ida Berg", "hair & make-up"), ("Jon <Ek>", "")),
    )
    return sealer.seal(astronaut(600, 800), replace(asked, faces=())).data


def _c2pa(data, kind, anchors):
    context = {"verify": {"remote_manifest_fetch": False}, "trust": {"trust_anchors": anchors}}
    try:
        with (
            c2pa.Context.from_dict(context) as made,
            c2pa.Reader(kind.media_type, io.BytesIO(data), context=made) as it,
        ):
            return it.get_validation_state()
    except c2pa.C2paError:
        return "Invalid"


def test_all_agree_on_what_was_signed(file, kind, certificate, reader):
    said = check(file, certificate.anchors_pem)
    assert said["org.twinbook.release"]["release"] == RELEASE.hex
    assert said["org.twinbook.license"] == {
        "license": "a" * 64,
        "starts": "2026-11-01",
        "ends": "2027-01-29",
        "channels": "instagram, web",
    }
    bindings = {each["alg"]: each["blocks"][0]["value"] for label, each in said.items() if "soft-binding" in label}
    assert len(bindings) == 2
    assert bindings["org.twinbook.fingerprint.test"] == "f" * 64
    assert RELEASE.hex in bindings.values()
    assert _c2pa(file, kind, certificate.anchors_pem) == "Trusted"
    assert reader.read(file).manifest.state == "trusted"


def test_a_plate_is_an_ingredient_by_its_digest_only(file, certificate):
    said = check(file, certificate.anchors_pem)
    (ingredient,) = (each for label, each in said.items() if label.startswith("c2pa.ingredient"))
    assert ingredient["instanceID"] == f"urn:twinbook:plate:sha-256:{PLATE}"
    assert ingredient["relationship"] == "componentOf"
    assert not {"thumbnail", "data", "activeManifest"} & ingredient.keys()
    placed = [a for a in said["c2pa.actions.v2"]["actions"] if a["action"] == "c2pa.placed"]
    assert placed[0]["parameters"]["ingredients"][0]["url"].endswith("c2pa.ingredient.v3")
    assert said["c2pa.actions.v2"]["allActionsIncluded"] is True


@pytest.mark.parametrize("where", [0.5, 0.75, 0.97])
def test_a_changed_byte_is_refused_by_all(file, kind, certificate, reader, where):
    changed = bytearray(file)
    changed[int(len(changed) * where)] ^= 1
    changed = bytes(changed)
    with pytest.raises(Untrue):
        check(changed, certificate.anchors_pem)
    assert _c2pa(changed, kind, certificate.anchors_pem) == "Invalid"
    try:
        assert reader.read(changed).manifest.state in ("invalid", "absent")
    except InputError as error:
        assert error.code == "image.unreadable"


@pytest.mark.parametrize("said", [b"notAllowed", b"2027-01-29", RELEASE.hex.encode()])
def test_a_changed_assertion_is_refused_by_all(file, kind, certificate, reader, said):
    at = file.index(b"org.twinbook.release" if said == RELEASE.hex.encode() else said)
    at = file.index(said, at)
    changed = file[:at] + bytes([said[0] ^ 1]) + file[at + 1 :]
    with pytest.raises(Untrue):
        check(changed, certificate.anchors_pem)
    assert _c2pa(changed, kind, certificate.anchors_pem) == "Invalid"
    try:
        assert reader.read(changed).manifest.state == "invalid"
    except InputError as error:  # a PNG's chunks have checksums of their own
        assert error.code == "image.unreadable"


def test_another_anchor_trusts_nothing(file, kind, tmp_path):
    from datetime import UTC, datetime

    from twinbook.keys.certificates import create_signing_certificate
    from twinbook.reader import ImageReader

    other = create_signing_certificate(tmp_path, "Other", datetime.now(UTC)).anchors_pem
    with pytest.raises(Untrue):
        check(file, other)
    assert _c2pa(file, kind, other) != "Trusted"
    assert ImageReader(other).read(file).manifest.state == "untrusted"


@pytest.mark.skipif(EXIFTOOL is None, reason="exiftool isn't installed (libimage-exiftool-perl)")
def test_exiftool_reads_the_metadata_of_every_kind(file, kind, tmp_path):
    path = tmp_path / f"sealed{kind.suffix}"
    path.write_bytes(file)
    run = subprocess.run([EXIFTOOL, "-json", "-G1", "-s", "-struct", path], capture_output=True, check=True, timeout=60)
    (tags,) = json.loads(run.stdout)
    assert tags["XMP-iptcExt:DigitalSourceType"].endswith("/compositeSynthetic")
    assert "prohibited" in tags["XMP-plus:DataMining"].lower()  # as a word or as its URI, by version
    assert tags["XMP-dc:Contributor"] == ["Ida Berg (hair & make-up)", "Jon <Ek>"]
    first, second = tags["XMP-iptcExt:Contributor"]
    assert first["Name"] == "Ida Berg"
    assert first["Role"] == ["https://twinbook.org/ns/1.0/role/hair%20%26%20make-up"]
    assert second == {"Name": "Jon <Ek>"}
    assert RELEASE.hex in str(tags["XMP-twinbook:Release"])
    assert "Warning" not in json.dumps(tags)
