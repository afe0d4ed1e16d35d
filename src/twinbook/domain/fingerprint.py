"""What a picture looks like in 256 bits, and when two of them are the same picture.

The bits are PDQ's (Davis and Rosen, "PDQ & TMK + PDQF", Facebook 2019). They are a look-up hint and never proof: they say
which releases to lay a found picture over, and two shots from one plate may have nearly the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .provenance import ReleaseId

BITS = 256
# As PDQ's authors advise. Bits of unrelated pictures differ like that many throws of a coin: with 150 of them two pictures would
# agree by chance with less than 1 in 10²⁰. docs/reference/fingerprints.md says what was measured, and what that doesn't cover.
SAME = 31
# Below it there is too little in a picture to tell it by: a wall, a fade. As PDQ's authors advise.
LEAST_QUALITY = 50


@dataclass(frozen=True)
class Fingerprint:
    """``pdq`` is 64 lower-case hexadecimal digits; ``quality`` says how much there is to see, 0 to 100."""

    pdq: str
    quality: int

    def __post_init__(self) -> None:
        if len(self.pdq) != BITS // 4 or any(c not in "0123456789abcdef" for c in self.pdq):
            raise ValueError(f"{self.pdq!r} is not a PDQ fingerprint")
        if not 0 <= self.quality <= 100:
            raise ValueError(f"a quality of {self.quality} is not between 0 and 100")

    def distance(self, other: Fingerprint) -> int:
        """In how many of the 256 bits they differ."""
        return (int(self.pdq, 16) ^ int(other.pdq, 16)).bit_count()


@dataclass(frozen=True)
class Traits:
    """What is taken of one picture. ``versions`` are its fingerprint and those of the seven ways to turn and mirror it, the
    picture as it is first; ``features`` its local features, and ``mirrored`` those of its mirror image, both as the
    fingerprinter packs them."""

    versions: tuple[Fingerprint, ...]
    features: bytes
    mirrored: bytes

    @property
    def fingerprint(self) -> Fingerprint:
        return self.versions[0]

    def distance(self, other: Fingerprint) -> int:
        """To the nearest of the eight versions."""
        return min(each.distance(other) for each in self.versions)


@dataclass(frozen=True)
class CopyTraits:
    """What is kept of one released copy, to find it again by. ``sha256`` is over the file, ``pixels`` over the decoded
    picture, ``manifest`` the id of its C2PA manifest ("" without one); ``features`` are empty where only what is public
    is known. ``recipient`` is whom the licensee passed a copy of its own on to ("" for the release's own), and ``format`` then
    has a tag behind it (`provenance.format_for`)."""

    release: ReleaseId
    format: str
    sha256: str
    pixels: str
    fingerprint: Fingerprint
    manifest: str
    features: bytes = b""
    recipient: str = ""


@dataclass(frozen=True)
class Match:
    """A copy that a found picture may be, and by how many bits they differ."""

    copy: CopyTraits
    distance: int

    @property
    def similarity(self) -> int:
        """0 to 100, for the Soft Binding Resolution API: 100 is alike in every bit, 0 as different as chance."""
        return max(0, round(100 * (1 - 2 * self.distance / BITS)))


def nearest(found: Traits, copies: Iterable[CopyTraits], within: int = BITS) -> list[Match]:
    """The copies that differ by at most so many bits, the likest first. Where there is too little to see in either picture
    nothing is a match."""
    if found.fingerprint.quality < LEAST_QUALITY:
        return []
    measured = (Match(copy, found.distance(copy.fingerprint)) for copy in copies)
    close = [m for m in measured if m.distance <= within and m.copy.fingerprint.quality >= LEAST_QUALITY]
    return sorted(close, key=lambda match: (match.distance, match.copy.release.hex, match.copy.format))
