"""Somebody tries to make a booking say what nobody signed: replays, forged chains, other people's keys, an edited database."""

import sqlite3
from dataclasses import replace
from datetime import date

import pytest

from twinbook import testing
from twinbook.domain.errors import InputError, Refused, SignatureRefused, TwinbookError
from twinbook.domain.gate import bound_at
from twinbook.domain.money import Money
from twinbook.domain.negotiation import Move, State, changed
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind, Party, Role
from twinbook.services import negotiate, revoke, sign

CHEAP = Money.parse("300 EUR")
ZANDRA = Party("zandra", Role.BRAND, "Zandra")


@pytest.fixture
def keys(office, people):
    roles = {
        "mira": Role.TALENT,
        "nordlight": Role.AGENCY,
        "tvaton": Role.BRAND,
        "zandra": Role.BRAND,
        "eve": Role.TALENT,
    }
    return {name: people.introduce(office, name, role).registered(name, role) for name, role in roles.items()}


@pytest.fixture
def signs(people):
    return lambda who, document: people.key(who).sign(Paper(document).message)


@pytest.fixture
def propose(office, keys, signs):
    def file(proposal, by=None):
        document = proposal.document()
        return negotiate.propose(office, document, signs(by or proposal.party, document))

    return file


@pytest.fixture
def draft(office, keys):
    def make(who, move, standing=None, terms=None, **changes):
        booking = standing.booking if standing else ""
        return replace(negotiate.draft(office, keys[who], move, booking, terms), **changes)

    return make


@pytest.fixture
def terms(office, keys, photos, signs):
    planned = testing.campaign(photos)
    consent = sign.draw_papers(office, planned)["mira"][0]
    sign.sign(office, consent.document, signs("mira", consent.document))
    return negotiate.campaign_terms(office, planned, "mira")


@pytest.fixture
def offered(propose, draft, terms):
    return propose(draft("tvaton", Move.OFFER, terms=terms))


def filed(office):
    with office.unit() as unit:
        return len(unit.papers.of("mira", PaperKind.PROPOSAL))


def signatures(office, terms):
    with office.unit() as unit:
        paper = unit.papers.get(Paper.of(terms).digest)
    return len(paper.signatures) if paper else 0


def test_her_acceptance_of_one_proposal_is_none_of_another(office, offered, propose, draft, signs, terms):
    """She signed the dear license. The brand counters with a cheap one and shows her signature as its acceptance."""
    word = signs("mira", terms.document())
    countered = propose(draft("mira", Move.COUNTER, offered, changed(terms, term_days=30)))
    cheap = propose(draft("tvaton", Move.COUNTER, countered, changed(terms, fee=CHEAP)))
    with pytest.raises(SignatureRefused, match=r"signature\.invalid"):
        negotiate.accept(office, cheap.booking, word)
    assert signatures(office, cheap.negotiation.terms) == 0


def test_her_acceptance_in_one_booking_is_none_in_another(office, offered, propose, draft, signs, terms):
    word = signs("mira", terms.document())
    negotiate.accept(office, offered.booking, word)
    other = propose(draft("tvaton", Move.OFFER, terms=changed(terms, fee=CHEAP)))
    with pytest.raises(SignatureRefused, match=r"signature\.invalid"):
        negotiate.accept(office, other.booking, word)
    assert negotiate.show(office, other.booking).state is State.OPEN


def test_a_signature_on_a_proposal_is_none_on_the_license_in_it(office, offered, propose, draft, signs):
    counter = draft("mira", Move.COUNTER, offered, changed(offered.negotiation.terms, term_days=30))
    propose(counter)
    for word in (signs("mira", counter.document()), signs("mira", offered.negotiation.papers[0].document)):
        with pytest.raises(SignatureRefused, match=r"signature\.invalid"):
            negotiate.accept(office, offered.booking, word)


def test_a_brands_offer_is_no_countersignature(office, offered, signs, terms):
    negotiate.accept(office, offered.booking, signs("mira", terms.document()))
    with pytest.raises(SignatureRefused, match=r"signature\.invalid"):
        negotiate.countersign(office, offered.booking, signs("tvaton", offered.negotiation.papers[0].document))
    with office.unit() as unit:
        assert bound_at(unit.papers.get(Paper.of(terms).digest)) is None


def test_an_old_offer_cannot_be_filed_again(office, offered, propose, draft, signs):
    document = offered.negotiation.papers[0].document
    word = signs("tvaton", document)
    countered = propose(draft("mira", Move.COUNTER, offered, changed(offered.negotiation.terms, term_days=30)))
    assert negotiate.propose(office, document, word).negotiation == countered.negotiation
    propose(draft("tvaton", Move.DECLINE, countered))
    assert negotiate.propose(office, document, word).state is State.DECLINED
    assert filed(office) == 3


LINKS = {
    "her counter is passed over": {"number": 1, "previous": 0},
    "her counter is answered under the first one's name": {"previous": 0},
    "a link that nobody signed": {"previous": "f" * 64},
    "a number is left out": {"number": 3},
    "a number is taken twice": {"number": 1},
}


@pytest.mark.parametrize("story", LINKS)
def test_a_forged_link_is_refused(office, offered, propose, draft, terms, story):
    countered = propose(draft("mira", Move.COUNTER, offered, changed(terms, term_days=30)))
    link = dict(LINKS[story])
    if link.get("previous") == 0:
        link["previous"] = countered.negotiation.papers[0].digest
    with pytest.raises(SignatureRefused, match=r"offer\.stale"):
        propose(draft("tvaton", Move.COUNTER, countered, changed(terms, fee=CHEAP), **link))
    assert filed(office) == 2


def test_nobody_speaks_with_another_ones_key(office, offered, propose, draft, terms):
    counter = draft("mira", Move.COUNTER, offered, changed(terms, term_days=30))
    for who in ("tvaton", "nordlight", "eve"):
        with pytest.raises(SignatureRefused, match=r"signature\.role"):
            propose(counter, by=who)
    with pytest.raises(SignatureRefused, match=r"signature\.role"):
        propose(replace(counter, party="eve"), by="mira")
    assert filed(office) == 1


def test_another_talent_cannot_answer_for_her_nor_another_brand_take_the_offer_over(
    office, offered, propose, draft, terms
):
    latest = offered.negotiation.papers[-1].digest
    by_eve = replace(draft("mira", Move.DECLINE, offered), party="eve")
    by_zandra = replace(draft("tvaton", Move.WITHDRAW, offered), party="zandra")
    for proposal in (by_eve, by_zandra):
        assert proposal.previous == latest
        with pytest.raises(SignatureRefused, match=r"offer\.unknown"):
            propose(proposal)
    assert negotiate.show(office, offered.booking).state is State.OPEN


@pytest.mark.parametrize(
    "change",
    [
        lambda d: {**d, "note": "and exclusivity, of course"},
        lambda d: {k: v for k, v in d.items() if k != "expires"},
        lambda d: {**d, "expires": "2026-06-15T12:00:00Z"},
        lambda d: {**d, "number": "0"},
        lambda d: {**d, "number": -1},
        lambda d: {**d, "terms": {**d["terms"], "fee": "450 EUR"}},
        lambda d: {**d, "terms": None},
        lambda d: {**d, "terms": d},
        lambda d: {**d, "by": "operator"},
        lambda d: {**d, "booking": ["mira-0123456789"]},
    ],
)
def test_a_document_that_is_no_proposal_is_refused_whole(office, draft, signs, terms, change):
    document = change(draft("tvaton", Move.OFFER, terms=terms).document())
    with pytest.raises((InputError, Refused)) as refused:
        negotiate.propose(office, document, signs("tvaton", document))
    assert refused.value.code in ("signature.invalid", "signature.role")
    assert filed(office) == 0


def test_other_papers_are_no_proposals(office, signs, terms):
    with pytest.raises(InputError, match=r"signature\.invalid"):
        negotiate.propose(office, terms.document(), signs("tvaton", terms.document()))


def test_an_edited_database_is_noticed(office, offered, signs, terms, tmp_path):
    with sqlite3.connect(tmp_path / "home" / "twinbook.db") as database:
        database.execute(
            "UPDATE paper SET document = replace(document, '450.00 EUR', '300.00 EUR') WHERE document LIKE '%booking%'"
        )
    database.close()
    with pytest.raises(SignatureRefused, match=r"signature\.invalid"):
        negotiate.show(office, offered.booking)
    with pytest.raises(SignatureRefused, match=r"signature\.invalid"):
        negotiate.accept(office, offered.booking, signs("mira", changed(terms, fee=CHEAP).document()))


def test_an_offer_that_was_moved_into_the_future_in_the_database_is_still_over(office, offered, signs, terms, tmp_path):
    office.clock.pass_days(20)
    with sqlite3.connect(tmp_path / "home" / "twinbook.db") as database:
        database.execute("UPDATE paper SET drawn_at = '2026-06-20T12:00:00+00:00' WHERE document LIKE '%booking%'")
    database.close()
    with pytest.raises(SignatureRefused, match=r"offer\.(expired|window)"):
        negotiate.accept(office, offered.booking, signs("mira", terms.document()))


def test_a_license_in_a_booking_is_signed_there_and_nowhere_else(office, offered, signs, terms, clock):
    """Else a lapsed offer could still be completed on the bare paper."""
    for days in (0, 60):
        clock.pass_days(days)
        for who in ("mira", "tvaton"):
            with pytest.raises(SignatureRefused, match=r"offer\.turn"):
                sign.sign(office, terms.document(), signs(who, terms.document()))


WHAT_SHE_DID = ["signed", "signed later", "withdrew", "refuses", "isn't known", "another brand asked too"]


@pytest.mark.parametrize("case", WHAT_SHE_DID)
def test_a_brand_cannot_tell_whether_she_signed_by_asking_again(tmp_path, people, case):
    """It makes the same offer for a year and holds every answer and every paper against those of a home where she
    signs nothing."""

    def told(name, case):
        with testing.open_fake_office(tmp_path / name, testing.FakeClock()) as office:
            for who in ("tvaton", "zandra"):
                people.introduce(office, who, Role.BRAND)
            if case != "isn't known":
                people.introduce(office, "mira", Role.TALENT)
            planned = testing.campaign(
                testing.photographs(tmp_path / "photos"), reconsent_days=90, until=date(2028, 1, 1)
            )
            seen = []
            for days in (0, 1, 30, 50, 10, 89, 1, 200):
                office.clock.pass_days(days)
                seen.append(asked(office, planned))
                if case == "another brand asked too":
                    asked(office, replace(planned, license=replace(planned.license, brand=ZANDRA)), "zandra")
                if (case, days) in {("signed", 0), ("withdrew", 0), ("signed later", 30)}:
                    consent = sign.draw_papers(office, planned)["mira"][0]
                    sign.sign(office, consent.document, people.key("mira").sign(consent.message))
                if (case, days) == ("withdrew", 30):
                    back = Paper.of(revoke.revocation(office, "mira"))
                    revoke.revoke(office, back.document, people.key("mira").sign(back.message))
            return seen

    def asked(office, planned, who="tvaton"):
        terms = negotiate.campaign_terms(office, planned, "mira")
        with office.unit() as unit:
            key = unit.parties.key(people.key(who).id)
        paper = Paper.of(negotiate.draft(office, key, Move.OFFER, terms=terms))
        try:
            standing = negotiate.propose(office, paper.document, people.key(who).sign(paper.message))
        except TwinbookError as error:
            return terms.document(), error.document()
        return terms.document(), standing.state, standing.waits_for, standing.notes

    assert told("hers", case) == told("nobody's", "refuses")
