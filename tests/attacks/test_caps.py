"""Sixteen workers at once on one home: caps are exact, and no permit is younger than the revocation of what it rests on."""

import json
import multiprocessing
import sys
from contextlib import suppress
from datetime import timedelta

import pytest

from twinbook import testing
from twinbook.domain.consent import Approval
from twinbook.domain.errors import AwaitingSignature, Refused, StateError
from twinbook.domain.ledger import Movement
from twinbook.domain.paper import Paper
from twinbook.domain.permit import Act
from twinbook.domain.work import Stage
from twinbook.services import enroll, permit, render, revoke, run, sign

WORKERS = 16
SHOTS_EACH = 3

if sys.platform == "win32":
    pytest.skip("processes are forked here", allow_module_level=True)


def everybody(folder, act) -> list[int]:
    """Sixteen processes that begin together, each with its number; returns their exit codes."""
    fork = multiprocessing.get_context("fork")
    start = fork.Barrier(WORKERS)

    def work(number: int) -> None:
        with testing.open_fake_office(folder) as office:
            start.wait(60)
            act(office, number)

    crowd = [fork.Process(target=work, args=(number,)) for number in range(WORKERS)]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join(200)
    return [process.exitcode for process in crowd]


def patiently(step):
    """A worker that finds the home busy comes again, as a queue would make it."""
    while True:
        try:
            return step()
        except StateError as error:
            if error.code != "home.busy":
                raise


@pytest.fixture
def briefed(tmp_path, people):
    """A home where everything is signed and every shot is briefed; called with the terms."""

    def prepare(**terms):
        photos = testing.photographs(tmp_path / "photos")
        shots = [testing.a_shot(f"shot-{i}", to=f"#00{i:02d}ff") for i in range(WORKERS * SHOTS_EACH)]
        planned = testing.campaign(photos, shots, **terms)
        with testing.open_fake_office(tmp_path) as office:
            people.sign_all(office, planned)
            papers = sign.draw_papers(office, planned)
            enroll.enroll_cast(office, planned, planned.talents[0], papers["mira"][0], tmp_path)
            return [work.id for work in run._briefed(office, planned, papers)]

    return prepare


def held(folder) -> int:
    with testing.open_fake_office(folder) as office, office.unit() as unit:
        works = unit.works.of_talent("mira")
        stages = {stage: sum(work.stage is stage for work in works) for stage in Stage}
        assert stages[Stage.HELD] + stages[Stage.REFUSED] == len(works)
        assert len([t for work in works for t in unit.books.open_holds(work.id)]) == stages[Stage.HELD]
        return stages[Stage.HELD]


@pytest.mark.parametrize(
    ("terms", "cap"),
    [({"max_images_per_month": 7}, 7), ({"max_images": 5}, 5), ({"max_images_per_month": 9, "max_images": 6}, 6)],
)
def test_sixteen_workers_never_exceed_a_cap(tmp_path, briefed, terms, cap):
    ids = briefed(**terms)

    def take(office, number):
        for work in ids[number::WORKERS]:
            patiently(lambda work=work: render.advance(office, work))

    assert everybody(tmp_path, take) == [0] * WORKERS
    assert held(tmp_path) == cap


def test_a_month_is_not_exceeded_by_what_was_held_in_the_month_before(tmp_path, briefed, people):
    """Three images wait for her approval from 30 June on, three more are asked for in July, by sixteen at once."""
    ids = briefed(max_images_per_month=3, approval=Approval.IMAGE)
    clock = testing.FakeClock(testing.NOON + timedelta(days=29))

    def waiting(office):
        with office.unit() as unit:
            return [work for work in unit.works.of_talent("mira") if work.stage is Stage.JUDGED]

    def approve(office):
        for work in waiting(office):
            for paper in render.draw_approvals(office, work):
                sign.sign(office, paper.document, people.key("mira").sign(paper.message))

    def finish(office, number):
        office.clock.at = clock.at
        for work in ids[number::WORKERS]:
            with suppress(AwaitingSignature):
                patiently(lambda work=work: render.finish(office, work))

    assert everybody(tmp_path, lambda office, number: finish(office, number) if number < 8 else None) == [0] * WORKERS
    clock.at += timedelta(days=1)
    with testing.open_fake_office(tmp_path, clock) as office:
        assert len(waiting(office)) == 3
    assert everybody(tmp_path, lambda office, number: finish(office, number) if number >= 8 else None) == [0] * WORKERS
    with testing.open_fake_office(tmp_path, clock) as office:
        assert len(waiting(office)) == 6
        approve(office)
    assert everybody(tmp_path, finish) == [0] * WORKERS
    with testing.open_fake_office(tmp_path, clock) as office, office.unit() as unit:
        released = [work for work in unit.works.of_talent("mira") if work.stage is Stage.RELEASED]
        settled = [entry for entry in unit.books.transactions() if entry.movement is Movement.SETTLE]
        assert len(released) == len(settled) == 3
        assert {entry.at.month for entry in settled} == {7}


class PassingClock(testing.FakeClock):
    """A second passes with every look at it, so that two looks are never the same."""

    def now(self):
        self.at += timedelta(seconds=1)
        return self.at


def test_an_image_is_booked_at_the_moment_it_was_weighed_at(tmp_path, briefed, monkeypatch):
    """Or a month that turned between the two would be exceeded by one."""
    ids, weighed = briefed(), []
    refusals = permit.refusals
    monkeypatch.setattr(permit, "refusals", lambda *asked: weighed.append(asked[-1]) or refusals(*asked))
    with testing.open_fake_office(tmp_path, PassingClock()) as office:
        assert render.finish(office, ids[0]).stage is Stage.RELEASED
        with office.unit() as unit:
            booked = {entry.movement: entry.at for entry in unit.books.transactions()}
    assert (booked[Movement.HOLD], booked[Movement.SETTLE]) == (weighed[0], weighed[-1])


def test_no_permit_is_made_after_a_revocation_whoever_is_asking(tmp_path, briefed, people):
    ids = briefed(max_images_per_month=100)

    def ask(office, number):
        if number == 0:
            asked = Paper.of(revoke.revocation(office, "mira"))
            patiently(lambda: revoke.revoke(office, asked.document, people.key("mira").sign(asked.message)))
            return
        for work_id in ids[number::WORKERS]:
            with office.unit() as unit:
                work = unit.works.get(work_id)
            try:
                patiently(lambda work=work: permit.for_shot(office, work, Act.RENDER))
            except Refused as error:
                assert "consent.revoked" in {why.code for why in error.reasons}

    assert everybody(tmp_path, ask) == [0] * WORKERS
    with testing.open_fake_office(tmp_path) as office, office.unit() as unit:
        acts = [json.loads(body)["act"] for body in unit.log.bodies()]
    assert "permit:made" not in acts[acts.index("paper:revoked") :]
