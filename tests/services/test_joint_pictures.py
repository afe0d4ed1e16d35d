"""A picture of two: each permits it, is held for, paid and counted by herself, and the no of one is a no for both."""

import io
import json
import zipfile
from dataclasses import replace

import pytest

from twinbook import testing
from twinbook.domain import ledger
from twinbook.domain.errors import VaultRefused
from twinbook.domain.ledger import Movement
from twinbook.domain.money import Money
from twinbook.domain.paper import Paper
from twinbook.domain.party import Party, Role
from twinbook.domain.permit import Act
from twinbook.domain.work import Stage
from twinbook.keys.signatures import verify_raw
from twinbook.services import deliver, enroll, permit, render, revoke, run, settle, sign, synthetic, transparency

BOTH = ("mira", "sami")
FEE = 45000


@pytest.fixture
def two(photos, tmp_path):
    """A campaign of Mira, whose agency takes its commission, and of Sami, who is with another one."""

    def planned(*shots, **terms):
        made = testing.campaign(photos, shots, **terms)
        (mira,) = made.talents
        others = testing.photographs(tmp_path / "sami", ((181, 141, 119), (183, 140, 122)))
        agency = Party("southlight", Role.AGENCY, "Southlight")
        sami = replace(mira, party=replace(mira.party, id="sami", name="Sami Berg"), photos=str(others), agency=agency)
        return replace(made, talents=(mira, sami))

    return planned


@pytest.fixture
def together(office, people, two, tmp_path):
    """Runs a campaign of these shots; the works by name."""

    def played(*shots, **terms):
        planned = two(*shots, **terms)
        people.sign_all(office, planned)
        return {work.name: work for work in run.run(office, planned, tmp_path).works}

    return played


@pytest.fixture
def held(office, people, two, tmp_path):
    """The picture of both with its two holds, as yet unmade; called with how many further steps it is to take."""

    def taken(steps=0):
        planned = two(testing.a_shot("both", talents=BOTH))
        people.sign_all(office, planned)
        papers = sign.draw_papers(office, planned)
        for cast in planned.talents:
            run._enrolled(office, planned, cast, papers[cast.party.id][0], tmp_path, lambda line: None)
        (work,) = run._briefed(office, planned, papers)
        for _ in range(1 + steps):
            work = render.advance(office, work.id)
        return work

    return taken


def movements(office, work):
    """What was booked for a shot, by talent, in order."""
    with office.unit() as unit:
        booked = [entry for entry in unit.books.transactions() if entry.shot == work.id]
    return {who: [entry.movement for entry in booked if entry.talent == who] for who in BOTH}


def of_both(booked):
    return {who: booked for who in BOTH}


def counted(office):
    """Images that count against each one's cap this month."""
    now = office.clock.now()
    with office.unit() as unit:
        return {who: unit.books.images(who, now.year, now.month, but="") for who in BOTH}


def licensed(office, work):
    """Images that count against each one's license."""
    with office.unit() as unit:
        return {who: unit.books.images_licensed(work.licenses[who], but="") for who in BOTH}


def balance(office, account):
    with office.unit() as unit:
        return ledger.balances(unit.books.transactions()).get((account, "EUR"), 0)


def logged(office, act):
    with office.unit() as unit:
        entries = [json.loads(body) for body in unit.log.bodies()]
    return [entry["facts"] for entry in entries if entry["act"] == act]


def withdraw(office, people, who, **what):
    asked = revoke.revocation(office, who, **what)
    return revoke.revoke(office, asked.document(), people.key(who).sign(Paper.of(asked).message))


def test_each_of_them_permits_it_by_herself(office, held):
    work = held(2)  # made and measured once
    for act in (Act.RENDER, Act.MEASURE):
        made = [facts for facts in logged(office, "permit:made") if facts["act"] == act]
        assert len(made) == 2
        assert len({facts["request"] for facts in made}) == len({facts["consent"] for facts in made}) == 2
        if act is Act.RENDER:
            assert {facts["license"] for facts in made} == set(work.licenses.values())
    assert set(work.plates) == set(BOTH)


def test_neither_permit_opens_the_other_ones_twin(office, held):
    permits = permit.for_shot(office, held(), Act.RENDER)
    for who, other in (BOTH, BOTH[::-1]):
        with pytest.raises(VaultRefused), office.vault.open(who, permits[other]):
            pass


def test_each_of_them_is_held_for_and_paid(office, together):
    work = together(testing.a_shot("both", talents=BOTH))["both"]
    assert movements(office, work) == of_both([Movement.HOLD, Movement.SETTLE])
    assert balance(office, "brand:tvaton") == -2 * FEE
    for who, agency in (("mira", "agency:nordlight"), ("sami", "agency:southlight")):
        assert balance(office, ledger.hold_account(work.id, who)) == 0
        assert balance(office, f"talent:{who}") == 34650
        assert balance(office, agency) == 9000
    assert balance(office, "crew:Ida Berg (hair)") == 2 * 1350
    released = {facts["license"]: facts["fee"] for facts in logged(office, "image:released")}
    assert released == dict.fromkeys(work.licenses.values(), "450.00 EUR")


def test_each_of_them_has_a_statement_of_her_own_that_proves_it(office, together):
    works = together(
        testing.a_shot("both", talents=BOTH),
        testing.a_shot("hers", to="#aa2222"),
        testing.a_shot("his", talents=("sami",)),
    )
    assert {work.stage for work in works.values()} == {Stage.RELEASED}
    for who, alone in (("mira", "hers"), ("sami", "his")):
        statement = settle.statement(office, who)
        mine = {works["both"].release.hex, works[alone].release.hex}
        assert statement.images == 2
        assert {line.release for line in statement.lines} == mine
        assert [line.amount for line in statement.lines if line.kind == "fee"] == [Money("EUR", FEE)] * 2
        bundle = json.loads(json.dumps(transparency.bundle(office, who)))
        assert transparency.releases_in(bundle, office.log_signer.public, verify_raw) == mine


def test_a_picture_of_both_counts_against_the_caps_of_both(office, together):
    works = together(testing.a_shot("both", talents=BOTH), testing.a_shot("his", talents=("sami",)))
    assert counted(office) == {"mira": 1, "sami": 2}
    assert licensed(office, works["both"]) == {"mira": 1, "sami": 2}


def test_when_the_cap_of_one_is_reached_neither_is_held_for(office, together):
    shots = testing.a_shot("his", talents=("sami",)), testing.a_shot("both", to="#aa2222", talents=BOTH)
    works = together(*shots, testing.a_shot("hers"), max_images_per_month=1)
    assert [works[name].stage for name in ("his", "both", "hers")] == [Stage.RELEASED, Stage.REFUSED, Stage.RELEASED]
    assert [why.code for why in works["both"].reasons] == ["consent.cap"]
    assert movements(office, works["both"]) == {"mira": [], "sami": []}
    assert counted(office) == {"mira": 1, "sami": 1}  # her own picture was not the one too many
    assert not office.outbox.released(works["both"].release)


@pytest.mark.parametrize("who", BOTH)
@pytest.mark.parametrize("steps", [0, 1, 2], ids=["held", "rendered", "judged"])
def test_when_one_withdraws_both_holds_are_given_back(office, people, held, who, steps):
    work = held(steps)
    assert movements(office, work) == of_both([Movement.HOLD])
    assert balance(office, "brand:tvaton") == -2 * FEE
    (ended,) = withdraw(office, people, who)
    assert ended.stage is Stage.REFUSED
    assert movements(office, work) == of_both([Movement.HOLD, Movement.VOID])
    assert balance(office, "brand:tvaton") == 0
    assert counted(office) == licensed(office, work) == dict.fromkeys(BOTH, 0)
    assert render.finish(office, work.id).stage is Stage.REFUSED
    assert not office.outbox.released(work.release)
    assert [settle.statement(office, each).images for each in BOTH] == [0, 0]


def test_a_withdrawal_that_nobody_swept_up_stops_it_at_the_gate(office, people, held, monkeypatch):
    """As when the process that took the withdrawal in died right after: the next step finds it on file."""
    work = held(2)
    monkeypatch.setattr(revoke, "stop", lambda *told: [])
    withdraw(office, people, "sami")
    assert movements(office, work) == of_both([Movement.HOLD])
    assert render.finish(office, work.id).stage is Stage.REFUSED
    assert movements(office, work) == of_both([Movement.HOLD, Movement.VOID])
    assert balance(office, "brand:tvaton") == 0


def test_whoever_stays_can_be_pictured_alone_for_one_fee(office, people, held, tmp_path, photos):
    held()
    withdraw(office, people, "sami")
    planned = testing.campaign(photos, [testing.a_shot("hers")])
    (work,) = run.run(office, planned, tmp_path).works
    assert work.stage is Stage.RELEASED
    assert counted(office) == {"mira": 1, "sami": 0}
    assert balance(office, "brand:tvaton") == -FEE


def test_beside_somebody_who_does_not_exist_the_other_one_still_does(office, people, two, tmp_path, monkeypatch):
    planned = two(testing.a_shot("both", talents=BOTH))
    mira, sami = planned.talents
    planned = replace(planned, talents=(mira, replace(sami, synthetic=True, description="a woman of 31")))
    # The fake engine paints one face for both, and so they would be each other's doubles.
    for room in (enroll, synthetic):
        monkeypatch.setattr(room, "likenesses", lambda *asked, **more: ())
    people.sign_all(office, planned)
    (work,) = run.run(office, planned, tmp_path).works
    assert work.stage is Stage.RELEASED, work.reasons
    archive = zipfile.ZipFile(io.BytesIO(deliver.deliver(office, "tvaton").archive))
    captions = archive.read("captions.csv").decode()
    assert "SYNTHETIC PERFORMER" in captions
    assert "Digital twin of a consenting person" in captions
    assert "does not exist" not in captions
