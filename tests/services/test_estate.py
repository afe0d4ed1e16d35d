"""When a talent dies, or is said to have: it all ends, or her estate takes over, as she signed it."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from changing_keys import drawn, entries, operators

from twinbook import testing
from twinbook.domain import ledger
from twinbook.domain.consent import Approval, Person, PostMortem
from twinbook.domain.errors import InputError, Refused, SignatureRefused, VaultRefused
from twinbook.domain.estate import Alive
from twinbook.domain.keyring import KeyGrounds
from twinbook.domain.mandate import Mandate
from twinbook.domain.money import Money
from twinbook.domain.negotiation import Move
from twinbook.domain.paper import Paper
from twinbook.domain.party import Role
from twinbook.domain.permit import Act
from twinbook.domain.policy import Law
from twinbook.domain.revocation import Grounds
from twinbook.domain.work import Stage
from twinbook.services import erase as erasing
from twinbook.services import estate, keyring, mandates, negotiate, permit, revoke, run, sign

EVIDENCE = hashlib.sha256(b"certificate").hexdigest()
NAMED = {"post_mortem": PostMortem.ESTATE, "estate": "holm-estate"}
DAY = timedelta(days=1)


@pytest.fixture
def office(tmp_path, clock):
    # What each jurisdiction wants of an estate is for the tests of the law packs.
    with testing.open_fake_office(tmp_path, clock, law=Law(())) as made:
        yield made


@pytest.fixture
def heirs(office, people):
    return {name: people.introduce(office, name, Role.ESTATE) for name in ("holm-estate", "cousin")}


def dies(office, clock, days=10, evidence=EVIDENCE):
    """Mira dies so many days on, and it is reported the day after."""
    clock.pass_days(days)
    on = clock.at.date()
    clock.pass_days(1)
    return estate.report_death(office, "mira", on, evidence)


def signs(office, paper, key):
    return sign.sign(office, paper.document, key.sign(paper.message))


def codes(work):
    return {why.code for why in work.reasons}


# --- it ends with her


def test_it_ends_with_her_unless_she_named_an_estate(office, people, photos, clock, tmp_path):
    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    assert run.run(office, planned, tmp_path).works[0].stage is Stage.RELEASED
    dies(office, clock)
    again = testing.campaign(photos, [testing.a_shot("green", to="#00aa00")])
    work = run.run(office, again, tmp_path).works[0]
    assert (work.stage, codes(work)) == (Stage.REFUSED, {"talent.deceased"})


def test_work_in_flight_ends_and_its_hold_is_given_back(office, people, photos, clock, tmp_path):
    planned = testing.campaign(photos, approval=Approval.IMAGE)
    people.sign_all(office, planned)
    run.run(office, planned, tmp_path)
    (ended,) = dies(office, clock)
    assert ended.stage is Stage.REFUSED
    with office.unit() as unit:
        assert set(ledger.balances(unit.books.transactions()).values()) == {0}


def test_a_permit_from_before_opens_nothing_after(office, people, photos, clock, tmp_path):
    planned = testing.campaign(photos, approval=Approval.IMAGE)
    people.sign_all(office, planned)
    work = run.run(office, planned, tmp_path).works[0]
    granted = permit.for_shot(office, work, Act.RENDER)["mira"]
    estate.report_death(office, "mira", clock.at.date(), EVIDENCE)
    with pytest.raises(VaultRefused, match=r"permit\.revoked"), office.vault.open("mira", granted):
        pass


def test_the_log_tells_when_and_on_what_evidence(office, people, photos, clock, tmp_path):
    people.sign_all(office, testing.campaign(photos))
    dies(office, clock)
    assert entries(office, "death:") == [("death:reported", {"on": "2026-06-11", "evidence": EVIDENCE})]


# --- her estate takes over


@pytest.fixture
def left(office, people, heirs, photos, clock, tmp_path):
    """A campaign she signed and a picture made under it; then she dies."""
    planned = testing.campaign(photos, **NAMED)
    people.sign_all(office, planned)
    assert run.run(office, planned, tmp_path).works[0].stage is Stage.RELEASED
    assert dies(office, clock) == ()
    return planned


def test_what_she_licensed_herself_goes_on(office, left, photos, tmp_path):
    more = replace(left, shots=testing.campaign(photos, [testing.a_shot("green", to="#00aa00")]).shots)
    assert run.run(office, more, tmp_path).works[0].stage is Stage.RELEASED


def licensed_by(photos, who, **changes):
    return testing.campaign(photos, **NAMED, license_estate=who, term_days=30, **changes)


def test_her_estate_licenses(office, left, people, heirs, photos, tmp_path):
    planned = licensed_by(photos, "holm-estate")
    license = sign.draw_papers(office, planned)["mira"][1]
    with pytest.raises(SignatureRefused, match=r"signature\.role"):
        signs(office, license, people.key("mira"))
    signs(office, license, heirs["holm-estate"])
    signs(office, license, people.key("tvaton"))
    assert run.run(office, planned, tmp_path).works[0].stage is Stage.RELEASED


def test_an_estate_that_she_did_not_name_licenses_nothing(office, left, people, heirs, photos, clock, tmp_path):
    planned = licensed_by(photos, "cousin")
    license = sign.draw_papers(office, planned)["mira"][1]
    with pytest.raises(SignatureRefused, match=r"license\.estate"):
        signs(office, license, heirs["cousin"])
    with office.unit() as unit:
        for key in (heirs["cousin"], people.key("tvaton")):
            unit.papers.sign(license.digest, key.sign(license.message), clock.at)
    assert codes(run.run(office, planned, tmp_path).works[0]) == {"license.estate"}


def test_her_estate_does_nothing_while_she_lives(office, people, heirs, photos, clock, tmp_path):
    people.sign_all(office, testing.campaign(photos, **NAMED))
    planned = licensed_by(photos, "holm-estate")
    license = sign.draw_papers(office, planned)["mira"][1]
    with pytest.raises(SignatureRefused, match=r"license\.estate"):
        signs(office, license, heirs["holm-estate"])
    for asked, act in (
        (revoke.revocation(office, "mira", by=Role.ESTATE, party="holm-estate"), revoke.revoke),
        (erasing.erasure(office, "mira", "holm-estate"), erasing.erase),
    ):
        paper = Paper.of(asked)
        with pytest.raises(SignatureRefused, match=r"license\.estate"):
            act(office, paper.document, heirs["holm-estate"].sign(paper.message))
    # What it signed too early isn't good once its day has come.
    with office.unit() as unit:
        for key in (heirs["holm-estate"], people.key("tvaton")):
            unit.papers.sign(license.digest, key.sign(license.message), clock.at)
    assert codes(run.run(office, planned, tmp_path).works[0]) == {"license.estate"}
    dies(office, clock)
    assert codes(run.run(office, planned, tmp_path).works[0]) == {"license.estate"}


def test_her_estate_approves_pictures(office, people, heirs, photos, clock, tmp_path):
    planned = testing.campaign(photos, **NAMED, approval=Approval.IMAGE)
    people.sign_all(office, planned)
    ((_, (hers,)),) = run.run(office, planned, tmp_path).waiting
    dies(office, clock)
    with pytest.raises(SignatureRefused, match=r"talent\.deceased"):
        signs(office, hers, people.key("mira"))
    ((_, (asked,)),) = run.run(office, planned, tmp_path).waiting
    assert asked.signers == {Role.ESTATE: "holm-estate"}
    for thief in (people.key("mira"), heirs["cousin"]):
        with pytest.raises(SignatureRefused, match=r"signature\.role"):
            signs(office, asked, thief)
    signs(office, asked, heirs["holm-estate"])
    assert run.run(office, planned, tmp_path).works[0].stage is Stage.RELEASED


def test_her_estate_revokes(office, left, heirs, tmp_path):
    for who in ("cousin", "holm-estate"):
        paper = Paper.of(revoke.revocation(office, "mira", by=Role.ESTATE, party=who))
        signature = heirs[who].sign(paper.message)
        if who == "cousin":
            with pytest.raises(SignatureRefused, match=r"license\.estate"):
                revoke.revoke(office, paper.document, signature)
        else:
            revoke.revoke(office, paper.document, signature)
    consent = sign.draw_papers(office, left)["mira"][0]
    with pytest.raises(Refused, match=r"consent\.revoked"):
        permit.for_captures(office, "mira", consent.digest, "0" * 64)


def test_her_estate_has_her_erased(office, left, heirs, tmp_path):
    paper = Paper.of(erasing.erasure(office, "mira", "cousin"))
    with pytest.raises(SignatureRefused, match=r"license\.estate"):
        erasing.erase(office, paper.document, heirs["cousin"].sign(paper.message))
    paper = Paper.of(erasing.erasure(office, "mira", "holm-estate"))
    erasing.erase(office, paper.document, heirs["holm-estate"].sign(paper.message))
    assert office.vault.state().boxes == ()


def test_her_estate_may_break_off_and_finish_an_erasure(office, left, heirs):
    """What it has revoked itself no longer lives, and names it all the same."""
    first = Paper.of(revoke.revocation(office, "mira", by=Role.ESTATE, party="holm-estate"))
    revoke.revoke(office, first.document, heirs["holm-estate"].sign(first.message))
    paper = Paper.of(erasing.erasure(office, "mira", "holm-estate"))
    erasing.erase(office, paper.document, heirs["holm-estate"].sign(paper.message))
    with office.unit() as unit:
        assert unit.parties.get("mira") is None


def test_her_estate_ends_a_license_for_breach(office, left, heirs):
    license = sign.draw_papers(office, left)["mira"][1]
    asked = revoke.revocation(
        office, "mira", (license.digest,), grounds=Grounds.BREACH, statement="no label", by=Role.ESTATE,
        party="holm-estate",
    )  # fmt: skip
    paper = Paper.of(asked)
    revoke.revoke(office, paper.document, heirs["holm-estate"].sign(paper.message))
    with office.unit() as unit:
        assert unit.papers.get(license.digest).revoked_at


# --- her key after her death


def test_her_key_signs_nothing_after_her_death(office, left, people, photos):
    mira = people.key("mira")
    consent, license = sign.draw_papers(office, testing.campaign(photos, purpose="another purpose"))["mira"]
    for paper in (consent, license):
        with pytest.raises(SignatureRefused, match=r"talent\.deceased"):
            signs(office, paper, mira)
    for asked, act in (
        (revoke.revocation(office, "mira"), revoke.revoke),
        (erasing.erasure(office, "mira"), erasing.erase),
    ):
        paper = Paper.of(asked)
        with pytest.raises(SignatureRefused, match=r"talent\.deceased"):
            act(office, paper.document, mira.sign(paper.message))


def test_her_agency_takes_no_estate_for_a_cloak(office, people, heirs, photos, clock):
    """It holds a mandate of hers, and after her death signs a license that names her estate as well."""
    agency = people.introduce(office, "nordlight", Role.AGENCY)
    planned = testing.campaign(photos, **NAMED, license_max_images=10)
    people.sign_all(office, planned)
    scope = Mandate(
        talent=Person("mira", "Mira Holm"),
        agency=Person("nordlight", "Nordlight"),
        acts=frozenset({"accept", "propose"}),
        brands=frozenset(),
        categories=frozenset(),
        channels=frozenset({"instagram", "web"}),
        territories=frozenset({"SE"}),
        min_fee=Money.parse("400 EUR"),
        max_term_days=90,
        max_images=20,
        starts=clock.at.date(),
        until=clock.at.date() + 300 * DAY,
    )
    mandate = signs(office, mandates.draw_mandate(office, scope), people.key("mira"))
    dies(office, clock)
    for named, code in (("holm-estate", "license.estate"), ("", "talent.deceased")):
        cloaked = testing.campaign(
            photos, **NAMED, license_max_images=11, license_mandate=mandate.digest, license_estate=named
        )
        license = sign.draw_papers(office, cloaked)["mira"][1]
        with pytest.raises(SignatureRefused) as refused:
            signs(office, license, agency)
        assert refused.value.code == code
        terms = negotiate.campaign_terms(office, cloaked, "mira")
        with office.unit() as unit:
            brand = unit.parties.key(people.key("tvaton").id)
        offer = Paper.of(negotiate.draft(office, brand, Move.OFFER, terms=replace(terms, term_days=20)))
        if named:
            with pytest.raises(SignatureRefused, match=r"license\.estate"):
                negotiate.propose(office, offer.document, people.key("tvaton").sign(offer.message))


def test_nobody_gets_a_key_in_her_name(office, left, people, tmp_path):
    """Neither with hers nor on the operator's word: it would be a dead woman's yes."""
    new = people.key("new-phone")
    for grounds, by in ((KeyGrounds.ADDED, people.key("mira")), (KeyGrounds.LOST, operators(tmp_path))):
        old = people.key("mira") if grounds is KeyGrounds.LOST else None
        paper = Paper.of(drawn(office, grounds, new=new, retires=old))
        with pytest.raises(SignatureRefused, match=r"talent\.deceased"):
            keyring.change_keys(office, paper.document, by.sign(paper.message), new.sign(paper.message))
    with pytest.raises(SignatureRefused, match=r"talent\.deceased"):
        people.introduce(office, "mira", Role.TALENT)


def test_what_was_signed_before_anybody_knew_doesnt_count(office, people, heirs, photos, clock, tmp_path):
    """Somebody has her phone: the license is accepted three days after her death, which is reported on the fourth."""
    people.sign_all(office, testing.campaign(photos, **NAMED))
    clock.pass_days(3)
    planned = testing.campaign(photos, **NAMED, term_days=30)
    people.sign_all(office, planned)
    estate.report_death(office, "mira", clock.at.date() - 3 * DAY, EVIDENCE)
    assert codes(run.run(office, planned, tmp_path).works[0]) == {"talent.deceased"}


def test_words_from_after_her_death_are_not_hers(office, people, heirs, photos, clock, tmp_path):
    shots = [testing.a_shot("spoken", words="I wear nothing else.")]
    people.sign_all(office, testing.campaign(photos, **NAMED))
    clock.pass_days(3)
    planned = testing.campaign(photos, shots, **NAMED)
    people.sign_all(office, planned)
    estate.report_death(office, "mira", clock.at.date() - DAY, EVIDENCE)
    assert codes(run.run(office, planned, tmp_path).works[0]) == {"words.unsigned"}


def test_a_consent_from_after_her_death_names_nobody(office, people, heirs, photos, clock, tmp_path):
    """The cousin has her phone, and makes himself her estate."""
    people.sign_all(office, testing.campaign(photos, **NAMED))
    clock.pass_days(3)
    planned = testing.campaign(photos, post_mortem=PostMortem.ESTATE, estate="cousin", license_estate="cousin")
    consent, license = sign.draw_papers(office, planned)["mira"]
    signs(office, consent, people.key("mira"))
    estate.report_death(office, "mira", clock.at.date() - DAY, EVIDENCE)
    with pytest.raises(SignatureRefused, match=r"license\.estate"):
        signs(office, license, heirs["cousin"])
    with office.unit() as unit:
        for key in (heirs["cousin"], people.key("tvaton")):
            unit.papers.sign(license.digest, key.sign(license.message), clock.at)
    assert codes(run.run(office, planned, tmp_path).works[0]) == {"talent.deceased"}
    erasure = Paper.of(erasing.erasure(office, "mira", "cousin"))
    with pytest.raises(SignatureRefused, match=r"license\.estate"):
        erasing.erase(office, erasure.document, heirs["cousin"].sign(erasure.message))


def test_an_estate_of_a_consent_she_took_back_is_no_estate(office, people, heirs, photos, clock):
    people.sign_all(office, testing.campaign(photos, post_mortem=PostMortem.ESTATE, estate="cousin"))
    paper = Paper.of(revoke.revocation(office, "mira"))
    revoke.revoke(office, paper.document, people.key("mira").sign(paper.message))
    clock.pass_days(1)
    people.sign_all(office, testing.campaign(photos, **NAMED, purpose="another purpose"))
    dies(office, clock)
    erasure = Paper.of(erasing.erasure(office, "mira", "cousin"))
    with pytest.raises(SignatureRefused, match=r"license\.estate"):
        erasing.erase(office, erasure.document, heirs["cousin"].sign(erasure.message))


# --- a mistake


def says_she_lives(office, key, talent="mira", **changes):
    paper = Paper.of(replace(estate.draw_alive(office, talent), **changes))
    estate.withdraw_report(office, paper.document, key.sign(paper.message))


def test_she_clears_a_mistaken_report_with_her_key(office, people, photos, clock, tmp_path):
    planned = testing.campaign(photos, approval=Approval.IMAGE)
    people.sign_all(office, planned)
    run.run(office, planned, tmp_path)
    dies(office, clock)
    says_she_lives(office, people.key("mira"))
    assert [act for act, _ in entries(office, "death:")] == ["death:reported", "death:withdrawn"]
    ((_, (asked,)),) = run.run(office, planned, tmp_path).waiting
    signs(office, asked, people.key("mira"))
    assert run.run(office, planned, tmp_path).works[0].stage is Stage.RELEASED


def test_nobody_but_she_says_that_she_lives(office, left, people, heirs, tmp_path):
    eve = people.introduce(office, "eve", Role.TALENT)
    for thief in (eve, heirs["holm-estate"], people.key("tvaton")):
        with pytest.raises(SignatureRefused, match=r"signature\.role"):
            says_she_lives(office, thief)
    with pytest.raises(SignatureRefused, match=r"signature\.unknown_key"):
        says_she_lives(office, operators(tmp_path))
    with office.unit() as unit:
        assert unit.parties.died("mira")


def test_what_she_signed_once_doesnt_answer_a_later_report(office, left, people, clock):
    mira = people.key("mira")
    paper = Paper.of(estate.draw_alive(office, "mira"))
    estate.withdraw_report(office, paper.document, mira.sign(paper.message))
    with pytest.raises(InputError, match=r"talent\.death"):
        estate.withdraw_report(office, paper.document, mira.sign(paper.message))
    dies(office, clock)
    with pytest.raises(InputError, match=r"talent\.death"):
        estate.withdraw_report(office, paper.document, mira.sign(paper.message))
    with pytest.raises(InputError, match=r"talent\.death"):
        says_she_lives(office, mira, report="0" * 64)


def test_other_papers_of_hers_dont_say_that_she_lives(office, left, people):
    paper = Paper.of(erasing.erasure(office, "mira"))
    with pytest.raises(SignatureRefused, match=r"signature\.role"):
        estate.withdraw_report(office, paper.document, people.key("mira").sign(paper.message))
    assert Alive.KIND.value == "twinbook.alive/1"


# --- reports


@pytest.mark.parametrize(
    ("talent", "days", "evidence", "code"),
    [
        ("nobody", 0, EVIDENCE, "talent.unknown"),
        ("tvaton", 0, EVIDENCE, "talent.unknown"),
        ("mira", 1, EVIDENCE, "talent.death"),
        ("mira", -365 * 40, EVIDENCE, "talent.death"),
        ("mira", 0, "certificate.pdf", "talent.death"),
        ("mira", 0, EVIDENCE.upper(), "talent.death"),
    ],
)
def test_a_report_that_cant_be(office, people, photos, clock, talent, days, evidence, code):
    people.sign_all(office, testing.campaign(photos))
    with pytest.raises(InputError) as no:
        estate.report_death(office, talent, clock.at.date() + days * DAY, evidence)
    assert no.value.code == code
    with office.unit() as unit:
        assert unit.parties.died("mira") is None


def test_the_earliest_day_stands(office, left, clock):
    with office.unit() as unit:
        first = unit.parties.died("mira")
    for later in (first, first + DAY):
        with pytest.raises(InputError, match=r"talent\.death"):
            estate.report_death(office, "mira", later, EVIDENCE)
    estate.report_death(office, "mira", first - DAY, EVIDENCE)
    with office.unit() as unit:
        assert unit.parties.died("mira") == first - DAY
        assert len([body for body in unit.log.bodies() if json.loads(body)["act"] == "death:reported"]) == 2


def test_of_somebody_who_lives_nothing_is_taken_back(office, people, photos):
    people.sign_all(office, testing.campaign(photos))
    with pytest.raises(InputError, match=r"talent\.death"):
        estate.draw_alive(office, "mira")
