"""Whether a picture is her, unchanged but for what was asked: measurements in, verdict out.

How pixels are measured is not known here. `MEASURES` says what each figure is, how far it may go where nobody says
otherwise, and who may say otherwise: she about her own face, skin and body, the brand about its garment and the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from .errors import InputError
from .twin import Box


class Outcome(StrEnum):
    """``review``: the figures leave it open, and she decides with her own key; nothing is released before."""

    PASS = "pass"
    REVIEW = "review"
    QUARANTINE = "quarantine"


class Untold(StrEnum):
    """Why a measurement has no value. ``absent``: what has to be there isn't. ``unclear``: it is there, but too small,
    turned or covered to tell. ``outside``: it isn't in the picture, or nothing of the kind was asked for."""

    ABSENT = "absent"
    UNCLEAR = "unclear"
    OUTSIDE = "outside"


class Owner(StrEnum):
    """Whose word moves a bound."""

    TALENT = "talent"
    BRAND = "brand"
    NOBODY = "nobody"


@dataclass(frozen=True)
class Measure:
    """What a figure is. Beyond ``limit`` (an absolute value) a picture is quarantined, beyond ``review`` she looks at it.
    ``required`` ones must have been taken; of the others a picture may lack what doesn't concern it. Its ``owner`` may
    move the bound, to ``widest`` at most, and never beyond ``limit`` where there is no ``widest``."""

    unit: str
    meaning: str
    limit: float
    review: float | None = None
    owner: Owner = Owner.NOBODY
    widest: float = 0.0
    required: bool = False


# The customary 0.6 of the embedding's authors lets look-alikes through; untouched plates of one person under studio
# light lie below 0.45 of each other.
DEFAULT_IDENTITY_LIMIT = 0.45

# docs/reference/fidelity.md says of each bound how it was found.
MEASURES: Mapping[str, Measure] = {
    "identity.distance": Measure(
        "", "distance of the face's embedding to her plates", DEFAULT_IDENTITY_LIMIT, required=True
    ),
    "identity.copy": Measure("share", "of a generated face that is a capture's very pixels", 1.0, 0.85),
    "skin.delta_e": Measure("ΔE2000", "lit skin against her plates", 5.0, 4.0, Owner.TALENT, 10.0, required=True),
    "skin.delta_l": Measure(
        "L*", "lightness of lit skin; positive is lighter", 4.0, 3.0, Owner.TALENT, 8.0, required=True
    ),
    "face.geometry": Measure(
        "% of the face", "eyes, nose, mouth or jaw moved or resized", 4.0, 2.0, Owner.TALENT, 20.0
    ),
    "face.departure": Measure("share", "of the face that shows something else than the plate", 0.10, 0.03),
    "body.width": Measure("%", "width of the body; negative is slimmer", 5.0, 1.5, Owner.TALENT, 20.0),
    "body.length": Measure("%", "length of trunk or legs; negative is shorter", 4.0, 1.5, Owner.TALENT, 20.0),
    "body.reshape": Measure("%", "the largest local change of her shape", 6.0, 2.5, Owner.TALENT, 20.0),
    "body.head": Measure("%", "size of the head against the rest of her", 8.0, 5.0, Owner.TALENT, 20.0),
    "body.departure": Measure("share", "of skin, hair and clothes that differ from the plate", 0.25, 0.05),
    "garment.shift_e": Measure("ΔE2000", "a garment that was to be kept, against the plate's", 5.0, 2.5, Owner.BRAND),
    "garment.delta_e": Measure("ΔE2000", "a garment that was dyed, against the colour asked", 6.0, 4.0, Owner.BRAND),
    "garment.pattern": Measure("share", "change of a pattern's frequency", 0.25, 0.08, Owner.BRAND),
    "garment.direction": Measure("°", "turn of a pattern", 25.0, 8.0, Owner.BRAND),
    "garment.print": Measure("share", "of prints and logos that are gone or new", 0.8, 0.4, Owner.BRAND),
    "garment.hem": Measure("share", "of the garment's height by which its hem moved", 0.15, 0.05, Owner.BRAND),
    "garment.silhouette": Measure("share", "of the garment's outline that isn't shared", 0.30, 0.06, Owner.BRAND),
    "picture.sharpness": Measure("% of the face", "width of the sharpest edges in her face", 6.0, 2.4, Owner.BRAND),
    "picture.softening": Measure(
        "share", "by how much edges are wider than the plate's at this size", 3.0, 0.6, Owner.BRAND
    ),
    "picture.clipping": Measure("share", "of her that is burnt out", 0.25, 0.10, Owner.BRAND),
    "picture.crushing": Measure("share", "of her that is black without detail", 0.6, 0.2, Owner.BRAND),
    "picture.banding": Measure("share", "of smooth gradients that come in steps", 0.5, 0.05, Owner.BRAND),
    "picture.halo": Measure("L*", "a rim along her outline", 20.0, 4.0, Owner.BRAND),
    "hands.plausible": Measure("hands", "that are far too large", 2.0, 0.5),
}


@dataclass(frozen=True)
class Measurement:
    """One figure read from a picture of hers. ``value`` is None when it can't be told: ``untold`` then says why, and
    ``note`` says it in words. ``where`` are boxes in the picture that show it, for people."""

    name: str
    value: float | None
    note: str = ""
    untold: Untold = Untold.ABSENT
    where: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Bound:
    """The largest absolute value a measurement may have; beyond ``review``, where there is one, she looks at the picture.
    ``set_by`` says whose bound it is: the talent's, the brand's, the ``talent's plates``', or the ``default``."""

    name: str
    limit: float
    set_by: str = "default"
    review: float | None = None


@dataclass(frozen=True)
class Finding:
    measurement: Measurement
    bound: Bound
    outcome: Outcome

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.PASS

    def sentence(self) -> str:
        measured, bound = self.measurement, self.bound
        if measured.value is None:
            return f"{measured.name} could not be measured: {measured.note}"
        limit = bound.review if self.outcome is Outcome.REVIEW and bound.review is not None else bound.limit
        word = "within" if self.ok else "beyond"
        return f"{measured.name} {measured.value:.3g} is {word} {limit:.3g} (bound of the {bound.set_by})" + (
            f": {measured.note}" if measured.note and not self.ok else ""
        )


@dataclass(frozen=True)
class Verdict:
    """``calibrated`` is False when there was one plate only, so that the identity bound is the customary one."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    calibrated: bool

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it doesn't pass, the worst first."""
        off = sorted((f for f in self.findings if not f.ok), key=lambda f: -_BADNESS[f.outcome])
        return tuple(finding.sentence() for finding in off)


# --- bounds -------------------------------------------------------------------------------------------------------


def bounds(identity: Bound, hers: Mapping[str, Fraction], brands: Mapping[str, Fraction]) -> tuple[Bound, ...]:
    """Every bound, with whoever set it. What she says about herself replaces the default, in either direction; what a
    brand says about its garment and the picture can only be stricter."""
    made = []
    for name, measure in MEASURES.items():
        if name == identity.name:
            made.append(identity)
        elif measure.owner is Owner.TALENT and name in hers:
            made.append(Bound(name, float(hers[name]), "talent"))
        elif measure.owner is Owner.BRAND and name in brands and brands[name] < measure.limit:
            made.append(Bound(name, float(brands[name]), "brand"))
        else:
            made.append(Bound(name, measure.limit, "default", measure.review))
    return tuple(made)


def check_tolerances(asked: Mapping[str, Fraction], owner: Owner) -> None:
    """Raises InputError ``campaign.value`` for a bound that isn't this party's to set, or wider than anybody may."""
    for name, value in asked.items():
        measure = MEASURES.get(name)
        if measure is None or measure.owner is not owner:
            theirs = ", ".join(name for name, one in MEASURES.items() if one.owner is owner)
            raise InputError("campaign.value", f"{name!r} is no bound that the {owner} sets", f"use one of {theirs}")
        most = measure.widest or measure.limit
        if not 0 < value <= most:
            raise InputError("campaign.value", f"a bound of {value} for {name} can't be kept", f"use at most {most:g}")


# How near each other two people may be told apart at all with this embedding, whatever her own plates say.
LEAST_IDENTITY_LIMIT = 0.15
# Her own pictures scatter more than the few held-out captures show.
_OWN_MARGIN = 1.25
# Of the impostors, at most this share may come below her bound.
FALSE_ACCEPTS = 0.005
# Adults' embeddings drift by about this much a year: Best-Rowden and Jain, "Longitudinal Study of Automatic Face
# Recognition", IEEE TPAMI 40 (2018), saw scores of one person fall slowly, and hardly within six years.
AGE_PER_YEAR, MOST_AGE = 0.005, 0.02


@dataclass(frozen=True)
class Calibration:
    """``own`` are the scores of each of her captures against the others, empty when there is one; ``impostors`` those of
    other people's faces against all of them. Both are taken as a picture's score is."""

    own: tuple[float, ...] = ()
    impostors: tuple[float, ...] = ()


def identity_bound(scores: Calibration, years: float = 0.0) -> Bound:
    """Her own bound: as wide as her held-out captures need, never so wide that impostors come below it.

    ``years`` is the twin's age. With one plate there is nothing to hold out: the bound is the customary one, or less
    where impostors are nearer, and the verdict uncalibrated.
    """
    limit = DEFAULT_IDENTITY_LIMIT
    set_by = "default"
    if scores.own:
        limit, set_by = min(limit, max(scores.own) * _OWN_MARGIN), "talent's plates"
    limit += min(max(years, 0.0) * AGE_PER_YEAR, MOST_AGE)
    if scores.impostors:
        nearest = sorted(scores.impostors)[int(len(scores.impostors) * FALSE_ACCEPTS)]
        if nearest < limit:
            limit, set_by = nearest, "talent's plates"
    return Bound("identity.distance", min(max(limit, LEAST_IDENTITY_LIMIT), DEFAULT_IDENTITY_LIMIT), set_by)


# --- judgement ----------------------------------------------------------------------------------------------------


def judge(measurements: Iterable[Measurement], bounds: Sequence[Bound], *, calibrated: bool) -> Verdict:
    """Hold each bound against its measurement. A required one that is missing, or that finds nothing where she has to be,
    fails: a picture is released because it was found to be her, never because nothing was found."""
    taken = {m.name: m for m in measurements}
    findings = []
    for bound in bounds:
        measured = taken.get(bound.name)
        if measured is None:
            if bound.name in MEASURES and not MEASURES[bound.name].required:
                continue
            measured = Measurement(bound.name, None, "it was not measured")
        findings.append(Finding(measured, bound, _outcome(measured, bound)))
    outcome = max((f.outcome for f in findings), key=_badness, default=Outcome.QUARANTINE)
    return Verdict(outcome, tuple(findings), calibrated)


_BADNESS = {Outcome.PASS: 0, Outcome.REVIEW: 1, Outcome.QUARANTINE: 2}
_UNTOLD = {Untold.ABSENT: Outcome.QUARANTINE, Untold.UNCLEAR: Outcome.REVIEW, Untold.OUTSIDE: Outcome.PASS}


def _badness(outcome: Outcome) -> int:
    return _BADNESS[outcome]


def _outcome(measured: Measurement, bound: Bound) -> Outcome:
    if measured.value is None:
        return _UNTOLD[measured.untold]
    size = abs(measured.value)
    if not size <= bound.limit:  # written so that a figure that is no number fails
        return Outcome.QUARANTINE
    return Outcome.REVIEW if bound.review is not None and size > bound.review else Outcome.PASS
