"""The way of one image, as a state machine that is stored after every step.

`advance` takes a shot one step on: one transaction a transition, every transition safe to repeat. Whatever happens
outside the database (a rendering in the vault, staged copies, the publishing rename) is named by the shot and replaced
when it is done again, so that a process killed anywhere is finished by the next call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime

import numpy as np

from twinbook.domain import fidelity, ledger, royalty
from twinbook.domain.approval import Approved
from twinbook.domain.brief import FORMATS, frame
from twinbook.domain.consent import Approval, Consent, Part
from twinbook.domain.errors import AwaitingSignature, InputError, Reason, Refused, StateError, TwinbookError
from twinbook.domain.fidelity import Outcome
from twinbook.domain.gate import gives
from twinbook.domain.generation import negatives
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind
from twinbook.domain.permit import Act
from twinbook.domain.provenance import SourceType
from twinbook.domain.synthetic import prompt_faults
from twinbook.domain.twin import Box, PlateFacts, around
from twinbook.domain.weights import Checkpoint, unlicensed
from twinbook.domain.work import ENDS, Copy, Made, Stage, Work
from twinbook.ports import (
    Asked,
    Figure,
    Plan,
    Progress,
    Rendering,
    RenderJob,
    UnitOfWork,
    silent,
)

from . import copies, permit, synthetic
from .enroll import watched
from .filing import file_paper
from .office import Office


def advance(office: Office, work_id: str, progress: Progress = silent) -> Work:
    """Take a shot one step on and return it as it then stands. ``progress`` hears the steps of an engine at work.

    Raises AwaitingSignature ``awaiting.approval`` while she has to look at it, and StateError when something broke
    (the shot stays where it is, the hold too, and the next call goes on).
    """
    with office.unit() as unit:
        work = unit.works.get(work_id)
    if work is None:
        raise InputError("shot.unknown", f"there is no shot {work_id}")
    step = _STEPS.get(work.stage)
    if step is None:
        return work
    try:
        return step(office, work, progress) if step is _render else step(office, work)
    except StateError:
        with office.unit() as unit:
            current = unit.works.get(work_id)
        if current.version == work.version:
            raise
        return current  # another process took this step meanwhile: go on from where it stands


def finish(office: Office, work_id: str, progress: Progress = silent) -> Work:
    """Advance a shot to its end and, when that is a release, see it published."""
    work = advance(office, work_id, progress)
    while work.stage not in ENDS:
        work = advance(office, work_id, progress)
    return advance(office, work_id) if work.stage is Stage.RELEASED else work


def refuse(office: Office, work: Work, reasons: tuple[Reason, ...]) -> Work:
    """End a shot that is on its way: give every hold back, throw staged copies away, note why."""
    with office.unit() as unit:
        current = unit.works.get(work.id)
        if current.stage in ENDS:  # another process ended it meanwhile
            if current.stage is not Stage.RELEASED:
                office.outbox.discard(work.release)
            return current
        done = end(office, unit, current, Stage.REFUSED, reasons, "shot:refused")
    office.outbox.discard(work.release)
    return done


def end(
    office: Office, unit: UnitOfWork, work: Work, stage: Stage, reasons: tuple[Reason, ...], act: str, **changes
) -> Work:
    """End a shot in the caller's transaction, with every hold given back."""
    for held in unit.books.open_holds(work.id):
        unit.books.post(ledger.void(held, office.clock.now()))
    codes = ",".join(why.code for why in reasons)
    office.record(unit, act, {"shot": work.id, "reasons": codes}, work.shot.talents)
    return unit.works.put(work.to(stage, reasons=reasons, **changes))


def _hold(office: Office, work: Work) -> Work:
    """Plan, ask the gate, and set the fees aside: all in one transaction, so that caps are exact."""
    _prepare(office, work)
    with office.unit() as unit:
        now = office.clock.now()
        reasons = [*permit.refusals(office, unit, work, now), *_minor_refusals(unit, work)]
        plan = None
        try:
            engine = office.engine(work.shot.engine)
            plates = _plates(unit, work)
            checkpoints = _checkpoints(office, unit, work)
            plan = engine.plan(work.shot, plates, checkpoints)
            reasons += _framing_refusals(work, plan, plates)
            reasons += _weights_refusals(office, unit, work, plan, checkpoints)
        except Refused as error:
            reasons += error.reasons
        except InputError as error:
            reasons.append(error.reason)
        if reasons:
            return end(office, unit, work, Stage.REFUSED, tuple(reasons), "shot:refused")
        for talent, license in permit.licenses(unit, work).items():
            unit.books.post(ledger.hold(work.id, talent, work.attempt, license.brand.id, license.fee, now))
        facts = {"shot": work.id, "attempt": str(work.attempt), "engine": work.shot.engine}
        office.record(unit, "shot:held", facts, work.shot.talents)
        return unit.works.put(work.to(Stage.HELD, plates=dict(plan.plates), reasons=()))


def _prepare(office: Office, work: Work) -> None:
    """So that nobody's transaction waits for it. What is wrong is told by the plan."""
    with suppress(TwinbookError):
        office.engine(work.shot.engine).prepare(work.shot)


def _framing_refusals(work: Work, plan: Plan, plates: Mapping[str, tuple[PlateFacts, ...]]) -> list[Reason]:
    """The formats that the picture can't be cropped to: told before anything is made."""
    if work.shot.mannequin:  # the figure stands free, whatever the plate shows
        return []
    figures = [plan.figures[talent] for talent in work.shot.talents if talent in plan.figures]
    size = plan.canvas
    if size is None:
        facts = next(f for of_one in plates.values() for f in of_one if f.id == plan.plate)
        size, figures = (facts.width, facts.height), [Figure(facts.face, facts.person)]
    faces, person = [figure.face for figure in figures], around(figure.person for figure in figures)
    found = []
    for name in work.shot.formats:
        try:
            frame(*size, faces[0], person, FORMATS[name], faces[1:])
        except Refused as error:
            found += error.reasons
    return found


def _minor_refusals(unit: UnitOfWork, work: Work) -> tuple[Reason, ...]:
    return prompt_faults(work.shot.generate.prompt) if work.shot.generate and synthetic.nobodies(unit, work) else ()


def _weights_refusals(
    office: Office, unit: UnitOfWork, work: Work, plan: Plan, checkpoints: Mapping[str, Sequence[Checkpoint]]
) -> list[Reason]:
    """Why the licence of the weights forbids the picture: told before anything is held. A license with a fee is
    commercial, whatever it is called."""
    if work.shot.generate is None:
        return []
    try:
        weights = office.weights.get(work.shot.generate.weights)
    except TwinbookError as error:
        return [error.reason]
    loaded = [each for mine in checkpoints.values() for each in mine if each.id in plan.checkpoints.values()]
    paid = any(license.fee.minor > 0 for license in permit.licenses(unit, work).values())
    return list(unlicensed(weights, tuple(loaded), paid=paid))


def _render(office: Office, work: Work, progress: Progress) -> Work:
    engine = office.engine(work.shot.engine)
    _prepare(office, work)
    pictures = {name: office.scenes.load(name) for name in work.shot.pictures}
    try:
        permits = permit.for_shot(office, work, Act.RENDER)
        with office.unit() as unit:
            checkpoints = _checkpoints(office, unit, work)
            plan = engine.plan(work.shot, _plates(unit, work), checkpoints)
            if unfit := _weights_refusals(office, unit, work, plan, checkpoints):  # others have the name meanwhile
                raise permit.refused(tuple(unfit))
            never = {talent: negatives(terms.never) for talent, terms in _consents(unit, work).items()}
        with ExitStack() as loans:
            twins = {talent: loans.enter_context(office.vault.open(talent, p)) for talent, p in permits.items()}
            digests = {p.request_digest for p in permits.values()}
            job = RenderJob(
                shot=work.shot,
                plan=plan,
                request_digests={talent: p.request_digest for talent, p in permits.items()},
                twins=twins,
                pictures=pictures,
                seed=int(min(digests)[:8], 16),
                never=never,
                progress=progress,
            )
            rendering = engine.render(job)
            sha256 = copies.pixels_digest(rendering.rgb_srgb)
            picture = f"{work.id}/{sha256}"  # by content: a second process rendering the same shot replaces nothing
            first, *beside = (twins[talent] for talent in work.shot.talents)
            first.put_picture(picture, rendering.rgb_srgb, beside)
    except Refused as error:
        return refuse(office, work, error.reasons)
    made = Made(
        picture=picture,
        sha256=sha256,
        faces=_talents_first(work, office.meter.faces(rendering.rgb_srgb), rendering),
        person=_extent(rendering.alpha),
        source_type=rendering.source_type,
        operations=rendering.operations,
        engine_version=engine.profile().version,
        seconds={name: round(value, 3) for name, value in rendering.seconds.items()},
        hands=tuple(hand for figure in rendering.figures.values() for hand in figure.hands),
    )
    with office.unit() as unit:
        facts = {"shot": work.id, "picture": made.sha256, "engine": f"{work.shot.engine} {made.engine_version}"}
        office.record(unit, "image:rendered", facts, work.shot.talents)
        return unit.works.put(work.to(Stage.RENDERED, plates=dict(plan.plates), made=made))


def _talents_first(work: Work, found: Sequence[Box], rendering: Rendering) -> tuple[Box, ...]:
    """The faces in a picture, those of its talents first and in their order: a crop must keep them, and people in a scene
    count after them. Where none was found, the place that the engine tells holds."""
    hers = []
    for talent in work.shot.talents:
        if figure := rendering.figures.get(talent):
            near = max(found, key=figure.face.overlap, default=figure.face)
            hers.append(near if 3 * near.overlap(figure.face) > figure.face.width * figure.face.height else figure.face)
    return tuple(dict.fromkeys((*hers, *found)))


def _judge(office: Office, work: Work) -> Work:
    """Measure what was made against her plates, outside the engine, and let the domain judge."""
    try:
        with copies.opened(office, work, Act.MEASURE) as (picture, twins):
            verdicts = []
            for talent, facts in _all_plates(office, work).items():
                plates = [twins[talent].plate(plate.id) for plate in facts]
                scores = office.meter.calibrate(plates)
                bounds = _bounds(office, work, talent, scores)
                measured = office.meter.measure(picture, plates, _asked(work, talent))
                verdicts.append(fidelity.judge(measured, bounds, calibrated=bool(scores.own)))
        alike = _likenesses(office, work, picture)
    except Refused as error:
        return refuse(office, work, error.reasons)
    findings = tuple(finding for verdict in verdicts for finding in verdict.findings)
    calibrated = all(verdict.calibrated for verdict in verdicts)
    with office.unit() as unit:
        outcomes = {verdict.outcome for verdict in verdicts}
        if Outcome.QUARANTINE not in outcomes and not alike:
            outcome = Outcome.REVIEW if Outcome.REVIEW in outcomes else Outcome.PASS
            office.record(unit, "image:judged", {"shot": work.id, "outcome": outcome.value}, work.shot.talents)
            return unit.works.put(work.to(Stage.JUDGED, findings=findings, calibrated=calibrated))
        reasons = tuple(
            Refused("fidelity.quarantined", sentence).reason for verdict in verdicts for sentence in verdict.reasons
        )
        reasons += alike
        changes = {"findings": findings, "calibrated": calibrated}
        return end(office, unit, work, Stage.QUARANTINED, reasons, "image:quarantined", **changes)


def _likenesses(office: Office, work: Work, picture: np.ndarray) -> tuple[Reason, ...]:
    """Whom those in a picture who do not exist could be taken for."""
    with office.unit() as unit:
        invented = synthetic.nobodies(unit, work)
    if not invented:
        return ()
    places = work.made.faces
    if len(places) >= len(work.shot.talents):  # else nobody can tell whose each is, and every one is looked at
        places = tuple(places[work.shot.talents.index(name)] for name in invented)
    faces = [face for face in office.meter.templates(picture) if any(face.facts.face.overlap(box) for box in places)]
    return synthetic.likenesses(office, faces, work.made.sha256, watched(office), work.shot.talents)


def _bounds(office: Office, work: Work, talent: str, scores: fidelity.Calibration) -> tuple[fidelity.Bound, ...]:
    """Her bounds, the brand's and the usual ones, in that order of precedence for what each may set."""
    with office.unit() as unit:
        license = permit.licenses(unit, work)[talent]
        consent: Consent = unit.papers.get(license.consent).terms
        made = unit.twins.made_at(talent)
    years = (office.clock.now() - made).days / 365.25 if made else 0.0
    return fidelity.bounds(fidelity.identity_bound(scores, years), consent.tolerances, work.shot.tolerances)


def _asked(work: Work, talent: str) -> Asked:
    whole = work.made.source_type is SourceType.TRAINED
    return Asked(
        None if whole else work.plates.get(talent), work.shot.recolor, work.shot.redressed, work.shot.mannequin
    )


def _release(office: Office, work: Work) -> Work:
    """Seal every format, read each one back with the reader, then settle, log and release in one transaction."""
    waiting = _approvals_missing(office, work)
    if waiting:
        with office.unit() as unit:
            reasons = permit.refusals(office, unit, work, office.clock.now())
        if reasons:  # she isn't asked to look at what can't be released any more
            return refuse(office, work, reasons)
        names = ", ".join(talent for talent, _ in waiting)
        raise AwaitingSignature("awaiting.approval", f"{work.name} waits for the approval of {names}")
    try:
        sealed = copies.seal(office, work)
    except Refused as error:
        return refuse(office, work, error.reasons)
    staged = office.outbox.stage(work.release, {copy.name: data for copy, data in sealed.values()})
    traits = [office.fingerprinter.copy_traits(data, work.release, copy.format) for copy, data in sealed.values()]
    with office.unit() as unit:
        now = office.clock.now()
        reasons = permit.refusals(office, unit, work, now)
        if not reasons:
            for each in traits:
                unit.issued.put(each)
            released = _settled(office, unit, work, tuple(copy for copy, _ in sealed.values()), staged, now)
    if reasons:  # revoked, expired or otherwise gone while the copies were sealed
        return refuse(office, work, reasons)
    return _publish(office, released)


def _publish(office: Office, work: Work) -> Work:
    try:
        office.outbox.publish(work.release, work.staged)
    except StateError:
        with office.unit() as unit:
            papers = [unit.papers.get(digest) for digest in work.licenses.values()]
        if not any(paper.revoked_at for paper in papers):
            raise
        # She had everything erased, the home's copies with it.
    return work


def _settled(
    office: Office, unit: UnitOfWork, work: Work, copies: tuple[Copy, ...], staged: str, now: datetime
) -> Work:
    licenses = permit.licenses(unit, work)
    holds = {held.talent: held for held in unit.books.open_holds(work.id)}
    for talent, license in licenses.items():
        if talent not in holds:
            raise StateError("books.hold", f"{work.name} has no open hold for {talent}")
        unit.books.post(ledger.settle(holds[talent], royalty.shares(license), now))
        facts = {
            "release": work.release.hex,
            "shot": work.id,
            "license": work.licenses[talent],
            "fee": str(license.fee),
            "copies": ",".join(copy.sha256 for copy in copies),
        }
        office.record(unit, "image:released", facts, (talent,))
    return unit.works.put(work.to(Stage.RELEASED, copies=copies, staged=staged, released_at=now))


def draw_approvals(office: Office, work: Work) -> list[Paper]:
    """The approval each talent in the shot must sign and has not signed yet; drawn up over the exact pixels, or over the
    briefs of the whole campaign where she looks at those."""
    papers = []
    for talent, approved in _approvals_missing(office, work):
        with office.unit() as unit:
            papers.append(file_paper(office, unit, Paper.of(approved), talent))
    return papers


def _approvals_missing(office: Office, work: Work) -> list[tuple[str, Approved]]:
    missing = []
    with office.unit() as unit:
        for talent in work.shot.talents:
            license = unit.papers.get(work.licenses[talent])
            consent = None if license.erased else unit.papers.get(license.terms.consent)
            if consent is None or consent.erased:
                continue
            terms: Consent = consent.terms
            estate = terms.estate if unit.parties.died(talent) else ""
            wanted = []
            if terms.approval is Approval.IMAGE or undecided(work):
                wanted.append(
                    Approved(talent, Approval.IMAGE, frozenset({work.id}), work.release.hex, work.made.sha256, estate)
                )
            if terms.approval is Approval.CAMPAIGN:
                wanted.append(Approved(talent, Approval.CAMPAIGN, _briefs(unit, work, talent), estate=estate))
            missing += [(talent, asked) for asked in wanted if not _approved(office, unit, talent, asked, work.id)]
    return missing


def undecided(work: Work) -> bool:
    """Whether the figures left it open if this is her: then she decides, whatever she lets pass otherwise."""
    return any(finding.outcome is Outcome.REVIEW for finding in work.findings)


def _briefs(unit: UnitOfWork, work: Work, talent: str) -> frozenset[str]:
    """The shots of her campaign as they now stand: a brief that changes is another shot, which she hasn't seen."""
    return frozenset(other.id for other in unit.works.of_campaign(work.campaign) if talent in other.shot.talents)


def _approved(office: Office, unit: UnitOfWork, talent: str, asked: Approved, shot: str) -> bool:
    for paper in unit.papers.of(talent, PaperKind.APPROVAL):
        if paper.erased or (paper.revoked_at is not None and paper.revoked_at <= office.clock.now()):
            continue
        given: Approved = paper.terms
        same = shot in given.shots and replace(given, shots=asked.shots) == asked
        if same and not paper.faults(office.verify):
            return True
    return False


def _consents(unit: UnitOfWork, work: Work) -> dict[str, Consent]:
    return {talent: unit.papers.get(license.consent).terms for talent, license in permit.licenses(unit, work).items()}


def _checkpoints(office: Office, unit: UnitOfWork, work: Work) -> dict[str, tuple[Checkpoint, ...]]:
    """What was trained on each talent's current twin, as long as the consent that the shot rests on lets her be trained
    on: what she withdrew isn't used, whatever else of it still stands."""
    now = office.clock.now()
    found = {}
    for talent, license in permit.licenses(unit, work).items():
        consent = unit.papers.get(license.consent)
        found[talent] = tuple(unit.checkpoints.current(talent)) if gives(consent, Part.TRAIN, now) else ()
    return found


def _plates(unit: UnitOfWork, work: Work) -> dict[str, tuple[PlateFacts, ...]]:
    twins = {talent: unit.twins.current(talent) for talent in work.shot.talents}
    return {talent: twin.plates if twin else () for talent, twin in twins.items()}


def _all_plates(office: Office, work: Work) -> dict[str, tuple[PlateFacts, ...]]:
    with office.unit() as unit:
        return _plates(unit, work)


def _extent(alpha: np.ndarray) -> Box:
    """The box around everything that is more her than not; the whole picture when nothing is."""
    rows, columns = np.flatnonzero((alpha > 127).any(axis=1)), np.flatnonzero((alpha > 127).any(axis=0))
    if not rows.size:
        return Box(0, 0, alpha.shape[1], alpha.shape[0])
    return Box(int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1))


_STEPS = {
    Stage.BRIEFED: _hold,
    Stage.HELD: _render,
    Stage.RENDERED: _judge,
    Stage.JUDGED: _release,
    Stage.RELEASED: _publish,
}
