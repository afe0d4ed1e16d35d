"""The file with its XMP and colour profile. It is written before the manifest is signed: metadata added later breaks
the signature. Specification: docs/reference/marks.md

XMP is ISO 16684-1; the properties are IPTC Photo Metadata 2025.1, Dublin Core, Photoshop's credit line, XMP Rights, and
where it is asked for the AIGC entry of China's GB 45438-2025.
"""

from __future__ import annotations

import io
import json
from functools import cache
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin, TiffTags

from ..domain.provenance import FileKind, Marking

TWINBOOK_NAMESPACE = "https://twinbook.org/ns/1.0/"
AIGC_NAMESPACE = "http://www.tc260.org.cn/ns/AIGC/1.0/"
QUALITY = 95
_LONGEST = 500  # characters of a free text; the whole packet must fit one JPEG segment of 65 502 bytes

_NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "twinbook": TWINBOOK_NAMESPACE,
}
_DATA_MINING_PROHIBITED = "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"  # PLUS LDF 2.0.1, Data Mining
_ROLES = TWINBOOK_NAMESPACE + "role/"  # IPTC wants a URI for a role; these are names and not addresses
_MOST_CREDITS = 20  # the packet must fit one segment
_XMP_TAG = 700
_MADE_BY_AI = "1"  # GB 45438-2025; "2" and "3" are for whoever only suspects it


def encode(rgb_srgb: np.ndarray, xmp: bytes, kind: FileKind = FileKind.JPEG) -> bytes:
    """A file of uint8 sRGB (h, w, 3) with an sRGB profile, this XMP, and nothing else.

    Quality 95 and full colour resolution, where there is a choice; PNG is lossless. No EXIF is written: what a camera said
    of the capture is not the picture's to tell. The same input gives the same bytes.
    """
    match kind:
        case FileKind.JPEG:
            try:
                return _saved(rgb_srgb, kind, quality=QUALITY, subsampling=0, optimize=True, xmp=xmp)
            except OSError:  # Pillow guesses how large an optimised file can get, and for pure noise guesses too low
                return _saved(rgb_srgb, kind, quality=QUALITY, subsampling=0, optimize=False, xmp=xmp)
        case FileKind.PNG:
            text = PngImagePlugin.PngInfo()
            text.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8"))
            return _saved(rgb_srgb, kind, pnginfo=text)
        case FileKind.WEBP:
            return _saved(rgb_srgb, kind, quality=QUALITY, method=4, xmp=xmp)
        case FileKind.AVIF:  # on one thread: with more, the bytes would depend on the machine
            return _saved(rgb_srgb, kind, quality=QUALITY, subsampling="4:4:4", speed=7, max_threads=1, xmp=xmp)
        case FileKind.TIFF:  # XMP in tag 700 (XMP part 3, 2.3.3), without loss
            tags = TiffImagePlugin.ImageFileDirectory_v2()
            tags[_XMP_TAG] = xmp
            tags.tagtype[_XMP_TAG] = TiffTags.BYTE
            return _saved(rgb_srgb, kind, compression="tiff_adobe_deflate", tiffinfo=tags)


def _saved(rgb_srgb: np.ndarray, kind: FileKind, **how: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb_srgb).save(file, kind.value.upper(), icc_profile=_srgb_profile(), **how)
    return file.getvalue()


def xmp_packet(marking: Marking, label: str, generator: str) -> bytes:
    """The XMP of one copy, UTF-8. ``label`` is what went on it; ``generator`` names the program, for xmp:CreatorTool.

    Texts are escaped, and shortened to 500 characters; what XML can't hold (control characters) is left out.
    """
    terms = f"Licensed use only, under license {marking.license}. Not for training or mining."
    attributes = {
        "Iptc4xmpExt:DigitalSourceType": marking.source_type.uri,
        "Iptc4xmpExt:AISystemUsed": f"Twinbook {marking.engine}",
        "Iptc4xmpExt:AISystemVersionUsed": marking.engine_version,
        "photoshop:Credit": marking.credit,
        "xmp:CreatorTool": generator,
        "xmp:CreateDate": marking.created,
        "xmpRights:Marked": "True",
        "plus:DataMining": _DATA_MINING_PROHIBITED,
        "twinbook:Release": str(marking.release),
        "twinbook:License": marking.license,
        "twinbook:Label": label,
    }
    lines = "\n".join(f"   {name}={quoteattr(plain_text(value))}" for name, value in attributes.items())
    namespaces = _NAMESPACES | ({"TC260": AIGC_NAMESPACE} if marking.aigc else {})
    spaces = "\n".join(f"   xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in namespaces.items() if prefix != "rdf")
    aigc = f"\n   <TC260:AIGC>{escape(_aigc_entry(marking))}</TC260:AIGC>" if marking.aigc else ""
    packet = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{_NAMESPACES["rdf"]}">
  <rdf:Description rdf:about=""
{spaces}
{lines}>
   <dc:title>{_alternative(marking.title)}</dc:title>
   <dc:creator><rdf:Seq><rdf:li>{escape(plain_text(marking.credit))}</rdf:li></rdf:Seq></dc:creator>
   <dc:rights>{_alternative(f"{marking.credit}. All rights reserved.")}</dc:rights>
   <xmpRights:UsageTerms>{_alternative(terms)}</xmpRights:UsageTerms>{_contributors(marking)}{aigc}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
    return packet.encode("utf-8")


def _contributors(marking: Marking) -> str:
    """Of the crew those who agreed to be named: IPTC's Contributor (2025.1), and Dublin Core's for older readers."""
    credits = marking.credits[:_MOST_CREDITS]
    if not credits:
        return ""
    plain = "".join(
        f"<rdf:li>{escape(plain_text(f'{name} ({role})' if role else name))}</rdf:li>" for name, role in credits
    )
    structured = "".join(
        '<rdf:li rdf:parseType="Resource">'
        + f"<Iptc4xmpExt:Name>{_alternative(name)}</Iptc4xmpExt:Name>"
        + (
            f"<Iptc4xmpExt:Role><rdf:Bag><rdf:li>{_ROLES}{quote(plain_text(role), safe='')}</rdf:li></rdf:Bag></Iptc4xmpExt:Role>"
            if role
            else ""
        )
        + "</rdf:li>"
        for name, role in credits
    )
    return (
        f"\n   <dc:contributor><rdf:Bag>{plain}</rdf:Bag></dc:contributor>"
        f"\n   <Iptc4xmpExt:Contributor><rdf:Bag>{structured}</rdf:Bag></Iptc4xmpExt:Contributor>"
    )


def _aigc_entry(marking: Marking) -> str:
    """The propagator's fields and the reserved ones stay empty: they are for whoever passes the picture on."""
    return json.dumps(
        {
            "Label": _MADE_BY_AI,
            "ContentProducer": "Twinbook",
            "ProduceID": str(marking.release),
            "ReservedCode1": "",
            "ContentPropagator": "",
            "PropagateID": "",
            "ReservedCode2": "",
        },
        separators=(",", ":"),
    )


def _alternative(text: str) -> str:
    return f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(plain_text(text))}</rdf:li></rdf:Alt>'


def plain_text(text: str) -> str:
    """Only what XML 1.0 can hold (production 2, Char), on one line, at most 500 characters."""
    kept = "".join(
        " " if letter in "\t\r\n" else letter
        for letter in text
        if letter in "\t\r\n" or " " <= letter <= "\ud7ff" or "\ue000" <= letter <= "\ufffd" or letter >= "\U00010000"
    )
    return kept[:_LONGEST]


@cache
def _srgb_profile() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # Little CMS stamps the profile with the time it was made (ICC.1:2022, 7.2.9); a fixed date keeps files repeatable.
    profile[24:36] = b"".join(number.to_bytes(2, "big") for number in (2025, 1, 1, 0, 0, 0))
    return bytes(profile)
