"""The table of docs/why/revocation.md, a row at a time: work in flight, holds, issued images, what verify says, who is told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from twinbook import testing
from twinbook.domain import ledger
from twinbook.domain.consent import Approval, Part
from twinbook.domain.errors import AwaitingSignature, InputError, SignatureRefused
from twinbook.domain.money import Money
from twinbook.domain.notice import About
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind, Party, Role
from twinbook.domain.provenance import ReleaseId, State
from twinbook.domain.revocation import Grounds, Revocation
from twinbook.domain.work import Stage, Work, work_id
from twinbook.services import erase as erasing
from twinbook.services import notify, render, revoke, run, verify

ALL_PARTS = tuple(Part)


def take_back(office, people, targets=(), key="mira", **how):
    asked = revoke.revocation(office, "mira", targets, **how)
    paper = Paper.of(asked)
    return revoke.revoke(office, paper.document, people.key(key).sign(paper.message))


def erase(office, people):
    paper = Paper.of(erasing.erasure(office, "mira"))
    erasing.erase(office, paper.document, people.key("mira").sign(paper.message))


def balances(office):
    with office.unit() as unit:
        return ledger.balances(unit.books.transactions())


def voids(office, shot):
    with office.unit() as unit:
        found = [t for t in unit.books.transactions() if t.shot == shot]
    return [t.movement.value for t in found]


class Programme:
    """Mira and Tvaton with one released image and one on its way to her approval; and what became of both."""

    def __init__(self, office, people, photos, folder, **terms):
        self.office, self.people, self.folder = office, people, folder
        everything = {"parts": ALL_PARTS, **terms}
        self.plain = testing.campaign(photos, [testing.a_shot("issued")], **everything)
        people.sign_all(office, self.plain)
        self.issued = run.run(office, self.plain, folder).works[0]
        assert self.issued.stage is Stage.RELEASED
        self.license = self.issued.licenses["mira"]
        with office.unit() as unit:
            self.consent = unit.papers.get(self.license).terms.consent
            shot = testing.a_shot("flying", to="#aa2222")
            licenses = dict(self.issued.licenses)
            release = ReleaseId(office.token(6).hex())
            self.flying = unit.works.put(Work(work_id(shot, licenses, 0), "autumn", "flying", shot, licenses, release))
        while self.flying.stage is not Stage.JUDGED:
            self.flying = render.advance(office, self.flying.id)

    def state(self):
        (file,) = self.office.outbox.released(self.issued.release).values()
        return verify.verify(self.office, file.read_bytes()).state

    def flight(self):
        with self.office.unit() as unit:
            return unit.works.get(self.flying.id).stage

    def told(self):
        return [outgoing.notice for outgoing in notify.notices(self.office)]


@pytest.fixture
def programme(office, people, photos, tmp_path):
    return Programme(office, people, photos, tmp_path)


def test_a_consent_withdrawn(office, people, programme):
    (ended,) = take_back(office, people)
    assert (ended.id, programme.flight()) == (programme.flying.id, Stage.REFUSED)
    assert voids(office, ended.id) == ["hold", "void"]
    assert balances(office)[("brand:tvaton", "EUR")] == -45000  # the issued image stays paid
    assert programme.state() is State.REVOKED
    (told,) = programme.told()
    assert (told.about, told.grounds, told.to, told.license) == (
        About.CONSENT,
        Grounds.WITHDRAWN,
        "tvaton",
        programme.license,
    )
    assert told.stop_showing == told.stop_making == told.effective == testing.NOON
    assert [issued.release for issued in told.releases] == [programme.issued.release.hex]
    assert told.releases[0].copies == {copy.sha256 for copy in programme.issued.copies}
    assert [(shot.shot, shot.given_back) for shot in told.ended] == [(ended.id, (Money("EUR", 45000),))]


@pytest.mark.parametrize("part", [Part.CAPTURE, Part.TEMPLATE, Part.GENERATE])
def test_a_part_that_images_need_withdrawn(office, people, programme, photos, tmp_path, part):
    (ended,) = take_back(office, people, (programme.consent,), parts=frozenset({part}))
    assert ended.stage is Stage.REFUSED
    assert "consent.part" in {why.code for why in ended.reasons}
    assert voids(office, ended.id) == ["hold", "void"]
    assert programme.state() is State.INTACT
    (told,) = programme.told()
    assert (told.about, told.parts, told.stop_showing, told.releases) == (About.PARTS, {part}, None, ())
    assert told.stop_making == testing.NOON
    again = run.run(office, testing.campaign(photos, [testing.a_shot("new", to="#00aa00")], parts=ALL_PARTS), tmp_path)
    assert again.works[0].stage is Stage.REFUSED


@pytest.mark.parametrize("part", [Part.TRAIN, Part.MONITOR])
def test_a_part_that_no_image_needs_withdrawn(office, people, programme, part):
    assert take_back(office, people, (programme.consent,), parts=frozenset({part})) == ()
    assert programme.flight() is Stage.JUDGED
    assert voids(office, programme.flying.id) == ["hold"]
    assert programme.state() is State.INTACT
    assert programme.told() == []
    assert render.finish(office, programme.flying.id).stage is Stage.RELEASED


def test_training_withdrawn_is_told_to_who_may_train(office, people, photos, tmp_path):
    programme = Programme(office, people, photos, tmp_path, trains_models=True)
    take_back(office, people, (programme.consent,), parts=frozenset({Part.TRAIN, Part.MONITOR}))
    (told,) = programme.told()
    assert (told.parts, told.stop_training, told.stop_making, told.stop_showing) == (
        {Part.TRAIN},
        testing.NOON,
        None,
        None,
    )
    assert programme.flight() is Stage.JUDGED


def test_a_license_ended_for_breach(office, people, programme):
    (ended,) = take_back(office, people, (programme.license,), grounds=Grounds.BREACH, statement="no label on it")
    assert voids(office, ended.id) == ["hold", "void"]
    assert programme.state() is State.REVOKED
    (told,) = programme.told()
    assert (told.about, told.grounds) == (About.LICENSE, Grounds.BREACH)
    assert "no label" not in str(told.document())


@pytest.mark.parametrize("who", ["mira", "tvaton"])
def test_a_license_ended_by_notice(office, people, photos, tmp_path, clock, who):
    """Until its moment permits are made and work goes on; from then on neither, and images read as after any term."""
    programme = Programme(office, people, photos, tmp_path, wind_down_days=30)
    by = {"by": Role.BRAND, "party": "tvaton"} if who == "tvaton" else {}
    assert take_back(office, people, (programme.license,), key=who, grounds=Grounds.NOTICE, **by) == ()
    (told,) = programme.told()
    end = testing.NOON + timedelta(days=30)
    assert (told.grounds, told.effective, told.stop_making, told.stop_showing) == (Grounds.NOTICE, end, end, end)
    assert told.ended == ()
    clock.pass_days(29)
    assert programme.state() is State.INTACT
    assert programme.flight() is Stage.JUDGED
    assert voids(office, programme.flying.id) == ["hold"]
    new = testing.campaign(photos, [testing.a_shot("late", to="#00aa00")], parts=ALL_PARTS, wind_down_days=30)
    assert run.run(office, new, tmp_path).works[0].stage is Stage.RELEASED
    clock.pass_days(1)
    assert programme.state() is State.EXPIRED
    ended = render.finish(office, programme.flying.id)
    assert (ended.stage, {why.code for why in ended.reasons}) == (Stage.REFUSED, {"license.revoked"})
    assert voids(office, ended.id) == ["hold", "void"]
    assert render.finish(office, programme.flying.id).stage is Stage.REFUSED
    assert voids(office, ended.id) == ["hold", "void"]
    after = testing.campaign(photos, [testing.a_shot("too-late", to="#0000aa")], parts=ALL_PARTS, wind_down_days=30)
    refused = run.run(office, after, tmp_path).works[0]
    assert "license.revoked" in {why.code for why in refused.reasons}
    assert len(programme.told()) == 1


def test_the_moment_comes_between_sealing_and_release(office, people, photos, tmp_path, clock):
    programme = Programme(office, people, photos, tmp_path, wind_down_days=30)
    take_back(office, people, (programme.license,), grounds=Grounds.NOTICE)
    clock.at += timedelta(days=30, seconds=-1)
    stage = type(office.outbox).stage

    def slow(outbox, release, copies):
        clock.at += timedelta(seconds=1)
        return stage(outbox, release, copies)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(office.outbox), "stage", slow)
        ended = render.finish(office, programme.flying.id)
    assert ended.stage is Stage.REFUSED
    assert not office.outbox.released(programme.flying.release)


def test_a_shot_that_waits_for_her_ends_when_nothing_could_come_of_her_yes(office, people, photos, tmp_path, clock):
    planned = testing.campaign(photos, approval=Approval.IMAGE, wind_down_days=10)
    people.sign_all(office, planned)
    outcome = run.run(office, planned, tmp_path)
    ((work, _),) = outcome.waiting
    take_back(office, people, (work.licenses["mira"],), grounds=Grounds.NOTICE)
    with pytest.raises(AwaitingSignature):
        render.advance(office, work.id)
    clock.pass_days(10)
    assert render.advance(office, work.id).stage is Stage.REFUSED
    assert set(balances(office).values()) == {0}


def test_a_breach_during_the_wind_down_brings_the_end_nearer(office, people, photos, tmp_path, clock):
    programme = Programme(office, people, photos, tmp_path, wind_down_days=30)
    take_back(office, people, (programme.license,), grounds=Grounds.NOTICE)
    clock.pass_days(5)
    take_back(office, people, (programme.license,), key="tvaton", grounds=Grounds.NOTICE, by=Role.BRAND, party="tvaton")
    assert len(programme.told()) == 1  # a later notice brings nothing nearer
    take_back(office, people, (programme.license,), grounds=Grounds.BREACH, statement="no label")
    assert [told.effective for told in programme.told()] == [testing.NOON + timedelta(days=d) for d in (30, 5)]
    assert programme.state() is State.REVOKED
    take_back(office, people)
    assert len(programme.told()) == 2  # its images had to come down already


def test_a_part_withdrawn_for_later_and_then_for_now_is_gone_now(office, people, programme, photos, tmp_path):
    def withdraws(days):
        asked = revoke.revocation(office, "mira", (programme.consent,), parts=frozenset({Part.GENERATE}))
        paper = Paper.of(replace(asked, effective=asked.at + timedelta(days=days)))
        return revoke.revoke(office, paper.document, people.key("mira").sign(paper.message))

    assert withdraws(30) == ()
    (ended,) = withdraws(0)
    assert (ended.id, programme.flight()) == (programme.flying.id, Stage.REFUSED)
    told = programme.told()
    assert [notice.parts for notice in told] == [{Part.GENERATE}] * 2
    assert [notice.stop_making for notice in told] == [testing.NOON + timedelta(days=30), testing.NOON]
    new = testing.campaign(photos, [testing.a_shot("new", to="#00aa00")], parts=ALL_PARTS)
    (work,) = run.run(office, new, tmp_path).works
    assert (work.stage, {why.code for why in work.reasons}) == (Stage.REFUSED, {"consent.part"})


def test_notice_is_not_dated_back(office, people, photos, tmp_path, clock):
    programme = Programme(office, people, photos, tmp_path, wind_down_days=30)
    asked = revoke.revocation(office, "mira", (programme.license,), grounds=Grounds.NOTICE)
    before = testing.NOON - timedelta(days=30)
    backdated = Paper.of(replace(asked, at=before, effective=testing.NOON))
    with pytest.raises(SignatureRefused, match=r"revocation\.grounds"):
        revoke.revoke(office, backdated.document, people.key("mira").sign(backdated.message))
    sooner = Paper.of(replace(asked, effective=testing.NOON + timedelta(days=29)))
    with pytest.raises(SignatureRefused, match=r"revocation\.grounds"):
        revoke.revoke(office, sooner.document, people.key("mira").sign(sooner.message))
    withdrawn = Paper.of(replace(revoke.revocation(office, "mira"), at=before, effective=before))
    revoke.revoke(office, withdrawn.document, people.key("mira").sign(withdrawn.message))
    with office.unit() as unit:
        assert unit.papers.get(programme.consent).revoked_at == testing.NOON


def test_another_talent_takes_nothing_of_hers_back(office, people, programme):
    eve = people.introduce(office, "eve", Role.TALENT)
    asked = revoke.revocation(office, "mira", party="eve")
    with pytest.raises(SignatureRefused, match=r"signature\.role"):
        revoke.revoke(office, asked.document(), eve.sign(Paper.of(asked).message))
    targets = {programme.consent: frozenset()}
    posing = Revocation("mira", Role.TALENT, "eve", Grounds.WITHDRAWN, targets, testing.NOON, testing.NOON)
    with pytest.raises(SignatureRefused):
        revoke.revoke(office, posing.document(), eve.sign(Paper.of(posing).message))
    assert programme.state() is State.INTACT
    assert programme.told() == []


def test_words_taken_back_end_the_shots_that_say_them(office, people, photos, tmp_path):
    shots = [testing.a_shot("said", words="I wear Tvaton"), testing.a_shot("silent", to="#aa2222")]
    planned = testing.campaign(photos, shots, approval=Approval.IMAGE)
    people.sign_all(office, planned)
    outcome = run.run(office, planned, tmp_path)
    words = outcome.papers["mira"][2]
    assert words.kind is PaperKind.WORDS
    (ended,) = take_back(office, people, (words.digest,))
    assert (ended.name, [why.code for why in ended.reasons]) == ("said", ["words.revoked"])
    assert voids(office, ended.id) == ["hold", "void"]
    assert notify.notices(office) == ()


def test_everything_erased(office, people, programme):
    file = next(iter(office.outbox.released(programme.issued.release).values())).read_bytes()
    erase(office, people)
    assert programme.flight() is Stage.REFUSED
    assert voids(office, programme.flying.id) == ["hold", "void"]
    assert verify.verify(office, file).state is State.REVOKED
    (told,) = programme.told()
    assert (told.about, told.grounds, told.stop_showing) == (About.CONSENT, Grounds.WITHDRAWN, testing.NOON)
    assert not {"eras", "Mira", "mira"} & {word for word in ("eras", "Mira", "mira") if word in str(told.document())}
    people_again = Paper.of(erasing.erasure(office, "mira"))
    erasing.erase(office, people_again.document, people.key("mira").sign(people_again.message))
    assert len(programme.told()) == 1


# --- who is told: promise 7 -----------------------------------------------------------------------------------------


def brand(name):
    return Party(name, Role.BRAND, name.title())


@pytest.fixture
def several(office, people, photos, tmp_path):
    """Four brands have to do with Mira: two licensees, one whose license nobody countersigned, one that was ended; and
    one is another talent's licensee."""
    made = {}
    for name, colour in (("tvaton", "#111111"), ("zandra", "#222222"), ("older", "#333333")):
        planned = testing.campaign(photos, [testing.a_shot(f"for-{name}", to=colour)], brand=brand(name))
        people.sign_all(office, planned)
        made[name] = run.run(office, planned, tmp_path).works[0]
        assert made[name].stage is Stage.RELEASED
    take_back(office, people, (made["older"].licenses["mira"],), grounds=Grounds.BREACH, statement="never paid")
    asking = testing.campaign(photos, brand=brand("asking"), fee=Money.parse("900 EUR"))
    with pytest.raises(run.Unsigned):
        run.run(office, asking, tmp_path)
    people.introduce(office, "asking", Role.BRAND)
    for paper, _role, party in run.sign.unsigned(office, run.sign.draw_papers(office, asking)):
        if party == "asking":
            run.sign.sign(office, paper.document, people.key("asking").sign(paper.message))
    hers = testing.campaign(photos, [testing.a_shot("eves", talents=("eve",))], brand=brand("evesonly"))
    cast = replace(hers.talents[0], party=Party("eve", Role.TALENT, "Eve Lind", hers.talents[0].party.born))
    planned = replace(hers, talents=(cast,))
    people.sign_all(office, planned)
    made["eve"] = run.run(office, planned, tmp_path).works[0]
    assert made["eve"].stage is Stage.RELEASED
    with office.unit() as unit:
        assert len(unit.notices.all()) == 1  # the breach, to "older" alone
    return made


@pytest.mark.parametrize("how", ["withdrawn", "erased", "generate", "as a breach"])
def test_her_licensees_are_told_each_of_its_own_license_and_nobody_else(office, people, several, how):
    with office.unit() as unit:
        consent = unit.papers.get(several["tvaton"].licenses["mira"]).terms.consent
        secrets = {
            name: (work.release.hex, work.id, work.licenses[work.shot.talents[0]], *(c.sha256 for c in work.copies))
            for name, work in several.items()
        }
    if how == "erased":
        erase(office, people)
    elif how == "as a breach":
        take_back(office, people, grounds=Grounds.BREACH, statement="zandra never paid")
    else:
        parts = frozenset({Part.GENERATE}) if how == "generate" else frozenset()
        take_back(office, people, (consent,), parts=parts)
    told = {outgoing.notice.to: outgoing.notice for outgoing in notify.notices(office)[1:]}
    assert len(notify.notices(office)) == 3
    assert sorted(told) == ["tvaton", "zandra"]
    for name, notice in told.items():
        text = str(notice.document())
        assert notice.license == several[name].licenses["mira"]
        assert notice.grounds is Grounds.WITHDRAWN
        assert [issued.release for issued in notice.releases] == ([] if how == "generate" else [secrets[name][0]])
        for other in set(several) - {name}:
            assert not [secret for secret in (*secrets[other], other, other.title()) if secret in text]
        assert not [word for word in ("mira", "Mira", "Holm", "never paid", "asking", consent) if word in text]


def test_one_license_ended_is_told_to_its_licensee_alone(office, people, several):
    take_back(office, people, (several["zandra"].licenses["mira"],), grounds=Grounds.BREACH, statement="no label")
    assert [outgoing.notice.to for outgoing in notify.notices(office)] == ["older", "zandra"]


def test_a_license_that_is_over_is_told_when_its_images_must_come_down(office, people, several, clock):
    clock.pass_days(91)
    with office.unit() as unit:
        consent = unit.papers.get(several["tvaton"].licenses["mira"]).terms.consent
    take_back(office, people, (consent,), parts=frozenset({Part.GENERATE}))
    assert len(notify.notices(office)) == 1
    take_back(office, people, (consent,))
    assert sorted(outgoing.notice.to for outgoing in notify.notices(office)[1:]) == ["tvaton", "zandra"]


def test_what_was_taken_back_once_is_told_once(office, people, programme):
    parts = frozenset({Part.GENERATE})
    take_back(office, people, (programme.consent,), parts=parts)
    take_back(office, people, (programme.consent,), parts=parts)
    take_back(office, people, (programme.consent,), parts=parts | {Part.CAPTURE})
    assert len(programme.told()) == 1
    take_back(office, people, (programme.consent,))
    (_, told) = programme.told()
    assert (told.about, told.parts, told.stop_making) == (About.CONSENT, frozenset(), testing.NOON)
    with pytest.raises(InputError, match=r"consent\.missing"):
        take_back(office, people)
