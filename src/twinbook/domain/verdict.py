"""What is said of a found picture: one of six words for everybody, and a finding that tells more. No pixels here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .provenance import Likeness, Reading, State


class Finding(StrEnum):
    """What a found picture is. The first eight say what was done to the file, the next three what became of its license."""

    INTACT = "intact"
    METADATA_STRIPPED = "metadata-stripped"
    METADATA_CHANGED = "metadata-changed"
    RE_ENCODED = "re-encoded"
    CROPPED = "cropped"
    OTHER_PIXELS = "manifest-of-other-pixels"
    ALTERED = "altered"
    RESEMBLES = "resembles"
    REVOKED = "revoked"
    EXPIRED = "expired"
    OUTSIDE = "outside-license"
    NOT_OURS = "not-ours"


SENTENCES = {
    Finding.INTACT: "it is just as it was signed",
    Finding.METADATA_STRIPPED: "the picture is a released copy to the last pixel; its manifest was taken off",
    Finding.METADATA_CHANGED: "the picture is a released copy to the last pixel; what is written beside it was changed",
    Finding.RE_ENCODED: "apart from encoding and size it is a released copy",
    Finding.CROPPED: "it is a part of a released copy, and what is left of that was not altered",
    Finding.OTHER_PIXELS: "its manifest is genuine, and was made for another picture than this file shows",
    Finding.ALTERED: "it departs from what was released",
    Finding.RESEMBLES: "it names or resembles a release; without that copy to lay it over nobody can tell if it was altered",
    Finding.NOT_OURS: "nothing in it leads to a release that is known here",
}

_STATES = {
    Finding.INTACT: State.INTACT,
    Finding.METADATA_STRIPPED: State.RE_ENCODED,
    Finding.METADATA_CHANGED: State.RE_ENCODED,
    Finding.RE_ENCODED: State.RE_ENCODED,
    Finding.CROPPED: State.RE_ENCODED,
    Finding.OTHER_PIXELS: State.ALTERED,
    Finding.ALTERED: State.ALTERED,
    Finding.RESEMBLES: State.UNKNOWN,
    Finding.NOT_OURS: State.UNKNOWN,
    Finding.REVOKED: State.REVOKED,
    Finding.EXPIRED: State.EXPIRED,
}


# Of a picture that nothing but its looks leads to a release: from which share of its area that departs it is as likely the
# plate, or another picture from it, as an altered copy.
MOST_ALTERED_BY_LOOKS = 0.2


@dataclass(frozen=True)
class Verdict:
    """``finding`` is the most that has to be said; ``condition`` what was done to the file, whatever became of its license."""

    finding: Finding
    condition: Finding

    @property
    def state(self) -> State:
        return _STATES[self.condition if self.finding is Finding.OUTSIDE else self.finding]


def judge(
    reading: Reading,
    likeness: Likeness | None,
    *,
    issued: bool,
    identical: bool = False,
    same_pixels: bool = False,
    revoked: bool = False,
    expired: bool = False,
    outside: bool = False,
    by_looks: bool = False,
) -> Verdict:
    """The verdict on a picture. ``issued``: a release that is known here was found by its marks or its looks;
    ``likeness``: compared with its copy, None when it couldn't be; ``identical``: the file's bytes are a released copy's;
    ``same_pixels``: the decoded picture is; ``by_looks``: no mark led to the release.

    What is known of the release outranks the state of the file (an intact copy of a revoked release reads revoked), but an
    altered picture is never vouched for by a license, so alteration outranks both.
    """
    condition = _condition(reading, likeness, issued, identical, same_pixels)
    if by_looks and likeness is not None and likeness.altered_share > MOST_ALTERED_BY_LOOKS:
        return Verdict(Finding.RESEMBLES, Finding.RESEMBLES)
    if condition in (Finding.ALTERED, Finding.OTHER_PIXELS) or not issued:
        return Verdict(condition, condition)
    if revoked:
        return Verdict(Finding.REVOKED, condition)
    if expired:
        return Verdict(Finding.EXPIRED, condition)
    if outside and condition is not Finding.RESEMBLES:
        return Verdict(Finding.OUTSIDE, condition)
    return Verdict(condition, condition)


def _condition(
    reading: Reading, likeness: Likeness | None, issued: bool, identical: bool, same_pixels: bool
) -> Finding:
    manifest = reading.manifest
    if identical:  # whatever became of its certificate since
        return Finding.INTACT
    if same_pixels:
        return Finding.METADATA_STRIPPED if manifest.state == "absent" else Finding.METADATA_CHANGED
    if manifest.state == "trusted":  # another copy that was signed: one delivered to somebody, or of another home
        return Finding.INTACT
    if likeness is not None:
        if likeness.altered_share > 0:
            return Finding.OTHER_PIXELS if manifest.genuine else Finding.ALTERED
        return Finding.CROPPED if likeness.cropped else Finding.RE_ENCODED
    if manifest.state == "invalid":
        return Finding.OTHER_PIXELS if manifest.genuine else Finding.ALTERED
    return Finding.RESEMBLES if issued else Finding.NOT_OURS
