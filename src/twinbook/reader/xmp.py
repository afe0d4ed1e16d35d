"""Reads three properties out of an XMP packet that anybody may have written.

No document type, no entities of its own, no external anything: a packet that declares one is not read at all.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from xml.parsers import expat

TWINBOOK_NAMESPACE = "https://twinbook.org/ns/1.0/"
_IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_WANTED = {
    f"{_IPTC_EXTENSION} DigitalSourceType": "source_type",
    f"{TWINBOOK_NAMESPACE} Release": "release",
    "http://www.tc260.org.cn/ns/AIGC/1.0/ AIGC": "aigc",
}
_LARGEST = 1_000_000  # bytes
_DEEPEST = 64
_LONGEST_ENTRY = 8_000  # characters of JSON
_URI = re.compile(r"https?://[!-~]{1,200}")
_RELEASE = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class XmpReading:
    """``source_type`` is the URI as written; ``release`` twelve hexadecimal digits; ``aigc`` the ProduceID of China's entry,
    empty when it names none. None when absent or malformed."""

    source_type: str | None = None
    release: str | None = None
    aigc: str | None = None


class _HostileError(Exception):
    """The packet uses something that XMP has no use for."""


def read_xmp(packet: bytes) -> XmpReading:
    """The digital source type, the release id and China's AIGC entry, written as attributes, as elements or as ``rdf:resource``.

    Total: a packet that is malformed, hostile or too large reads as empty, never as part of what it says.
    """
    if not packet.startswith((b"\xff\xfe", b"\xfe\xff")):  # in UTF-16 a NUL is half a letter
        packet = packet.strip(b"\0 \r\n\t")
    if not packet or len(packet) > _LARGEST:
        return XmpReading()
    collector = _Collector()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = collector.start
    parser.EndElementHandler = collector.end
    parser.CharacterDataHandler = collector.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(packet, True)
    except (expat.ExpatError, _HostileError, ValueError, LookupError):
        return XmpReading()
    source_type, release = collector.found.get("source_type"), collector.found.get("release")
    return XmpReading(
        source_type if source_type and _URI.fullmatch(source_type) else None,
        release if release and _RELEASE.fullmatch(release) else None,
        _produce_id(collector.found.get("aigc", "")),
    )


def _produce_id(entry: str) -> str | None:
    """Out of the entry's JSON (GB 45438-2025), which says by its Label that this was, may be or is thought made by AI."""
    if len(entry) > _LONGEST_ENTRY:
        return None
    try:
        fields = json.loads(entry)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or fields.get("Label") not in ("1", "2", "3"):
        return None
    produced = fields.get("ProduceID", "")
    return produced[:200] if isinstance(produced, str) else None


def _refuse(*_: object) -> None:
    raise _HostileError


class _Collector:
    """Keeps the first value of each wanted property that describes the picture itself."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._path: list[str] = []
        self._text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if len(self._path) > _DEEPEST:
            raise _HostileError
        self._text.clear()
        if name == f"{_RDF} Description" and self._describes_picture():
            for key, value in attributes.items():
                if key in _WANTED:
                    self._keep(key, value)
        elif name in _WANTED and self._is_property():
            resource = attributes.get(f"{_RDF} resource")
            if resource:
                self._keep(name, resource)

    def text(self, text: str) -> None:
        self._text.append(text)

    def end(self, name: str) -> None:
        if name in _WANTED and self._is_property():
            self._keep(name, "".join(self._text))
        self._text.clear()
        self._path.pop()

    def _describes_picture(self) -> bool:
        """A Description directly in RDF; one nested deeper describes an ingredient or a region."""
        return len(self._path) >= 2 and self._path[-2] == f"{_RDF} RDF"

    def _is_property(self) -> bool:
        return len(self._path) >= 3 and self._path[-3] == f"{_RDF} RDF"

    def _keep(self, name: str, value: str) -> None:
        value = value.strip()
        if value:
            self.found.setdefault(_WANTED[name], value)
