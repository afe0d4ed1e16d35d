"""Whether a picture is her: measurements in, verdict out. How pixels are measured is not known here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    PASS = "pass"
    QUARANTINE = "quarantine"


@dataclass(frozen=True)
class Measurement:
    """One figure read from a picture of hers. ``value`` is None when it can't be told (say, no face is found).

    ``identity.distance`` is the Euclidean distance of dlib's 128-d face embedding to the nearest plate (no unit);
    ``skin.delta_e`` is CIEDE2000 between lit face skin and the plate's; ``skin.delta_l`` is the signed change of
    CIELAB L* (positive: lighter).
    """

    name: str
    value: float | None
    note: str = ""


@dataclass(frozen=True)
class Bound:
    """The largest absolute value a measurement may have. ``set_by`` says whose bound it is: the talent's,
    the brand's, the ``talent's plates``', or the ``default``."""

    name: str
    limit: float
    set_by: str = "default"


@dataclass(frozen=True)
class Finding:
    measurement: Measurement
    bound: Bound
    ok: bool

    def sentence(self) -> str:
        name, value = self.measurement.name, self.measurement.value
        if value is None:
            return f"{name} could not be measured: {self.measurement.note}"
        word = "within" if self.ok else "beyond"
        return f"{name} {value:.3g} is {word} {self.bound.limit:.3g} (bound of the {self.bound.set_by})" + (
            f": {self.measurement.note}" if self.measurement.note and not self.ok else ""
        )


@dataclass(frozen=True)
class Verdict:
    """``calibrated`` is False when there was one plate only, so that the identity bound is the customary one."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    calibrated: bool

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(finding.sentence() for finding in self.findings if not finding.ok)


# The customary 0.6 of the embedding's authors lets look-alikes through; untouched plates of one person under studio
# light lie below 0.45 of each other.
DEFAULT_IDENTITY_LIMIT = 0.45
DEFAULT_BOUNDS = (Bound("skin.delta_e", 5.0), Bound("skin.delta_l", 4.0))


def identity_bound(own_distances: Sequence[float]) -> Bound:
    """Her own bound from the distances between her plates: the largest, and a little, never looser than the default.

    ``own_distances`` is empty when there is one plate; the bound is then the default and the verdict uncalibrated.
    """
    if not own_distances:
        return Bound("identity.distance", DEFAULT_IDENTITY_LIMIT)
    return Bound("identity.distance", min(DEFAULT_IDENTITY_LIMIT, max(own_distances) * 1.15), "talent's plates")


def judge(measurements: Sequence[Measurement], bounds: Sequence[Bound], *, calibrated: bool) -> Verdict:
    """Hold each bound against its measurement. A bound without a measurement, or one that can't be told, fails:
    a picture is released because it was found to be her, never because nothing was found."""
    taken = {m.name: m for m in measurements}
    findings = []
    for bound in bounds:
        measurement = taken.get(bound.name, Measurement(bound.name, None, "it was not measured"))
        ok = measurement.value is not None and abs(measurement.value) <= bound.limit
        findings.append(Finding(measurement, bound, ok))
    outcome = Outcome.PASS if findings and all(f.ok for f in findings) else Outcome.QUARANTINE
    return Verdict(outcome, tuple(findings), calibrated)
