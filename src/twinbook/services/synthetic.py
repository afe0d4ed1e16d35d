"""Whether the face of somebody who does not exist is anybody's: held against every enrolled talent, and a watch list.

Asked when her twin is made, and of every picture of hers before it goes on: a talent who was enrolled since counts too.
Each comparison with a talent is a permit to measure under her own consent, in her log. Whoever withdrew the part
``template`` isn't recognised any more, here neither; how many these are stands in the log. Of a watch list nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from twinbook.domain import fidelity, gate
from twinbook.domain.consent import Part
from twinbook.domain.errors import InputError, Reason, Refused
from twinbook.domain.fidelity import DEFAULT_IDENTITY_LIMIT
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind
from twinbook.domain.synthetic import Resemblance, resemblances
from twinbook.domain.twin import TwinKind
from twinbook.domain.work import Work
from twinbook.ports import Plate, UnitOfWork

from . import permit
from .office import Office


def likenesses(
    office: Office, plates: Sequence[Plate], subject: str, watched: Sequence[Path], but: Sequence[str] = ()
) -> tuple[Reason, ...]:
    """Whom these faces could be taken for; empty when they are nobody's. ``subject`` is the digest of what is asked about,
    ``watched`` are photographs of people to stay away from, ``but`` the talents who may be there.

    Raises InputError ``synthetic.watch_list`` for a photograph in which nobody can be recognised.
    """
    faces = [plate for plate in plates if plate.recognisable]
    if not faces:
        return (Refused("synthetic.unknown", "none of the pictures shows a face that could be compared").reason,)
    found = []
    with office.unit() as unit:
        talents = [talent for talent in unit.twins.talents() if talent not in but]
    left_out = 0
    for talent in talents:
        theirs = _measured(office, talent, faces, subject)
        left_out += theirs is None
        found += [theirs] if theirs else []
    found += list(_watched(office, faces, watched))
    with office.unit() as unit:
        facts = {
            "subject": subject,
            "talents": str(len(talents) - left_out),
            "not_comparable": str(left_out),
            "watched": str(len(watched)),
            "alike": str(sum(one.alike for one in found)),
        }
        office.record(unit, "synthetic:compared", facts, tuple(but))
    return resemblances(found)


def nobodies(unit: UnitOfWork, work: Work) -> list[str]:
    """Those in a shot who do not exist."""
    twins = {talent: unit.twins.current(talent) for talent in work.shot.talents}
    return [talent for talent, twin in twins.items() if twin is not None and twin.kind is TwinKind.SYNTHETIC]


def _measured(office: Office, talent: str, faces: Sequence[Plate], subject: str) -> Resemblance | None:
    """None when she lets nobody recognise her, or nothing of her twin shows her face."""
    with office.unit() as unit:
        consent = _consent(office, unit, talent)
        twin, made = unit.twins.current(talent), unit.twins.made_at(talent)
    if consent is None or twin is None:
        return None
    try:
        granted = permit.for_measuring(office, talent, consent.digest, subject)
    except Refused:
        return None
    with office.vault.open(talent, granted) as lent:
        hers = [lent.plate(plate.id) for plate in twin.plates]
    distance = office.meter.apart(faces, hers)
    if distance is None:
        return None
    years = (office.clock.now() - made).days / 365.25 if made else 0.0
    bound = fidelity.identity_bound(office.meter.calibrate(hers), years)
    return Resemblance("an enrolled talent", distance, bound.limit)


def _consent(office: Office, unit: UnitOfWork, talent: str) -> Paper | None:
    """Her newest one that lets her be recognised."""
    papers = [paper for paper in unit.papers.of(talent, PaperKind.CONSENT) if paper.signatures]
    now = office.clock.now()
    return next((paper for paper in reversed(papers) if gate.gives(paper, Part.TEMPLATE, now)), None)


def _watched(office: Office, faces: Sequence[Plate], photographs: Sequence[Path]) -> Iterator[Resemblance]:
    for photograph in photographs:
        people = office.meter.templates(photograph)
        if not people:
            raise InputError("synthetic.watch_list", f"no face was found in {photograph.name}: it watches for nobody")
        # Of somebody with one photograph nothing can be calibrated: the customary bound counts.
        for person in people:
            distance = office.meter.apart(faces, [person])
            if distance is not None:
                yield Resemblance(f"a person of the watch list ({photograph.name})", distance, DEFAULT_IDENTITY_LIMIT)
