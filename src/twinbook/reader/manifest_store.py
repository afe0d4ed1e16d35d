"""The C2PA manifest store of a file as bytes, and the ids of the manifests in it. Read from the container formats themselves
(C2PA Technical Specification 2.1, appendix A: embedding manifests); nothing in it is validated here.

A file that is not what it says gives no store: never an error, never more than the file holds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_AVIF_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_TIFF_TAG = 0xCD41
_MOST_BOXES = 10_000


def manifest_store(data: bytes) -> bytes | None:
    """The JUMBF superbox with all manifests, from a JPEG, PNG, WebP, AVIF or TIFF file."""
    if data[:2] == b"\xff\xd8":
        store = _in_jpeg(data)
    elif data[:8] == _PNG:
        store = next((body for kind, body in _png_chunks(data) if kind == b"caBX"), b"")
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        store = next((body for kind, body in _riff_chunks(data) if kind == b"C2PA"), b"")
    elif data[:4] in (b"II*\0", b"MM\0*"):
        store = _in_tiff(data)
    elif data[4:8] == b"ftyp":
        store = _in_bmff(data)
    else:
        store = b""
    length = int.from_bytes(store[:4], "big")
    return store[:length] if store[4:8] == b"jumb" and 8 <= length <= len(store) else None


def active_manifest(store: bytes) -> bytes | None:
    """The store with its active manifest alone: the last one in it (section 11.1.4.2)."""
    boxes = list(_boxes(store, 8, len(store)))
    manifests = [box for box in boxes if box[0] == b"jumb"]
    if not boxes or boxes[0][0] != b"jumd" or not manifests:
        return None
    inside = store[boxes[0][1] : boxes[0][2]] + store[manifests[-1][1] : manifests[-1][2]]
    return struct.pack(">I4s", 8 + len(inside), b"jumb") + inside


def manifest_id(data: bytes) -> str:
    """The label of the active manifest (``urn:c2pa:…``); "" where a file has none."""
    store = manifest_store(data)
    if store is None:
        return ""
    found = [box for box in _boxes(store, 8, len(store)) if box[0] == b"jumb"]
    if not found:
        return ""
    inner = next(_boxes(store, found[-1][1] + 8, found[-1][2]), None)
    if inner is None or inner[0] != b"jumd":
        return ""
    # Description box (ISO 19566-5): 16 bytes of type, a byte of toggles, the label up to a zero.
    label = store[inner[1] + 8 + 17 : inner[2]].split(b"\0", 1)[0]
    text = label.decode("ascii", "replace")
    return text if text.startswith("urn:") and text.isprintable() and len(text) <= 200 else ""


def _in_jpeg(data: bytes) -> bytes:
    """APP11 segments of JUMBF (ISO 19566-5, annex D): pieces of one box, numbered, each with the box's header again."""
    position, pieces = 2, {}
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xDA or length < 2:
            break
        body = data[position + 4 : position + 2 + length]
        if marker == 0xEB and body[:2] == b"JP" and len(body) > 16:
            instance, number = body[2:4], int.from_bytes(body[4:8], "big")
            pieces.setdefault(instance, {})[number] = body[8:]
        position += 2 + length
    for numbered in pieces.values():
        ordered = [numbered[number] for number in sorted(numbered)]
        store = ordered[0] + b"".join(piece[8:] for piece in ordered[1:])
        if b"c2pa" in store[:64]:
            return store
    return b""


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 8
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        yield data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        position += 12 + length


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 12
    while position + 8 <= len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        yield data[position : position + 4], data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


def _in_tiff(data: bytes) -> bytes:
    """Tag 0xCD41 of the first directory (TIFF 6.0, section 2): bytes at an offset."""
    order = "little" if data[:1] == b"I" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)

    start = number(4, 4)
    for entry in range(start + 2, start + 2 + 12 * number(start, 2), 12):
        if entry + 12 <= len(data) and number(entry, 2) == _TIFF_TAG:
            length, offset = number(entry + 4, 4), number(entry + 8, 4)
            return data[offset : offset + length]
    return b""


def _in_bmff(data: bytes) -> bytes:
    for kind, start, end in _boxes(data, 0, len(data)):
        body = data[start + 8 : end]
        if kind == b"uuid" and body[:16] == _AVIF_UUID:
            # Version and flags, the purpose as text up to a zero, and the offset of a Merkle tree.
            purpose, _, rest = body[20:].partition(b"\0")
            if purpose == b"manifest":
                return rest[8:]
    return b""


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of each box in a part of the data; ends at the first that doesn't fit."""
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        length = int.from_bytes(data[start : start + 4], "big")
        if length == 0:
            length = end - start
        if length < 8 or start + length > end:
            return
        yield data[start + 4 : start + 8], start, start + length
        start += length
