"""XMP and the JPEG around it, read by a program that isn't ours."""

import io
import json
import shutil
import subprocess
from xml.etree import ElementTree

import pytest
from pictures import RELEASE, marking, synthetic
from PIL import Image

from twinbook.domain.provenance import SourceType
from twinbook.reader.xmp import read_xmp
from twinbook.seal.metadata import encode, xmp_packet

HOSTILE = "]]> \x00\x1b <b>\"bold\" & 'brave'</b> <!-- -- <?x?> \ud800 \uffff å 人 😀"
EXIFTOOL = shutil.which("exiftool")
needs_exiftool = pytest.mark.skipif(EXIFTOOL is None, reason="exiftool isn't installed (libimage-exiftool-perl)")


def _exiftool(file, path):
    path.write_bytes(file)
    run = subprocess.run([EXIFTOOL, "-json", "-G1", "-s", path], capture_output=True, check=True, timeout=60)
    return json.loads(run.stdout)[0]


@needs_exiftool
def test_exiftool_reads_what_was_written(sealed, tmp_path):
    tags = _exiftool(sealed.data, tmp_path / "sealed.jpg")
    assert tags["XMP-iptcExt:DigitalSourceType"] == SourceType.COMPOSITE_SYNTHETIC.uri
    assert tags["XMP-iptcExt:AISystemUsed"] == "Twinbook composite"
    assert tags["XMP-dc:Title"] == "Mira, autumn"
    assert tags["XMP-photoshop:Credit"] == "Nordlight / Tvaton"
    assert "a" * 64 in tags["XMP-xmpRights:UsageTerms"]
    assert RELEASE.hex in str(tags["XMP-twinbook:Release"])
    assert tags["ICC_Profile:ProfileDescription"].startswith("sRGB")
    assert not any(key.startswith(("EXIF", "IFD0", "ExifIFD", "GPS")) for key in tags)
    assert "Warning" not in json.dumps(tags)


@needs_exiftool
def test_exiftool_reads_a_hostile_title(tmp_path):
    packet = xmp_packet(marking(title=HOSTILE, credit=HOSTILE), "AI", "Twinbook 0")
    tags = _exiftool(encode(synthetic("grey", 64, 64), packet), tmp_path / "hostile.jpg")
    assert tags["XMP-dc:Title"] == "".join(c for c in HOSTILE if c not in "\x00\x1b\ud800\uffff")
    assert tags["XMP-iptcExt:DigitalSourceType"] == SourceType.COMPOSITE_SYNTHETIC.uri


def test_chinas_entry_is_written_where_it_is_asked_for():
    """Field by field as GB 45438-2025 names them; read by a parser of XML and JSON that knows nothing of ours."""
    packet = xmp_packet(marking(aigc=True), "AI合成", "Twinbook 0").decode()
    entry = ElementTree.fromstring(packet).find(".//{http://www.tc260.org.cn/ns/AIGC/1.0/}AIGC")
    assert json.loads(entry.text) == {
        "Label": "1",
        "ContentProducer": "Twinbook",
        "ProduceID": RELEASE.hex,
        "ReservedCode1": "",
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }
    assert read_xmp(packet.encode()).aigc == RELEASE.hex


def test_elsewhere_there_is_no_such_entry():
    packet = xmp_packet(marking(), "AI MODIFIED", "Twinbook 0")
    assert b"tc260" not in packet.lower()
    assert read_xmp(packet).aigc is None


@pytest.mark.parametrize("source_type", SourceType)
def test_our_reader_reads_it(source_type):
    read = read_xmp(xmp_packet(marking(source_type=source_type, title=HOSTILE, credit=HOSTILE), HOSTILE, "Twinbook 0"))
    assert read.source_type == source_type.uri
    assert read.release == RELEASE.hex


def test_endless_texts_still_fit_a_segment():
    packet = xmp_packet(marking(title="<" * 100_000, credit="&" * 100_000), "😀" * 100_000, "Twinbook 0")
    assert len(packet) < 65_502
    assert read_xmp(packet).release == RELEASE.hex


def test_the_file_is_repeatable_and_full_colour():
    picture, packet = synthetic("noise", 64, 64), xmp_packet(marking(), "AI", "Twinbook 0")
    file = encode(picture, packet)
    assert file == encode(picture, packet)
    with Image.open(io.BytesIO(file)) as image:
        assert image.info["xmp"] == packet
        assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3
        assert not image.getexif()
