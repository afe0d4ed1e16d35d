"""XMP that others wrote, in every form RDF allows, and XMP that is meant to do harm."""

import time

import pytest

from twinbook.reader.xmp import XmpReading, read_xmp

URI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
SPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:t="https://twinbook.org/ns/1.0/" '
    'xmlns:c="http://www.tc260.org.cn/ns/AIGC/1.0/"'
)


def packet(attributes="", elements="", before=""):
    return (
        f'{before}<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {SPACES}>'
        f'<rdf:Description rdf:about="" {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


@pytest.mark.parametrize(
    "written",
    [
        packet(f'e:DigitalSourceType="{URI}" t:Release="0123456789ab"'),
        packet("", f"<e:DigitalSourceType>\n {URI}\n</e:DigitalSourceType><t:Release>0123456789ab</t:Release>"),
        packet('t:Release="0123456789ab"', f'<e:DigitalSourceType rdf:resource="{URI}"/>'),
        b'<?xpacket begin="" id="x"?>' + packet(f'e:DigitalSourceType="{URI}" t:Release="0123456789ab"') + b"\0\0  \n",
        packet(f'e:DigitalSourceType="{URI}" t:Release="0123456789ab"').decode().encode("utf-16"),
    ],
    ids=["attributes", "elements", "resource", "packet", "utf-16"],
)
def test_every_form_is_read(written):
    assert read_xmp(written) == XmpReading(URI, "0123456789ab")


def test_an_ingredients_properties_arent_the_pictures():
    nested = f'<t:Ingredient><rdf:Description e:DigitalSourceType="{URI}" t:Release="0123456789ab"/></t:Ingredient>'
    assert read_xmp(packet("", nested)) == XmpReading()


@pytest.mark.parametrize(
    "release", ["0123456789AB", "0123456789a", "0123456789abc", "'; drop", "０１２３４５６７８９ab"]
)
def test_a_malformed_release_id_is_none(release):
    assert read_xmp(packet(f't:Release="{release}"')).release is None


@pytest.mark.parametrize("uri", ["javascript:alert(1)", "http://a b", "http://" + "x" * 5000, ""])
def test_a_malformed_source_type_is_none(uri):
    assert read_xmp(packet(f'e:DigitalSourceType="{uri}"')).source_type is None


@pytest.mark.parametrize(
    ("entry", "produced"),
    [
        ('{"Label":"1","ContentProducer":"doubao","ProduceID":"a-1"}', "a-1"),
        ('{"Label": "3"}', ""),
        ('{"Label":"1","ProduceID":"' + "x" * 5000 + '"}', "x" * 200),
        ('{"Label":"1","ProduceID":"' + "x" * 50_000 + '"}', None),
        ('{"Label":"1","ProduceID":7}', None),
        ('{"Label":1,"ProduceID":"a-1"}', None),
        ('{"Label":["1"]}', None),
        ('{"ProduceID":"a-1"}', None),
        ('["1"]', None),
        ("[" * 7000, None),
        ("1" * 7000, None),
        ("AI", None),
        ("", None),
    ],
)
def test_chinas_entry_is_read_or_is_none(entry, produced):
    written = entry.replace('"', "&quot;")
    assert read_xmp(packet("", f"<c:AIGC>{written}</c:AIGC>")).aigc == produced
    assert read_xmp(packet(f'c:AIGC="{written}"')).aigc == produced


LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))


@pytest.mark.parametrize(
    "before",
    [
        f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>',
        "<!DOCTYPE x>",
    ],
    ids=["laughs", "file", "external", "parameter", "bare"],
)
def test_document_types_and_entities_arent_read(before):
    started = time.perf_counter()
    hostile = packet(f'e:DigitalSourceType="{URI}"', "<t:Release>&f;&l11;</t:Release>", before)
    assert read_xmp(hostile) == XmpReading()
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\0" * 100,
        b"not xml",
        b"<a" * 1000,
        b"<a>" * 100_000,
        packet(f'e:DigitalSourceType="{URI}"')[:-20],
        packet(f'e:DigitalSourceType="{URI}" e:DigitalSourceType="{URI}"'),
        b"<?xml version='1.0' encoding='nonsense'?><a/>",
        packet("", "x" * 2_000_000),
        b"\xff\xfe\x00",
    ],
)
def test_broken_packets_read_as_empty(broken):
    assert read_xmp(broken) == XmpReading()
