"""Look for a person in raw bytes: every file under a folder, as a disk has it, whatever Twinbook thinks is in it.

What is looked for: windows of her photographs as files and as decoded rows (in the channel orders and number types that
programs keep pixels in), her template as numbers and as text, and her names as text in several encodings.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

WINDOW = 24  # bytes: 192 bits don't come about by chance
_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "latin-1")


@dataclass(frozen=True)
class Traces:
    """Byte sequences that give her away: as they are in ``exact``, in any case of letters in ``names``."""

    exact: dict[bytes, str]
    names: dict[bytes, str]

    @classmethod
    def of(cls, photos: Path, names: set[str], template: bytes, more: dict[str, bytes] | None = None) -> Traces:
        """``template`` is her embedding's float64 numbers; ``more`` are other files of hers, such as released copies."""
        exact: dict[bytes, str] = {}
        files = {file.name: file.read_bytes() for file in sorted(photos.iterdir())} | (more or {})
        for name, data in files.items():
            exact |= dict.fromkeys(_windows(data), f"bytes of {name}")
            exact |= dict.fromkeys(_rows(data), f"pixels of {name}")
        exact |= dict.fromkeys(_numbers(np.frombuffer(template, np.float64)), "template")
        exact.pop(b"", None)
        return cls(exact, {spelt: name for name in names for spelt in _spellings(name)})


def scan_for(folder: Path, traces: Traces, but: tuple[str, ...] = ()) -> list[str]:
    """Where she was found; file names count as well. ``but`` are names of folders that aren't looked into."""
    found = []
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        if set(but) & set(inside.parts):
            continue
        found += [f"{inside}: its name" for name in traces.names if name in str(inside).casefold().encode()]
        if file.is_file():
            found += [f"{inside}: {what}" for what in scan_bytes(file.read_bytes(), traces)]
    return found


def scan_bytes(data: bytes, traces: Traces) -> list[str]:
    lower = data.lower()
    found = {what for needle, what in traces.exact.items() if needle in data}
    found |= {f"{what!r}" for needle, what in traces.names.items() if needle in lower}
    return sorted(found)


def _windows(data: bytes) -> list[bytes]:
    """A few windows off the headers, which any two files share. Uniform ones say nothing."""
    places = np.linspace(len(data) // 8, len(data) - WINDOW - 1, 24).astype(int)
    return [w for at in places if len(set(w := data[at : at + WINDOW])) > 8]


def _rows(data: bytes) -> list[bytes]:
    with Image.open(io.BytesIO(data)) as image:
        rgb = np.asarray(image.convert("RGB"))
    found = []
    for y in np.linspace(rgb.shape[0] // 6, rgb.shape[0] - 2, 12).astype(int):
        x = max(rgb.shape[1] // 2 - WINDOW // 2, 0)
        row = rgb[y, x : x + WINDOW]
        alpha = np.full((len(row), 1), 255, np.uint8)
        for order in (
            row,
            row[:, ::-1],
            np.hstack([row, alpha]),
            np.hstack([row[:, ::-1], alpha]),
            row.astype(np.float32),
        ):
            found.append(np.ascontiguousarray(order).tobytes())
        found.append(np.ascontiguousarray(row[:, 1]).tobytes())
    return [needle for needle in found if len(set(needle)) > 4]


def _numbers(template: np.ndarray) -> list[bytes]:
    if not template.size:
        return []
    found = []
    part = template[np.flatnonzero(template)[0] :][:8]
    for kind in (np.float64, np.float32, np.float16):
        found += [part.astype(kind).tobytes(), part.astype(kind).byteswap().tobytes()]
    for number in part[np.abs(part) > 1e-6][:4]:
        found += [repr(float(number)).encode(), json.dumps(float(number)).encode(), f"{number:.8f}".encode()]
    return [needle for needle in found if len(needle) >= 8]


def _spellings(name: str) -> set[bytes]:
    """In every encoding, with ASCII letters lower-case as the scan has them (in bytes no other letter has a case); short
    names between quotes or colons, as JSON, SQL text and ids have them."""
    cased = {name, name.casefold(), name.upper(), name.title()}
    spelt = {
        form(text)
        for text in cased
        for form in (str, _escaped, lambda t: t.replace(" ", "_"), lambda t: t.replace(" ", "-"))
    }
    if len(name) < 8:
        spelt = {f"{left}{text}{right}" for text in spelt for left, right in ('""', "''", (":", ":"), (":", ""))}
        return {text.encode().lower() for text in spelt}
    return {text.encode(code).lower() for text in spelt for code in _ENCODINGS}


def _escaped(text: str) -> str:
    return json.dumps(text)[1:-1]
