"""What a released picture says about itself, and how a found picture is judged. No pixels here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .alteration import Alteration
from .twin import Box


class SourceType(StrEnum):
    """IPTC digital source types, https://cv.iptc.org/newscodes/digitalsourcetype/ ; chosen by what the engine did."""

    COMPOSITE_SYNTHETIC = "compositeSynthetic"
    COMPOSITE_TRAINED = "compositeWithTrainedAlgorithmicMedia"
    TRAINED = "trainedAlgorithmicMedia"

    @classmethod
    def of(cls, generated: float) -> SourceType:
        """By the share of a picture's pixels that a trained model made, 0 to 1. Every picture made here has something in
        it that no camera saw."""
        if generated <= 0:
            return cls.COMPOSITE_SYNTHETIC
        return cls.TRAINED if generated >= 1 else cls.COMPOSITE_TRAINED

    @property
    def uri(self) -> str:
        return f"http://cv.iptc.org/newscodes/digitalsourcetype/{self.value}"


class FileKind(StrEnum):
    """What a copy is written as. All carry a colour profile, XMP and a C2PA manifest."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    TIFF = "tiff"

    @property
    def media_type(self) -> str:
        return f"image/{self.value}"

    @property
    def suffix(self) -> str:
        return {FileKind.JPEG: ".jpg", FileKind.TIFF: ".tif"}.get(self, f".{self.value}")


@dataclass(frozen=True)
class ReleaseId:
    """48 random bits, as twelve lower-case hexadecimal digits: short enough to ride in a watermark and be read aloud."""

    hex: str

    def __post_init__(self) -> None:
        if len(self.hex) != 12 or any(c not in "0123456789abcdef" for c in self.hex):
            raise ValueError(f"{self.hex!r} is not a release id")

    @property
    def number(self) -> int:
        return int(self.hex, 16)

    @classmethod
    def from_number(cls, number: int) -> ReleaseId:
        return cls(f"{number:012x}")

    def __str__(self) -> str:
        return self.hex


@dataclass(frozen=True)
class Marking:
    """What has to be said on, in and about one copy.

    ``label`` is the visible text, and ``label_share`` of the shortest side the least height of its letters (the strictest
    known where nothing else is said); ``faces`` are boxes the label stays off; ``aigc`` asks for China's XMP entry; ``operations`` are what the engine did
    (``scene``, ``recolor``); ``license`` and ``consent`` are SHA-256 digests in hex, never terms or names;
    ``credit`` is the line for XMP; ``created`` is ISO 8601 in UTC; ``file`` what the copy is written as.

    ``plates`` are SHA-256 digests in hex of the plates that the engine worked on, never anything that shows them; ``starts``
    and ``ends`` are the license's first and last day (ISO 8601), ``channels`` where it lets the picture be shown;
    ``credits`` are people of the crew who agreed to be named, with their roles; ``fingerprints`` are further soft bindings,
    each the name of its algorithm and its value; ``nobody`` says that none of its talents exists.
    """

    release: ReleaseId
    format: str
    label: str
    faces: tuple[Box, ...]
    person: Box
    source_type: SourceType
    operations: tuple[str, ...]
    engine: str
    engine_version: str
    title: str
    credit: str
    license: str
    consent: str
    created: str
    label_share: float = 0.05
    aigc: bool = False
    file: FileKind = FileKind.JPEG
    plates: tuple[str, ...] = ()
    starts: str = ""
    ends: str = ""
    channels: tuple[str, ...] = ()
    credits: tuple[tuple[str, str], ...] = ()
    fingerprints: tuple[tuple[str, str], ...] = ()
    nobody: bool = False


class State(StrEnum):
    """What `verify` says of a picture."""

    INTACT = "intact"
    RE_ENCODED = "re-encoded"
    ALTERED = "altered"
    REVOKED = "revoked"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ManifestReading:
    """``state``: ``trusted`` (signature and hash good, signer chains to a given anchor), ``untrusted`` (good, unknown
    signer), ``invalid`` (present but broken) or ``absent``. ``problems`` are C2PA validation codes. ``genuine`` is an invalid one whose signature is
    good and trusted: it was made for other bytes than these. ``identity`` is the organisation that signed beside (CAWG), empty
    where none did or its signature is no good; ``identity_trusted`` if an anchor vouches for it."""

    state: str
    signer: str = ""
    release: str | None = None
    problems: tuple[str, ...] = ()
    genuine: bool = False
    identity: str = ""
    identity_trusted: bool = False


@dataclass(frozen=True)
class WatermarkReading:
    """``release`` is None when nothing credible was read; ``confidence`` is the mean normalised correlation, 0 to 1."""

    release: ReleaseId | None
    confidence: float


@dataclass(frozen=True)
class Word:
    """What a second watermark carries: ``bits`` as one number, the first bit the highest, and how many there are."""

    bits: int
    count: int

    def agreeing(self, other: Word) -> int:
        return self.count - (self.bits ^ other.bits).bit_count()


@dataclass(frozen=True)
class Reading:
    """All that can be read from one image file alone, without any database.

    ``aigc`` is the producer's id of the picture in China's XMP entry: empty where the entry gives none, None without one.
    ``second`` is whatever word a second watermark's network sees, None where there is no network.
    """

    media_type: str
    width: int
    height: int
    manifest: ManifestReading
    watermark: WatermarkReading
    source_type: str | None
    xmp_release: str | None
    label: str | None
    label_contrast: float | None
    aigc: str | None = None
    second: Word | None = None


# Resampling and a homography that is half a pixel off take up to two percent of the border.
LEAST_COVERAGE = 0.97


@dataclass(frozen=True)
class Likeness:
    """How a found picture compares with the released copy: the share of its area that departs beyond what
    re-encoding explains, and the worst local difference (CIELAB ΔE76 on a tone-fitted 64-cell grid); how much of the
    released copy it shows, 0 to 1; and what departs where."""

    altered_share: float
    worst_cell: float
    coverage: float = 1.0
    alterations: tuple[Alteration, ...] = ()

    @property
    def cropped(self) -> bool:
        return self.coverage < LEAST_COVERAGE


def copy_name(release: ReleaseId, format_name: str, recipient: str = "") -> str:
    """What a copy's secret code is drawn for: no two copies share a name. ``recipient`` is whom the licensee passes it on to,
    nobody for the release's own copy."""
    return f"{release}/{format_name}" + (f"/{recipient}" if recipient else "")


def format_for(format_name: str, tag: str) -> str:
    """What a recipient's copy in a format is filed as. The tag names nobody without the vault's secret."""
    return f"{format_name}@{tag}"


@dataclass(frozen=True)
class CopyScore:
    """How much of one copy's secret code is in a found picture. Innocent copies scatter around 0 with a deviation of 1."""

    copy: str
    score: float


@dataclass(frozen=True)
class CopyTrace:
    """Every copy that was asked about, the likeliest source first. A finding for a person to judge, not a verdict.

    ``threshold`` is the score that any innocent copy at all reaches with the chance ``false_accusation``, at most; it says nothing
    of how a copy left the hands of whoever it was made for. ``overlap`` is the share of the original that was there to
    compare.
    """

    ranked: tuple[CopyScore, ...]
    threshold: float
    false_accusation: float
    overlap: float

    @property
    def above(self) -> tuple[CopyScore, ...]:
        """The copies whose score chance doesn't explain."""
        return tuple(each for each in self.ranked if each.score >= self.threshold)
