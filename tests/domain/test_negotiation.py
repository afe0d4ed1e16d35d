"""Bookings, move by move: who may say what when, and what a chain of signed proposals adds up to."""

from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinbook import testing
from twinbook.domain.consent import Consent, Part, Person, Talent
from twinbook.domain.errors import InputError, Refused, SignatureRefused
from twinbook.domain.gate import Dossier
from twinbook.domain.license import Exclusivity, License, Renewal, Split
from twinbook.domain.mandate import Mandate
from twinbook.domain.money import Money
from twinbook.domain.negotiation import (
    LONGEST,
    Move,
    Negotiation,
    Proposal,
    State,
    against_mandates,
    booked,
    changed,
    obstacles,
    talent_of,
)
from twinbook.domain.paper import Paper, Signed
from twinbook.domain.party import Key, Role, Signature
from twinbook.domain.policy import Law

NOON = testing.NOON
DAY = timedelta(days=1)
BOOKING = "mira-0123456789"
WHO = {Role.BRAND: "tvaton", Role.TALENT: "mira", Role.AGENCY: "nordlight", Role.ESTATE: "holm-estate"}

CONSENT = Consent(
    talent=Talent("mira", "Mira Holm", date(1998, 3, 14)),
    agency=Person("nordlight", "Nordlight"),
    purpose="e-commerce",
    parts=frozenset({Part.CAPTURE, Part.TEMPLATE, Part.GENERATE}),
    starts=date(2026, 5, 1),
    until=date(2027, 5, 1),
    channels=frozenset({"instagram", "web"}),
    territories=frozenset({"SE"}),
    never=frozenset({"fur"}),
    min_fee=Money.parse("300 EUR"),
    max_images_per_month=40,
)
TERMS = License(
    talent=Person("mira", "Mira Holm"),
    brand=Person("tvaton", "Tvaton"),
    agency=Person("nordlight", "Nordlight"),
    consent=Paper.of(CONSENT).digest,
    category="fast fashion",
    fee=Money.parse("450 EUR"),
    channels=frozenset({"instagram"}),
    territories=frozenset({"SE"}),
    starts=NOON.date(),
    term_days=90,
    split=Split(Fraction(20), {}),
)
MANDATE = Mandate(
    talent=TERMS.talent,
    agency=TERMS.agency,
    acts=frozenset({"propose"}),
    brands=frozenset(),
    categories=frozenset({"fast fashion"}),
    channels=frozenset({"instagram"}),
    territories=frozenset({"SE"}),
    min_fee=Money.parse("400 EUR"),
    max_term_days=90,
    max_images=20,
    starts=date(2026, 1, 1),
    until=date(2026, 12, 31),
)


def believe(message, signature, key):
    return True


def doubt(message, signature, key):
    return False


def by_all(paper, at=NOON, roles=None):
    """The paper with a signature of everybody who must sign it; no mathematics here."""
    signers = {role: party for role, party in paper.signers.items() if roles is None or role in roles}
    made = tuple(
        Signed(Signature(f"key-{party}", "", ""), Key(f"key-{party}", "", "", party, role), at)
        for role, party in signers.items()
    )
    return replace(paper, signatures=(*paper.signatures, *made))


def proposal(negotiation=None, move=Move.OFFER, by=Role.BRAND, terms=TERMS, at=NOON, days=14, **changes):
    """A move that fits the booking as it stands, with what a story says is different."""
    papers = negotiation.papers if negotiation else ()
    ends = move in (Move.OFFER, Move.COUNTER)
    made = Proposal(
        booking=BOOKING,
        number=len(papers),
        move=move,
        by=by,
        party=WHO[by],
        terms=terms if ends else None,
        previous=papers[-1].digest if papers else "",
        at=at,
        expires=at + timedelta(days=days) if ends else None,
    )
    return by_all(Paper.of(replace(made, **changes)))


def opened(*moves, at=NOON):
    """A booking after an offer of the brand's and then these moves, as (move, by) pairs."""
    negotiation = Negotiation().add(proposal(), at)
    for move, by in moves:
        negotiation = negotiation.add(proposal(negotiation, move, by), at)
    return negotiation


def refusal(negotiation, paper, at=NOON):
    with pytest.raises(SignatureRefused) as refused:
        negotiation.add(paper, at)
    return refused.value.code


def test_an_offer_waits_for_her_side_and_a_counter_for_the_brand():
    offered = opened()
    assert offered.state(NOON) is State.OPEN
    assert offered.turn(NOON) == {Role.TALENT, Role.AGENCY, Role.ESTATE}
    countered = opened((Move.COUNTER, Role.TALENT))
    assert countered.turn(NOON) == {Role.BRAND}
    assert countered.live(NOON).number == 1


ANSWERS = {
    "the brand answers its own offer": ((), Move.COUNTER, Role.BRAND, "offer.turn"),
    "the brand declines its own offer": ((), Move.DECLINE, Role.BRAND, "offer.turn"),
    "she withdraws the brand's offer": ((), Move.WITHDRAW, Role.TALENT, "offer.turn"),
    "she answers her own counter": (((Move.COUNTER, Role.TALENT),), Move.COUNTER, Role.TALENT, "offer.turn"),
    "her agency betters her own counter": (((Move.COUNTER, Role.TALENT),), Move.COUNTER, Role.AGENCY, "offer.turn"),
    "her agency withdraws her own counter": (((Move.COUNTER, Role.TALENT),), Move.WITHDRAW, Role.AGENCY, "offer.turn"),
    "she betters her agency's counter": (((Move.COUNTER, Role.AGENCY),), Move.COUNTER, Role.TALENT, None),
    "she withdraws her agency's counter": (((Move.COUNTER, Role.AGENCY),), Move.WITHDRAW, Role.TALENT, None),
    "her agency withdraws its own": (((Move.COUNTER, Role.AGENCY),), Move.WITHDRAW, Role.AGENCY, None),
    "the brand counters her counter": (((Move.COUNTER, Role.TALENT),), Move.COUNTER, Role.BRAND, None),
    "she declines": ((), Move.DECLINE, Role.TALENT, None),
    "the brand withdraws": ((), Move.WITHDRAW, Role.BRAND, None),
    "after she declined": (((Move.DECLINE, Role.TALENT),), Move.COUNTER, Role.BRAND, "offer.declined"),
    "after the brand withdrew": (((Move.WITHDRAW, Role.BRAND),), Move.COUNTER, Role.TALENT, "offer.withdrawn"),
}


@pytest.mark.parametrize("story", ANSWERS)
def test_who_may_answer_what(story):
    before, move, by, expected = ANSWERS[story]
    negotiation = opened(*before)
    answer = proposal(negotiation, move, by)
    assert (refusal(negotiation, answer) if expected else negotiation.add(answer, NOON) and None) == expected


def test_withdrawn_and_declined_are_the_end():
    for move, by, state in ((Move.DECLINE, Role.TALENT, State.DECLINED), (Move.WITHDRAW, Role.BRAND, State.WITHDRAWN)):
        ended = opened((move, by))
        assert ended.state(NOON) is state
        assert ended.live(NOON) is None
        assert ended.turn(NOON) == frozenset()
        with pytest.raises(SignatureRefused):
            ended.hold_open(NOON)


def test_it_ends_at_the_moment_it_says_and_not_a_second_before():
    offered = opened()
    end = NOON + 14 * DAY
    assert offered.live(end - timedelta(seconds=1))
    assert offered.live(end) is None
    assert refusal(offered, proposal(offered, Move.COUNTER, Role.TALENT, at=end), end) == "offer.expired"


@pytest.mark.parametrize("days", [0, -1, 91])
def test_an_end_behind_or_too_far_off(days):
    assert refusal(Negotiation(), proposal(days=days)) == "offer.window"


def test_the_longest_end_and_a_clock_that_is_ahead():
    assert Negotiation().add(proposal(days=LONGEST.days), NOON)
    assert refusal(Negotiation(), proposal(at=NOON + DAY)) == "offer.window"


def test_an_answer_to_another_proposal_than_the_latest():
    negotiation = opened((Move.COUNTER, Role.TALENT))
    first = negotiation.papers[0].digest
    assert refusal(negotiation, proposal(negotiation, Move.COUNTER, previous=first)) == "offer.stale"
    assert refusal(negotiation, proposal(negotiation, Move.COUNTER, number=1)) == "offer.stale"
    assert refusal(negotiation, proposal()) == "offer.stale"  # the offer that opened it, once more


OTHERS = {
    "talent": Person("eve", "Eve"),
    "brand": Person("zandra", "Zandra"),
    "agency": Person("southlight", "Southlight"),
    "consent": "1" * 64,
}


@pytest.mark.parametrize("member", OTHERS)
def test_a_counter_keeps_talent_brand_agency_and_consent(member):
    negotiation = opened()
    other = replace(TERMS, **{member: OTHERS[member]})
    assert refusal(negotiation, proposal(negotiation, Move.COUNTER, Role.TALENT, other)) == "offer.parties"


def test_nobody_offers_in_anothers_name():
    assert refusal(Negotiation(), proposal(party="zandra")) == "offer.parties"
    assert refusal(Negotiation(), proposal(booking="eve-0123456789")) == "offer.parties"
    no_agency = replace(TERMS, agency=None)
    assert refusal(Negotiation(), proposal(by=Role.AGENCY, terms=no_agency)) == "offer.parties"


def test_to_a_stranger_a_booking_does_not_exist():
    negotiation = opened()
    for move in (Move.COUNTER, Move.DECLINE):
        answer = proposal(negotiation, move, Role.BRAND, party="zandra")
        assert refusal(negotiation, answer) == refusal(Negotiation(), answer) == "offer.unknown"


@pytest.mark.parametrize(
    "changes",
    [
        {"terms": None},
        {"expires": None},
        {"move": Move.DECLINE},
        {"move": Move.COUNTER},
        {"number": 1},
        {"previous": "0" * 64},
        {"booking": "mira"},
        {"booking": "mira-0123456789\n"},
    ],
)
def test_a_proposal_that_says_two_things_cannot_be_made(changes):
    made = proposal().terms
    with pytest.raises(InputError, match=r"signature\.invalid"):
        replace(made, **changes)


def test_a_proposal_reads_as_it_was_written():
    paper = proposal(opened(), Move.COUNTER, Role.TALENT)
    assert Paper(paper.document).terms == paper.terms
    assert paper.terms.signers() == {Role.TALENT: "mira"}
    assert talent_of("anna-maria-0123456789") == "anna-maria"


# --- acceptance ---------------------------------------------------------------------------------------------------


def with_license(negotiation, hers=None, brands=None):
    paper = Paper.of(negotiation.terms)
    for at, role in ((hers, negotiation.acceptor), (brands, Role.BRAND)):
        paper = by_all(paper, at, {role}) if at else paper
    return replace(negotiation, license=paper)


END = NOON + 14 * DAY
MOMENTS = {
    "she accepts": (NOON, None, State.ACCEPTED, {Role.BRAND}),
    "the brand signs first": (None, NOON, State.OPEN, {Role.TALENT, Role.AGENCY, Role.ESTATE}),
    "both sign": (NOON, NOON + DAY, State.BOUND, set()),
    "both sign, the brand first": (NOON + DAY, NOON, State.BOUND, set()),
    "the brand signs when it is over": (NOON, END, State.EXPIRED, set()),
    "she signs when it is over": (END, NOON, State.EXPIRED, set()),
    "a signature from before the proposal": (NOON - DAY, NOON, State.OPEN, {Role.TALENT, Role.AGENCY, Role.ESTATE}),
}


@pytest.mark.parametrize("story", MOMENTS)
def test_signatures_count_while_their_proposal_is_live(story):
    hers, brands, state, turn = MOMENTS[story]
    negotiation = with_license(opened(), hers, brands)
    now = max(at for at in (hers, brands, NOON) if at)
    assert negotiation.state(now) is state
    assert negotiation.turn(now) == turn


def test_what_binds_stays_bound_and_what_was_only_accepted_lapses():
    assert with_license(opened(), NOON, NOON).state(END + 100 * DAY) is State.BOUND
    assert with_license(opened(), NOON).state(END) is State.EXPIRED


def test_no_move_after_she_accepted():
    accepted = with_license(opened(), NOON)
    for move, by in ((Move.WITHDRAW, Role.BRAND), (Move.COUNTER, Role.TALENT), (Move.DECLINE, Role.TALENT)):
        assert refusal(accepted, proposal(accepted, move, by)) == "offer.taken"


def test_the_brand_that_signed_her_counter_waits_for_her():
    negotiation = with_license(opened((Move.COUNTER, Role.TALENT)), None, NOON)
    assert negotiation.turn(NOON) == {Role.TALENT}


def test_a_license_in_a_booking_is_known_as_such():
    negotiation = opened((Move.COUNTER, Role.TALENT), (Move.DECLINE, Role.BRAND))
    assert booked(Paper.of(TERMS), negotiation.papers) == BOOKING
    assert booked(Paper.of(replace(TERMS, term_days=10)), negotiation.papers) is None


# --- chains -------------------------------------------------------------------------------------------------------


def test_signed_proposals_fold_into_the_same_booking():
    negotiation = opened((Move.COUNTER, Role.TALENT), (Move.COUNTER, Role.BRAND))
    again = Negotiation.of(reversed(negotiation.papers), believe)
    assert again == negotiation
    with pytest.raises(SignatureRefused, match=r"signature\.invalid"):
        Negotiation.of(negotiation.papers, doubt)


def test_a_chain_with_a_link_left_out_or_changed_does_not_fold():
    first, second, third = opened((Move.COUNTER, Role.TALENT), (Move.COUNTER, Role.BRAND)).papers
    cheaper = replace(second.terms, terms=replace(TERMS, fee=Money.parse("1 EUR")))
    forged = replace(by_all(Paper.of(cheaper)), drawn_at=NOON)
    for chain in ((first, third), (second, third), (first, forged, third), (first, first), (first, second, second)):
        with pytest.raises(SignatureRefused):
            Negotiation.of(chain, believe)


ROLE = st.sampled_from([Role.BRAND, Role.TALENT, Role.AGENCY])
STEP = st.tuples(st.sampled_from(Move), ROLE, st.integers(0, 6), st.integers(1, 20), st.sampled_from([400, 450, 500]))


@given(st.lists(STEP, max_size=12), st.integers(0, 100))
def test_whatever_is_tried_the_booking_is_what_its_papers_say(steps, later):
    """Moves by anybody at any time. What was let in is legal by a plain book kept here, and folds to the same again."""
    negotiation, at = opened(), NOON
    last_side, ends, over = "brand", NOON + 14 * DAY, None
    for move, by, days, term, fee in steps:
        at += days * DAY
        terms = replace(TERMS, fee=Money("EUR", fee * 100))
        changes = {"number": 1, "previous": "0" * 64} if move is not Move.OFFER else {}
        asked = proposal(negotiation, Move.COUNTER if move is Move.OFFER else move, by, terms, at, term)
        if days == 6:  # a forged link
            asked = by_all(Paper.of(replace(asked.terms, **changes)))
        before = negotiation
        with suppress(Refused):
            negotiation = negotiation.add(asked, at)
        if negotiation is before:
            continue
        side = "brand" if by is Role.BRAND else "hers"
        assert over is None
        assert at < ends
        if asked.terms.move is Move.WITHDRAW:
            assert side == last_side
            over = State.WITHDRAWN
        elif asked.terms.move is Move.DECLINE:
            assert side != last_side
            over = State.DECLINED
        else:
            assert side != last_side or (side == "hers" and before.latest.by is Role.AGENCY and by is Role.TALENT)
            last_side, ends = side, asked.terms.expires
    now = at + later * DAY
    expected = over or (State.OPEN if now < ends else State.EXPIRED)
    assert negotiation.state(now) is expected
    assert (negotiation.live(now) is not None) == (expected is State.OPEN)
    assert Negotiation.of(negotiation.papers, believe) == negotiation
    assert [paper.terms.number for paper in negotiation.papers] == list(range(len(negotiation.papers)))
    assert {paper.terms.terms.brand for paper in negotiation.papers if paper.terms.terms} == {TERMS.brand}


# --- the agency ---------------------------------------------------------------------------------------------------


def test_an_agency_proposes_within_what_she_signed():
    terms = replace(TERMS, max_images=10)
    mandate = by_all(Paper.of(MANDATE))

    def codes(*mandates, of=terms, at=NOON):
        return {why.code for why in against_mandates(of, mandates, believe, at)}

    assert codes(mandate) == set()
    assert codes() == {"mandate.missing"}
    assert codes(Paper.of(MANDATE)) == {"mandate.missing"}  # which she didn't sign
    assert codes(replace(mandate, revoked_at=NOON)) == {"mandate.revoked"}
    assert codes(replace(mandate, revoked_at=NOON), mandate) == set()
    assert codes(mandate, of=replace(terms, fee=Money.parse("399 EUR"))) == {"mandate.scope"}
    assert codes(mandate, of=TERMS) == {"mandate.scope"}  # any number of images
    assert codes(mandate, at=NOON + 365 * DAY) == {"mandate.scope"}
    only_accept = by_all(Paper.of(replace(MANDATE, acts=frozenset({"accept"}))))
    assert codes(only_accept) == {"mandate.scope"}


# --- obstacles ----------------------------------------------------------------------------------------------------


def found(license=TERMS, consent=CONSENT, consent_by=believe, file=None):
    consent_paper = by_all(Paper.of(consent))
    license = replace(license, consent=consent_paper.digest)
    on_file = Dossier(**{"consent": consent_paper} | (file or {}))
    return obstacles(Paper.of(license), on_file, Law(()), consent_by, NOON)


def codes(**case):
    return {why.code for why in found(**case).reasons}


SOLD = Exclusivity("", frozenset(), frozenset(), frozenset(), date(2026, 1, 1), date(2026, 12, 31))
ZANDRA = replace(TERMS, brand=Person("zandra", "Zandra"))
OBSTACLES = {
    "terms she allows": ({}, set()),
    "a first day that lies ahead": ({"license": replace(TERMS, starts=date(2026, 8, 1))}, set()),
    "time to think it over": ({"consent": replace(CONSENT, cooling_off_days=30)}, set()),
    "a consent that is over by then": ({"license": replace(TERMS, starts=date(2027, 6, 1))}, {"consent.expired"}),
    "a term that is over": ({"license": replace(TERMS, starts=date(2026, 1, 1))}, {"license.expired"}),
    "a channel of no consent": ({"license": replace(TERMS, channels=frozenset({"tiktok"}))}, {"consent.channel"}),
    "a territory of no consent": ({"license": replace(TERMS, territories=frozenset({"EU"}))}, {"consent.territory"}),
    "fur": ({"license": replace(TERMS, category="fur")}, {"consent.never"}),
    "under her minimum": ({"license": replace(TERMS, fee=Money.parse("299 EUR"))}, {"consent.fee_floor"}),
    "for ever": ({"license": replace(TERMS, term_days=None)}, {"license.perpetual"}),
    "renewed by silence": ({"license": replace(TERMS, renewal=Renewal.AUTOMATIC)}, {"license.auto_renewal"}),
    "no consent": ({"file": {"consent": None}}, {"consent.missing"}),
    "an unsigned consent": ({"file": {"consent": Paper.of(CONSENT)}}, {"signature.missing"}),
    "a consent with a bad signature": ({"consent_by": doubt}, {"signature.invalid"}),
    "a withdrawn consent": (
        {"file": {"consent": replace(by_all(Paper.of(CONSENT)), revoked_at=NOON)}},
        {"consent.revoked"},
    ),
    "a mandate that isn't there": ({"license": replace(TERMS, mandate="1" * 64)}, {"mandate.missing"}),
    "an estate while she lives": ({"license": replace(TERMS, estate="holm-estate")}, {"license.estate"}),
    "after her death": ({"file": {"died": NOON.date()}}, {"talent.deceased"}),
    "sold to another brand": (
        {"file": {"others": (by_all(Paper.of(replace(ZANDRA, exclusive=SOLD))),)}},
        {"license.exclusivity"},
    ),
    "another brand is in before exclusivity": (
        {"license": replace(TERMS, exclusive=SOLD), "file": {"others": (by_all(Paper.of(ZANDRA)),)}},
        {"license.exclusivity"},
    ),
    "one brand at a time": (
        {"consent": replace(CONSENT, max_brands=1), "file": {"others": (by_all(Paper.of(ZANDRA)),)}},
        {"consent.brands"},
    ),
}


@pytest.mark.parametrize("story", OBSTACLES)
def test_what_stands_against_a_license(story):
    case, expected = OBSTACLES[story]
    assert codes(**case) == expected


def test_a_brand_is_told_nothing_but_its_own_terms():
    other = replace(ZANDRA, exclusive=SOLD)
    against = found(
        license=replace(TERMS, fee=Money.parse("299 EUR"), renewal=Renewal.AUTOMATIC),
        file={"others": (by_all(Paper.of(other)),)},
    )
    assert {why.code for why in against.reasons} == {"consent.fee_floor", "license.exclusivity", "license.auto_renewal"}
    told = against.told_to_brand()
    assert {why.code for why in told.reasons} == {"license.auto_renewal", "offer.conflict"}
    text = str(told)
    assert "300" not in text
    assert Paper.of(other).digest[:16] not in text
    assert "zandra" not in text.lower()


def test_exclusivity_that_runs_as_long_as_the_license_follows_it():
    ends = TERMS.starts + timedelta(days=89)
    sold = replace(SOLD, starts=TERMS.starts, ends=ends)
    shorter = changed(replace(TERMS, exclusive=sold), term_days=30)
    assert shorter.exclusive.ends == shorter.ends
    assert changed(replace(TERMS, exclusive=SOLD), term_days=30).exclusive == SOLD
