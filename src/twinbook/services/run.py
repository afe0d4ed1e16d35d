"""Play a whole campaign: papers, twins, shots, and the papers that prove it. Safe to run again at any time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from twinbook.domain.campaign import Campaign, CastTalent
from twinbook.domain.errors import AwaitingSignature, CaptureRefused, InputError, Reason, Refused
from twinbook.domain.paper import Paper
from twinbook.domain.party import Role
from twinbook.domain.provenance import ReleaseId
from twinbook.domain.work import Stage, Work, work_id
from twinbook.ports import Progress

from . import enroll, permit, render, sign
from .office import Office

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What a run came to. ``waiting`` are shots that need her approval, with the papers she must sign; ``notes``
    what the law has to say to the shots without refusing them."""

    works: tuple[Work, ...]
    papers: Mapping[str, tuple[Paper, ...]]
    unused: Mapping[str, tuple[tuple[str, Reason], ...]]
    waiting: tuple[tuple[Work, tuple[Paper, ...]], ...]
    notes: tuple[Reason, ...] = ()


class Unsigned(AwaitingSignature):
    """Terms that wait: each paper with the role and party whose key it takes."""

    def __init__(self, waiting: list[tuple[Paper, Role, str]]) -> None:
        self.waiting = waiting
        who = ", ".join(f"{party} ({role}): {paper.kind.name.lower()}" for paper, role, party in waiting)
        super().__init__("awaiting.signature", f"not signed yet: {who}")


def run(office: Office, campaign: Campaign, folder: Path, tell: Tell = lambda line: None) -> Outcome:
    """Take every shot of the campaign to its end.

    ``folder`` is where the campaign's relative paths start. Raises Unsigned when terms wait for a key, CaptureRefused
    when a talent has no usable photograph, StateError when something broke; whatever was done stays done and the next
    run goes on from there.
    """
    papers = sign.draw_papers(office, campaign)
    waiting = sign.unsigned(office, papers)
    if waiting:
        raise Unsigned(waiting)
    denied: dict[str, tuple[Reason, ...]] = {}
    unused = {}
    for talent in campaign.talents:
        try:
            consent = papers[talent.party.id][0]
            unused[talent.party.id] = _enrolled(office, campaign, talent, consent, folder, tell)
        except CaptureRefused:  # a wrong folder or useless photographs: for the person at the keyboard, not the books
            raise
        except Refused as error:  # the gate's no is an answer that belongs on the contact sheet
            denied[talent.party.id] = error.reasons
    works, approvals = [], []
    notes: dict[Reason, None] = {}
    for work in _briefed(office, campaign, papers):
        tell(f"{work.name}: {', '.join(work.shot.talents)}")
        reasons = tuple(why for talent in work.shot.talents for why in denied.get(talent, ()))
        if reasons and work.stage is Stage.BRIEFED:
            work = render.refuse(office, work, reasons)
        try:
            work = render.finish(office, work.id, _steps(work, tell))
        except AwaitingSignature:
            with office.unit() as unit:
                work = unit.works.get(work.id)
            approvals.append((work, tuple(render.draw_approvals(office, work))))
        works.append(work)
        tell(f"{work.name}: {_sentence(work)}")
        with office.unit() as unit:
            notes |= dict.fromkeys(permit.notes(office, unit, work))
    for note in notes:
        tell(f"note: {note.diagnosis} [{note.code}]")
    return Outcome(tuple(works), papers, unused, tuple(approvals), tuple(notes))


def _steps(work: Work, tell: Tell) -> Progress:
    """Tells an engine's steps, ten times in all: an engine that takes minutes isn't taken for one that hangs."""

    def heard(done: int, steps: int) -> None:
        if done * 10 // max(steps, 1) > (done - 1) * 10 // max(steps, 1):
            tell(f"{work.name}: step {done} of {steps}")

    return heard


def _enrolled(
    office: Office, campaign: Campaign, talent: CastTalent, consent: Paper, folder: Path, tell: Tell
) -> tuple[tuple[str, Reason], ...]:
    files = enroll.photographs(folder / talent.photos)
    tell(f"{talent.party.name}: {len(files)} photographs")
    made = enroll.enroll_cast(office, campaign, talent, consent, folder, progress=tell)
    tell(f"{talent.party.name}: twin {made.twin.version} of {len(made.twin.plates)} plates")
    if made.twin.older_than(office.meter.maker):
        tell(f"{talent.party.name}: {enroll.MADE_BY_OLDER_CODE}")
    return tuple((name, error.reason) for name, error in made.refused)


def _briefed(office: Office, campaign: Campaign, papers: Mapping[str, tuple[Paper, ...]]) -> list[Work]:
    """The campaign's shots as stored work: found again, opened anew after a refusal, or begun."""
    seen: Counter[str] = Counter()
    works = []
    for planned in campaign.shots:
        shot = planned.shot.with_pictures({name: office.scenes.keep(Path(name)) for name in planned.shot.pictures})
        licenses = {talent: papers[talent][1].digest for talent in shot.talents}
        plain = work_id(shot, licenses, 0)
        with office.unit() as unit:
            identity = work_id(shot, licenses, seen[plain])
            work = unit.works.get(identity)
            if work is None:
                for talent in shot.talents:
                    if unit.parties.get(talent) is None:
                        raise InputError("talent.unknown", f"{talent} had everything erased meanwhile")
                release = ReleaseId(office.token(6).hex())
                work = unit.works.put(Work(identity, campaign.id, planned.name, shot, licenses, release))
            elif work.stage is Stage.REFUSED:
                # What stood against it may have been cured; the gate and the engine are asked again.
                work = unit.works.put(work.to(Stage.BRIEFED, attempt=work.attempt + 1, plates={}, made=None))
        seen[plain] += 1
        works.append(work)
    return works


def _sentence(work: Work) -> str:
    match work.stage:
        case Stage.RELEASED:
            return f"released as {work.release} in {len(work.copies)} format{'s' if len(work.copies) != 1 else ''}"
        case Stage.REFUSED | Stage.QUARANTINED:
            return f"{work.stage}: " + "; ".join(f"{why.diagnosis} [{why.code}]" for why in work.reasons)
        case _:
            return "waits for her approval"
