"""From a twin's plates to a checkpoint on base weights, under the part ``train`` of her consent.

A training takes hours, and nothing of it counts before its end: the adapter, the checkpoint's entry and the log are
written together, under a name that the same training has every time, so that a killed one goes on with the next call. What
it rests on is asked for at every step: whoever withdraws meanwhile stops it, and what was made so far is destroyed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from twinbook.domain.canonical import digest
from twinbook.domain.errors import InputError, Refused, StateError, VaultRefused
from twinbook.domain.permit import Permit
from twinbook.domain.twin import Twin
from twinbook.domain.weights import Checkpoint, Weights
from twinbook.ports import OpenTwin, Trained, TrainingCard, TrainingJob, TrainingPlan

from . import permit
from .office import Office

# Letters of the word that stands for her in prompts: no vowels, so that it is nobody's name and no word of a language.
_LETTERS = "bcdfghjklmnpqrstvwxz"
_MOST_LOSSES = 200  # points of the curve that are kept with a checkpoint
_WORST = 1.0  # the distance that a picture without a face counts as
_HARDWARE = ("device",)  # of a plan, what changes where it is trained and not what


@dataclass(frozen=True)
class Training:
    """A checkpoint, and what making it took; 0 when it was there already."""

    checkpoint: Checkpoint
    new: bool = False
    seconds: float = 0.0
    peak_bytes: int = 0


def train(
    office: Office,
    talent: str,
    consent: str,
    weights: str,
    plan: TrainingPlan,
    *,
    subject: str = "person",
    progress: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> Training:
    """Train a checkpoint on every plate of her current twin, go on with one that was broken off, or find the one that was
    trained like this before. ``consent`` is the digest of hers; ``subject`` is what she is in captions.

    Raises Refused when the gate denies it, VaultRefused ``permit.revoked`` when she withdraws meanwhile, InputError
    ``training.twin``, ``weights.unknown``, ``diffusion.missing``; StateError ``weights.changed``, ``training.failed``.
    """
    base = office.weights.get(weights)
    with office.unit() as unit:
        twin, captures = unit.twins.current(talent), unit.twins.captures(talent)
        if twin is None:
            raise InputError("training.twin", f"there is no twin of {talent}")
        name = _name(twin, captures, base, plan, subject)
        found = unit.checkpoints.get(name)
    if found:
        return Training(found)
    folder = office.weights.folder(weights)  # gigabytes are hashed before the permit's quarter of an hour begins
    granted = permit.for_training(office, talent, consent, name)

    def heard(step: int, steps: int, loss: float) -> None:
        try:
            with office.unit() as unit:
                permit.still_stands(unit, granted, office.clock.now())
        except StateError as error:
            if error.code != "home.busy":  # somebody else writes for long: it is asked again at the next step
                raise
        progress(step, steps, loss)

    score = _score(office, talent, consent, twin, name)
    try:
        with office.vault.open(talent, granted) as lent:
            job = TrainingJob(
                name=f"{name}.training",
                twin=lent,
                plates=tuple(plate.id for plate in twin.plates),
                weights=base,
                folder=folder,
                plan=plan,
                token=_token(name),
                subject=subject,
                score=score,
            )
            trained = office.trainer.train(job, heard)
            try:
                made = _checkpoint(office, job, twin, captures, trained, name)
                done = _kept(office, made, granted, trained, lent.put_weights)
            except StateError as error:
                if error.code == "training.failed":  # going on from it would give the same
                    _drop(lent, trained)
                raise
            _drop(lent, trained)
            return done
    except VaultRefused as error:
        if error.code == "permit.revoked":
            office.vault.forget_weights(talent)
        raise


def card(office: Office, checkpoint: Checkpoint) -> TrainingCard:
    """What is said of a checkpoint on paper. Raises InputError ``talent.unknown``."""
    with office.unit() as unit:
        party = unit.parties.get(checkpoint.talent)
        twins = [twin for twin in [unit.twins.current(checkpoint.talent)] if twin and twin.id == checkpoint.twin]
    if party is None:
        raise InputError("talent.unknown", f"{checkpoint.talent} had everything erased meanwhile")
    photographs = {plate.id: plate.photo for twin in twins for plate in twin.plates}
    return TrainingCard(party.name, checkpoint, photographs)


def _name(twin: Twin, captures: str | None, base: Weights, plan: TrainingPlan, subject: str) -> str:
    """The same for the same training, wherever and whenever it is begun."""
    how = {key: str(value) for key, value in asdict(plan).items() if key not in _HARDWARE}
    what = {"twin": twin.id, "captures": captures, "plates": [plate.id for plate in twin.plates]}
    return digest({**what, "weights": base.digest, "plan": how, "subject": subject})[:32]


def _token(name: str) -> str:
    number = int(name, 16)
    letters = []
    for _ in range(6):
        number, letter = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[letter])
    return "".join(letters)


def _drop(lent: OpenTwin, trained: Trained) -> None:
    for name in trained.leftovers:
        lent.drop_weights(name)


def _checkpoint(
    office: Office, job: TrainingJob, twin: Twin, captures: str | None, trained: Trained, name: str
) -> Checkpoint:
    if not trained.adapter or not trained.used or not set(trained.used) <= set(job.plates):
        raise StateError("training.failed", "the trainer gave no adapter, or used plates that it wasn't given")
    return Checkpoint(
        id=name,
        talent=twin.talent,
        twin=twin.id,
        weights=job.weights.name,
        weights_digest=job.weights.digest,
        family=job.weights.family,
        token=job.token,
        step=trained.step,
        rank=job.plan.rank,
        plates=tuple(trained.used),
        sha256=hashlib.sha256(trained.adapter).hexdigest(),
        made_at=office.clock.now(),
        scores=dict(trained.scores),
        licence=job.weights.licence,
        commercial=job.weights.commercial,
        captures=captures or "",
        plan={**asdict(job.plan), "subject": job.subject},
        losses=_thinned(trained.losses),
    )


def _kept(
    office: Office, made: Checkpoint, granted: Permit, trained: Trained, put: Callable[[str, bytes], None]
) -> Training:
    """Adapter, entry and log in one: writers exclude each other, so that of two processes with the same training neither
    replaces the other's adapter."""
    with office.unit() as unit:
        permit.still_stands(unit, granted, office.clock.now())
        if found := unit.checkpoints.get(made.id):  # another process was first
            return Training(found)
        put(made.id, trained.adapter)
        unit.checkpoints.put(made)
        facts = {
            "checkpoint": made.id,
            "captures": made.captures,
            "plates": ",".join(made.plates),
            "weights": made.weights_digest,
            "licence": made.licence,
            "adapter": made.sha256,
            "steps": str(made.plan["steps"]),
            "step": str(made.step),
            "rank": str(made.rank),
            "consent": granted.consent,
            "permit": granted.id,
        }
        office.record(unit, "twin:trained", facts, (made.talent,))
    return Training(made, new=True, seconds=trained.seconds, peak_bytes=trained.peak_bytes)


def _score(
    office: Office, talent: str, consent: str, twin: Twin, name: str
) -> Callable[[Sequence[np.ndarray]], float | None]:
    """How much like her pictures are: 1 less the mean distance of their faces to her plates, a picture without a face
    counting as the farthest. None as long as her consent lets nobody recognise her."""
    try:
        granted = permit.for_measuring(office, talent, consent, name)
    except Refused:
        return lambda pictures: None
    nothing = np.empty((0, 0, 3), np.uint8)
    with office.vault.open(talent, granted) as lent:
        # For hours there is nothing of hers in memory but what recognises her face.
        plates = [replace(lent.plate(facts.id), rgb_srgb=nothing, alpha=None, regions=None) for facts in twin.plates]
    plates = [plate for plate in plates if plate.recognisable]

    def score(pictures: Sequence[np.ndarray]) -> float | None:
        try:
            with office.unit() as unit:
                permit.still_stands(unit, granted, office.clock.now())
        except VaultRefused:
            plates.clear()
        except StateError as error:
            if error.code != "home.busy":
                raise
            return None  # whether she may be recognised can't be told now
        if not plates or not pictures:
            return None
        distances = [office.meter.distance(picture, plates) for picture in pictures]
        return 1 - sum(_WORST if d is None else min(d, _WORST) for d in distances) / len(distances)

    return score


def _thinned(losses: dict[int, float]) -> dict[int, float]:
    """At most so many points of a curve, first and last among them."""
    steps = sorted(losses)
    every = max(1, -(-len(steps) // _MOST_LOSSES))
    return {step: float(losses[step]) for step in sorted({*steps[::every], *steps[-1:]})}


def twins(office: Office, talent: str | None = None) -> list[tuple[Twin, list[Checkpoint]]]:
    """The current twin of each talent, or of one, with the checkpoints of every version. Raises InputError
    ``talent.unknown``."""
    with office.unit() as unit:
        if talent is not None and unit.parties.get(talent) is None:
            raise InputError("talent.unknown", f"nobody is called {talent!r} here")
        every = unit.checkpoints.all()
        found = [unit.twins.current(each) for each in ([talent] if talent else unit.twins.talents())]
    return [(twin, [made for made in every if made.talent == twin.talent]) for twin in found if twin]
