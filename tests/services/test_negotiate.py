"""Bookings as people make them: offers, counters and answers, on a real database with everybody's own keys."""

import json
import multiprocessing
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from twinbook import testing
from twinbook.domain.consent import Part, Person, PostMortem
from twinbook.domain.errors import Refused, SignatureRefused, StateError
from twinbook.domain.gate import Allow, decide
from twinbook.domain.license import Exclusivity, Split
from twinbook.domain.mandate import Mandate
from twinbook.domain.money import Money
from twinbook.domain.negotiation import Move, State, changed
from twinbook.domain.paper import Paper
from twinbook.domain.party import Duty, PaperKind, Party, Role
from twinbook.domain.policy import Severity
from twinbook.domain.work import Stage
from twinbook.law import load
from twinbook.services import filing, negotiate, permit, revoke, run, sign

EUR = Money.parse
ZANDRA = Party("zandra", Role.BRAND, "Zandra")
EVERYWHERE = frozenset()


class Fair:
    """Everybody at one table: each method is one person's one act with their own key."""

    def __init__(self, office, people, photos):
        self.office, self.people, self.photos = office, people, photos
        self.keys = {}
        for name, role in (
            ("mira", Role.TALENT),
            ("nordlight", Role.AGENCY),
            ("tvaton", Role.BRAND),
            ("zandra", Role.BRAND),
        ):
            self.introduce(name, role)

    def introduce(self, name, role):
        self.keys[name] = self.people.introduce(self.office, name, role).registered(name, role)

    def campaign(self, **terms):
        return testing.campaign(self.photos, **terms)

    def consent(self, planned):
        """She signs the consent that a campaign asks for, and nothing else."""
        paper, *_ = sign.draw_papers(self.office, planned)["mira"]
        return sign.sign(self.office, paper.document, self.people.key("mira").sign(paper.message))

    def terms(self, planned=None, **changes):
        return changed(negotiate.campaign_terms(self.office, planned or self.campaign(), "mira"), **changes)

    def propose(self, who, proposal):
        paper = Paper.of(proposal)
        return negotiate.propose(self.office, paper.document, self.people.key(who).sign(paper.message))

    def offer(self, who, terms, days=14):
        return self.propose(who, negotiate.draft(self.office, self.keys[who], Move.OFFER, terms=terms, days=days))

    def move(self, who, move, booking, terms=None, days=14):
        return self.propose(who, negotiate.draft(self.office, self.keys[who], move, booking, terms, days))

    def counter(self, who, standing, days=14, **changes):
        return self.move(who, Move.COUNTER, standing.booking, changed(standing.negotiation.terms, **changes), days)

    def accept(self, who, standing, license=None):
        message = Paper.of(license or standing.negotiation.terms).message
        return negotiate.accept(self.office, standing.booking, self.people.key(who).sign(message))

    def countersign(self, who, standing, license=None):
        message = Paper.of(license or standing.negotiation.terms).message
        return negotiate.countersign(self.office, standing.booking, self.people.key(who).sign(message))

    def agree(self, brand, terms):
        standing = self.offer(brand, terms)
        self.accept("mira", standing)
        return self.countersign(brand, standing)

    def mandate(self, **changes):
        scope = Mandate(
            talent=Person("mira", "Mira Holm"),
            agency=Person("nordlight", "Nordlight"),
            acts=frozenset({"propose", "accept"}),
            brands=frozenset(),
            categories=frozenset({"fast fashion"}),
            channels=frozenset({"instagram", "web"}),
            territories=frozenset({"SE"}),
            min_fee=EUR("400 EUR"),
            max_term_days=90,
            max_images=20,
            starts=date(2026, 1, 1),
            until=date(2026, 12, 31),
        )
        paper = Paper.of(replace(scope, **changes))
        with self.office.unit() as unit:
            filing.file_paper(self.office, unit, paper, "mira")
        return sign.sign(self.office, paper.document, self.people.key("mira").sign(paper.message))

    def gate(self, standing):
        """What the gate answers for a picture under the license that was agreed."""
        with self.office.unit() as unit:
            license = unit.papers.get(Paper.of(standing.negotiation.terms).digest)
            on_file = permit.dossier(unit, "mira", license, self.office.clock.now())
        terms = license.terms
        request = permit.Request(
            permit.Act.RENDER,
            "mira",
            "a-shot",
            terms.brand.id,
            channels=tuple(sorted(terms.channels)),
            territories=tuple(sorted(terms.territories)),
            contexts=(terms.category,),
            fee=terms.fee,
        )
        return decide(request, on_file, self.office.law, self.office.verify, self.office.clock.now())

    def proposals(self):
        with self.office.unit() as unit:
            return len(unit.papers.of("mira", PaperKind.PROPOSAL))


@pytest.fixture
def fair(office, people, photos):
    return Fair(office, people, photos)


def codes(error):
    return {why.code for why in error.value.reasons}


# --- the ordinary way ---------------------------------------------------------------------------------------------


def test_an_offer_a_counter_and_two_signatures_make_a_license_that_the_gate_knows(fair):
    fair.consent(fair.campaign())
    offered = fair.offer("tvaton", fair.terms())
    assert offered.state is State.OPEN
    assert offered.waits_for == ("mira",)
    countered = fair.counter("mira", offered, fee=EUR("500 EUR"), term_days=60)
    assert countered.waits_for == ("tvaton",)
    accepted = fair.accept("mira", countered)
    assert accepted.state is State.ACCEPTED
    bound = fair.countersign("tvaton", countered)
    assert bound.state is State.BOUND
    assert bound.waits_for == ()
    assert isinstance(fair.gate(bound), Allow)


def test_the_order_of_the_two_signatures_does_not_matter(fair):
    fair.consent(fair.campaign())
    offered = fair.offer("tvaton", fair.terms())
    signed = fair.countersign("tvaton", offered)
    assert signed.state is State.OPEN
    assert not isinstance(fair.gate(signed), Allow)
    assert fair.accept("mira", offered).state is State.BOUND
    assert isinstance(fair.gate(offered), Allow)


def test_an_offer_alone_binds_nobody(fair):
    fair.consent(fair.campaign())
    accepted = fair.accept("mira", fair.offer("tvaton", fair.terms()))
    assert {why.code for why in fair.gate(accepted).reasons} == {"signature.missing"}


def test_a_campaign_with_the_agreed_terms_runs_under_the_booked_license(fair, office, tmp_path):
    fair.consent(fair.campaign())
    countered = fair.counter("mira", fair.offer("tvaton", fair.terms()), fee=EUR("500 EUR"))
    fair.accept("mira", countered)
    bound = fair.countersign("tvaton", countered)
    office.clock.pass_days(3)
    outcome = run.run(office, fair.campaign(fee=EUR("500 EUR")), tmp_path)
    assert [work.stage for work in outcome.works] == [Stage.RELEASED]
    assert outcome.works[0].licenses["mira"] == Paper.of(bound.negotiation.terms).digest


def test_saying_the_same_again_changes_nothing(fair, office):
    fair.consent(fair.campaign())
    proposal = negotiate.draft(office, fair.keys["tvaton"], Move.OFFER, terms=fair.terms())
    offered = fair.propose("tvaton", proposal)
    assert fair.propose("tvaton", proposal).negotiation == offered.negotiation
    assert fair.accept("mira", offered).negotiation == fair.accept("mira", offered).negotiation
    fair.countersign("tvaton", offered)
    office.clock.pass_days(30)
    assert fair.countersign("tvaton", offered).state is State.BOUND
    assert fair.accept("mira", offered).state is State.BOUND
    assert fair.proposals() == 1


# --- ends ---------------------------------------------------------------------------------------------------------


def test_an_expired_offer_can_be_neither_answered_nor_signed(fair, office):
    fair.consent(fair.campaign())
    offered = fair.offer("tvaton", fair.terms(), days=7)
    office.clock.pass_days(7)
    assert negotiate.show(office, offered.booking).state is State.EXPIRED
    for act in (
        lambda: fair.accept("mira", offered),
        lambda: fair.countersign("tvaton", offered),
        lambda: fair.counter("mira", offered, fee=EUR("500 EUR")),
        lambda: fair.move("mira", Move.DECLINE, offered.booking),
    ):
        with pytest.raises(SignatureRefused, match=r"offer\.expired"):
            act()


def test_a_brand_that_is_not_prompt_is_too_late(fair, office):
    fair.consent(fair.campaign())
    offered = fair.offer("tvaton", fair.terms(), days=7)
    fair.accept("mira", offered)
    office.clock.pass_days(7)
    with pytest.raises(SignatureRefused, match=r"offer\.expired"):
        fair.countersign("tvaton", offered)
    # Nor does the same license in another booking find her old signature waiting for it.
    with pytest.raises(SignatureRefused, match=r"offer\.repeated"):
        fair.offer("tvaton", offered.negotiation.terms)
    assert fair.offer("tvaton", fair.terms()).state is State.OPEN


@pytest.mark.parametrize(
    ("who", "move", "code"), [("tvaton", Move.WITHDRAW, "withdrawn"), ("mira", Move.DECLINE, "declined")]
)
def test_what_was_withdrawn_or_declined_cannot_be_accepted(fair, who, move, code):
    fair.consent(fair.campaign())
    offered = fair.offer("tvaton", fair.terms())
    fair.countersign("tvaton", offered)
    ended = fair.move(who, move, offered.booking)
    assert ended.state.value == code
    with pytest.raises(SignatureRefused, match=f"offer.{code}"):
        fair.accept("mira", offered)


def test_the_same_terms_lie_in_one_booking_at_a_time(fair):
    """Else what she accepted in one, until its end, could be countersigned in the other, after it."""
    fair.consent(fair.campaign())
    offered = fair.offer("tvaton", fair.terms(), days=7)
    with pytest.raises(SignatureRefused, match=r"offer\.repeated"):
        fair.offer("tvaton", fair.terms(), days=14)
    fair.move("tvaton", Move.WITHDRAW, offered.booking)
    assert fair.offer("tvaton", fair.terms(), days=14).state is State.OPEN


def test_after_she_accepted_nothing_is_moved_any_more(fair):
    fair.consent(fair.campaign())
    offered = fair.offer("tvaton", fair.terms())
    fair.accept("mira", offered)
    with pytest.raises(SignatureRefused, match=r"offer\.taken"):
        fair.move("tvaton", Move.WITHDRAW, offered.booking)


# --- the agency ---------------------------------------------------------------------------------------------------


def test_an_agency_does_not_accept_alone(fair):
    fair.consent(fair.campaign())
    offered = fair.offer("tvaton", fair.terms(max_images=10))
    for who in ("nordlight", "tvaton"):
        with pytest.raises(SignatureRefused, match=r"signature\.role"):
            fair.accept(who, offered)
    fair.mandate()  # terms that don't name it are still hers to accept
    with pytest.raises(SignatureRefused, match=r"signature\.role"):
        fair.accept("nordlight", offered)


def test_within_her_mandate_an_agency_accepts_and_the_gate_permits(fair):
    fair.consent(fair.campaign())
    mandate = fair.mandate()
    offered = fair.offer("nordlight", fair.terms(max_images=10, mandate=mandate.digest))
    assert offered.waits_for == ("tvaton",)
    fair.accept("nordlight", offered)
    assert isinstance(fair.gate(fair.countersign("tvaton", offered)), Allow)


def test_beyond_her_mandate_an_agency_accepts_nothing(fair):
    fair.consent(fair.campaign())
    mandate = fair.mandate()
    offered = fair.offer("tvaton", fair.terms(max_images=10, fee=EUR("350 EUR"), mandate=mandate.digest))
    with pytest.raises(Refused) as refused:
        fair.accept("nordlight", offered)
    assert codes(refused) == {"mandate.scope"}


def test_an_agency_proposes_only_within_her_mandate_and_nothing_else_reaches_the_brand(fair, office):
    fair.consent(fair.campaign())
    with pytest.raises(Refused, match=r"mandate\.missing"):
        fair.offer("nordlight", fair.terms(max_images=10))
    fair.mandate()
    with pytest.raises(Refused, match=r"mandate\.scope") as refused:
        fair.offer("nordlight", fair.terms(max_images=10, fee=EUR("399 EUR")))
    assert "400" in str(refused.value)  # her agency may know
    assert negotiate.bookings(office, Party("tvaton", Role.BRAND, "")) == []
    assert fair.proposals() == 0
    assert fair.offer("nordlight", fair.terms(max_images=10)).waits_for == ("tvaton",)


def test_an_agency_takes_back_its_own_word_though_the_mandate_ended(fair, office):
    fair.consent(fair.campaign())
    fair.mandate(until=date(2026, 6, 3))
    offered = fair.offer("nordlight", fair.terms(max_images=10))
    office.clock.pass_days(4)
    assert fair.move("nordlight", Move.WITHDRAW, offered.booking).state is State.WITHDRAWN


def test_a_key_for_signing_does_not_propose(fair, office, people):
    key = people.key("southwear")
    sign.register_key(
        office, replace(key.registered("southwear", Role.BRAND), duties=frozenset({Duty.SIGN})), "Southwear"
    )
    fair.keys["southwear"] = key.registered("southwear", Role.BRAND)
    terms = fair.terms(fair.campaign(brand=Party("southwear", Role.BRAND, "Southwear")))
    with pytest.raises(SignatureRefused, match=r"signature\.duty"):
        fair.offer("southwear", terms)


# --- the law ------------------------------------------------------------------------------------------------------

NEW_YORK = {
    "consent_territories": ("SE", "US-NY"),
    "territories": ("US-NY",),
    "split": Split(Fraction(20), {}),
    "license_max_images": 10,
}


def test_in_new_york_nobody_accepts_for_her(fair):
    planned = fair.campaign(**NEW_YORK)
    fair.consent(planned)
    mandate = fair.mandate(territories=frozenset({"US-NY"}))
    offered = fair.offer("tvaton", fair.terms(planned, mandate=mandate.digest))
    with pytest.raises(Refused) as refused:
        fair.accept("nordlight", offered)
    assert codes(refused) == {"law.power_of_attorney"}
    own = fair.counter("mira", offered, mandate="")
    assert fair.accept("mira", own).state is State.ACCEPTED


def test_terms_against_the_law_are_refused_and_advice_is_told(fair):
    planned = fair.campaign(**{**NEW_YORK, "split": Split(Fraction(30), {})})
    fair.consent(planned)
    offered = fair.offer("tvaton", fair.terms(planned))
    with pytest.raises(Refused) as refused:
        fair.accept("mira", offered)
    assert codes(refused) == {"law.commission"}
    countered = fair.counter("mira", offered, split=Split(Fraction(20), {}))
    assert fair.accept("mira", countered).notes
    assert fair.countersign("tvaton", countered).state is State.BOUND


# --- other brands -------------------------------------------------------------------------------------------------


def sold(terms, **changes):
    """The terms with exclusivity for as long as they run."""
    what = Exclusivity("", EVERYWHERE, EVERYWHERE, EVERYWHERE, terms.starts, terms.ends)
    return replace(terms, exclusive=replace(what, **changes))


def test_she_opens_a_booking_of_her_own_with_a_competitor(fair):
    fair.consent(fair.campaign())
    fair.agree("tvaton", fair.terms())
    hers = fair.offer("mira", fair.terms(fair.campaign(brand=ZANDRA)))
    assert hers.waits_for == ("zandra",)
    fair.countersign("zandra", hers)
    assert isinstance(fair.gate(fair.accept("mira", hers)), Allow)


def test_exclusivity_is_found_when_somebody_offers(fair, office):
    fair.consent(fair.campaign())
    bound = fair.agree("tvaton", sold(fair.terms(), category="fast fashion"))
    digest = Paper.of(bound.negotiation.terms).digest
    terms = fair.terms(fair.campaign(brand=ZANDRA), max_images=10)
    fair.mandate()
    said = {}
    for who in ("zandra", "mira", "nordlight"):
        with pytest.raises(SignatureRefused, match=r"offer\.conflict") as refused:
            fair.offer(who, terms)
        said[who] = refused.value.diagnosis
    assert said["zandra"] == "the talent isn't free for this scope"
    assert digest[:16] in said["mira"]
    assert digest[:16] in said["nordlight"]
    assert digest not in said["mira"]
    assert "tvaton" not in " ".join(said.values()).lower()
    assert negotiate.bookings(office, Party("zandra", Role.BRAND, "")) == []
    beside = fair.campaign(brand=ZANDRA, category="jewellery")
    assert fair.offer("zandra", fair.terms(beside)).state is State.OPEN


def test_exclusivity_that_came_in_between_is_found_when_she_accepts(fair):
    fair.consent(fair.campaign())
    waiting = fair.offer("zandra", fair.terms(fair.campaign(brand=ZANDRA)))
    bound = fair.agree("tvaton", sold(fair.terms()))
    with pytest.raises(Refused) as refused:
        fair.accept("mira", waiting)
    assert codes(refused) == {"license.exclusivity"}
    assert Paper.of(bound.negotiation.terms).digest[:16] in refused.value.diagnosis
    assert "tvaton" not in refused.value.diagnosis.lower()


def test_exclusivity_that_came_in_between_is_found_when_a_brand_countersigns(fair):
    fair.consent(fair.campaign())
    waiting = fair.offer("zandra", fair.terms(fair.campaign(brand=ZANDRA)))
    fair.accept("mira", waiting)
    fair.agree("tvaton", sold(fair.terms()))
    with pytest.raises(Refused) as refused:
        fair.countersign("zandra", waiting)
    assert [(why.code, why.diagnosis) for why in refused.value.reasons] == [
        ("offer.conflict", "the talent isn't free for this scope")
    ]


def test_at_one_moment_the_second_of_two_is_refused_whatever_their_digests(fair):
    """The clock of these tests stands still: nothing may depend on which license has the lower digest."""
    fair.consent(fair.campaign())
    for first, second in (("tvaton", "zandra"), ("zandra", "tvaton")):
        offers = {}
        for brand in (first, second):
            planned = fair.campaign(brand=Party(brand, Role.BRAND, brand.title()), category=f"{first} first")
            terms = fair.terms(planned)
            offers[brand] = fair.offer(brand, sold(terms, category=terms.category))
            fair.accept("mira", offers[brand])
        fair.countersign(first, offers[first])
        with pytest.raises(Refused, match=r"offer\.conflict"):
            fair.countersign(second, offers[second])
        assert isinstance(fair.gate(offers[first]), Allow)


def race(folder, brand, booking, start, answers):
    """One brand's own process: countersign as soon as the starter says so."""
    with testing.open_fake_office(folder) as office:
        people = testing.People(folder / "keys-of-people")
        license = Paper.of(negotiate.show(office, booking).negotiation.terms)
        start.wait(60)
        for _ in range(20):
            try:
                state = negotiate.countersign(office, booking, people.key(brand).sign(license.message)).state.value
                break
            except StateError as error:
                if error.code != "home.busy":
                    raise
            except Refused as error:
                state = error.code
                break
    answers.put((brand, state))


def test_of_two_exclusive_licenses_at_the_same_moment_exactly_one_binds(tmp_path, people):
    photos = testing.photographs(tmp_path / "photos")
    with testing.open_fake_office(tmp_path) as office:
        fair = Fair(office, people, photos)
        fair.consent(fair.campaign())
        offers = {}
        for brand in ("tvaton", "zandra"):
            planned = fair.campaign(brand=Party(brand, Role.BRAND, brand.title()))
            offers[brand] = fair.offer(brand, sold(fair.terms(planned)))
            fair.accept("mira", offers[brand])
    spawn = multiprocessing.get_context("spawn")
    start, answers = spawn.Barrier(2), spawn.Queue()
    both = [spawn.Process(target=race, args=(tmp_path, b, o.booking, start, answers)) for b, o in offers.items()]
    for process in both:
        process.start()
    told = dict(answers.get(timeout=120) for _ in both)
    for process in both:
        process.join(60)
    assert sorted(told.values()) == ["bound", "offer.conflict"]
    with testing.open_fake_office(tmp_path) as office:
        states = {brand: negotiate.show(office, offer.booking).state for brand, offer in offers.items()}
    assert {brand for brand, state in states.items() if state is State.BOUND} == {
        brand for brand, state in told.items() if state == "bound"
    }


# --- who sees what ------------------------------------------------------------------------------------------------


def test_a_party_sees_its_own_bookings_and_no_other(fair, office, people):
    fair.consent(fair.campaign())
    own = fair.offer("tvaton", fair.terms())
    other = fair.offer("zandra", fair.terms(fair.campaign(brand=ZANDRA)))
    people.introduce(office, "eve", Role.TALENT)

    def seen(party, role):
        return {standing.booking for standing in negotiate.bookings(office, Party(party, role, ""))}

    assert seen("tvaton", Role.BRAND) == {own.booking}
    assert seen("zandra", Role.BRAND) == {other.booking}
    assert seen("mira", Role.TALENT) == seen("nordlight", Role.AGENCY) == {own.booking, other.booking}
    assert seen("eve", Role.TALENT) == seen("mira", Role.BRAND) == set()  # a brand that took her name for its own
    assert len(negotiate.bookings(office)) == 2


def test_to_another_brand_a_booking_is_not_there(fair, office):
    fair.consent(fair.campaign())
    own = fair.offer("tvaton", fair.terms())
    nowhere = "mira-ffffffffff"
    zandra = Party("zandra", Role.BRAND, "")
    license = Paper.of(own.negotiation.terms)
    bytes_signed = fair.people.key("zandra").sign(license.message)
    said = []
    for act in (
        lambda booking: negotiate.show(office, booking, zandra),
        lambda booking: fair.move("zandra", Move.DECLINE, booking),
        lambda booking: negotiate.countersign(office, booking, bytes_signed),
        lambda booking: negotiate.accept(office, booking, bytes_signed),
    ):
        for booking in (own.booking, nowhere):
            with pytest.raises(SignatureRefused) as refused:
                act(booking)
            said.append((refused.value.code, refused.value.diagnosis.replace(booking, "…"), refused.value.remedy))
    assert len(set(said)) == 1


def seen_by_brand(office, standing):
    """All that a brand can get out of a booking of its own, without what names whose it is."""
    data = {
        "state": standing.state,
        "waits_for": standing.waits_for,
        "notes": standing.notes,
        "signed": [standing.negotiation.signed(role) for role in (Role.TALENT, Role.BRAND)],
        "moves": [(p.terms.move, p.terms.by) for p in standing.negotiation.papers],
        "listed": [
            one.state
            for one in negotiate.bookings(office, Party("tvaton", Role.BRAND, ""))
            if one.booking == standing.booking
        ],
    }
    return json.loads(json.dumps(data, default=str).replace(standing.negotiation.terms.talent.id, "her"))


def test_a_brand_cannot_tell_who_refuses_to_have_a_twin(fair, office, people):
    """Mira consented, Eve has a key and signed nothing, and nobody here has heard of Nova. None of them answers."""
    fair.consent(fair.campaign())
    people.introduce(office, "eve", Role.TALENT)
    offers = {}
    for name in ("mira", "eve", "nova"):
        terms = replace(fair.terms(), talent=Person(name, name.title()))
        offers[name] = fair.offer("tvaton", terms)
    assert offers["mira"].state is State.OPEN

    def told():
        now = {
            name: negotiate.show(office, offer.booking, Party("tvaton", Role.BRAND, ""))
            for name, offer in offers.items()
        }
        return [seen_by_brand(office, standing) for standing in now.values()]

    assert told()[0] == told()[1] == told()[2]
    for name in offers:  # signing in advance tells nothing either
        fair.countersign("tvaton", offers[name])
    assert told()[0] == told()[1] == told()[2]
    office.clock.pass_days(14)
    assert told()[0] == told()[1] == told()[2]
    assert told()[0]["state"] == "expired"


def test_terms_outside_her_consent_are_her_secret_until_she_answers(fair):
    fair.consent(fair.campaign(parts=(Part.CAPTURE, Part.TEMPLATE)))
    cheap = fair.offer("tvaton", fair.terms(fee=EUR("1 EUR"), channels=frozenset({"outdoor"})))
    assert fair.countersign("tvaton", cheap).state is State.OPEN
    with pytest.raises(Refused) as refused:
        fair.accept("mira", cheap)
    assert {"consent.fee_floor", "consent.channel"} <= codes(refused)


def test_a_brand_that_countersigns_learns_nothing_of_a_withdrawn_consent(fair):
    consent = fair.consent(fair.campaign())
    offered = fair.offer("tvaton", fair.terms())
    fair.accept("mira", offered)
    word = Paper.of(revoke.revocation(fair.office, "mira", (consent.digest,)))
    revoke.revoke(fair.office, word.document, fair.people.key("mira").sign(word.message))
    with pytest.raises(Refused) as refused:
        fair.countersign("tvaton", offered)
    assert codes(refused) == {"offer.conflict"}


# --- after her death ----------------------------------------------------------------------------------------------


def test_her_estate_negotiates_where_her_consent_names_it(fair, office):
    planned = fair.campaign(post_mortem=PostMortem.ESTATE, estate="holm-estate")
    fair.consent(planned)
    fair.introduce("holm-estate", Role.ESTATE)
    fair.introduce("cousin", Role.ESTATE)
    offered = fair.offer("tvaton", fair.terms(planned))
    with pytest.raises(SignatureRefused, match=r"offer\.unknown"):
        fair.counter("holm-estate", offered, estate="holm-estate")
    with office.unit() as unit:
        unit.parties.die("mira", date(2026, 6, 1))
    with pytest.raises(SignatureRefused, match=r"talent\.deceased"):
        fair.counter("mira", offered, fee=EUR("1 EUR"))
    with pytest.raises(SignatureRefused, match=r"talent\.deceased"):
        fair.counter("nordlight", offered, max_images=10)
    with pytest.raises(SignatureRefused, match=r"offer\.unknown"):
        fair.counter("cousin", offered, estate="cousin")
    with pytest.raises(SignatureRefused, match=r"license\.estate"):
        fair.offer("cousin", fair.terms(planned, estate="cousin"))
    countered = fair.counter("holm-estate", offered, estate="holm-estate")
    with pytest.raises(SignatureRefused, match=r"signature\.role"):
        fair.accept("mira", countered)
    fair.accept("holm-estate", countered)
    assert isinstance(fair.gate(fair.countersign("tvaton", countered)), Allow)


# --- quotes -------------------------------------------------------------------------------------------------------


def test_a_quote_shows_the_fee_beside_her_day_rate_and_where_each_cent_goes(photos):
    split = Split(Fraction(20), {"Ida Berg (hair)": Fraction(1, 3)})
    planned = testing.campaign(photos, day_rate=EUR("1800 EUR"), split=split)
    cast, day = planned.talents[0], testing.NOON.date()
    consent = planned.consent.consent(cast, day)
    made = negotiate.quote(load(), consent, planned.license.license(cast, Paper.of(consent).digest, day), 3, day)
    assert made.percent_of_day_rate == 25
    assert str(made.total) == "1350.00 EUR"
    assert sum(amount.minor for amount in made.shares.values()) == 45000
    assert str(made.shares["crew:Ida Berg (hair)"]) == "1.50 EUR"
    assert not [found for found in made.findings if found.severity is Severity.ERROR]
    assert "300" not in str(made.shares) + str([found.reason for found in made.findings])
    other = negotiate.quote(load(), replace(consent, day_rate=EUR("18000 SEK")), made.terms, 3, day)
    assert other.percent_of_day_rate is None


def test_a_quote_says_what_the_law_will_refuse(photos):
    planned = testing.campaign(photos, **{**NEW_YORK, "split": Split(Fraction(30), {})})
    cast, day = planned.talents[0], testing.NOON.date()
    consent = planned.consent.consent(cast, day)
    made = negotiate.quote(load(), consent, planned.license.license(cast, "1" * 64, day), 1, day)
    assert "law.commission" in {f.reason.code for f in made.findings if f.severity is Severity.ERROR}


def test_terms_of_somebody_the_campaign_does_not_have(fair):
    with pytest.raises(Exception, match=r"talent\.unknown"):
        negotiate.campaign_terms(fair.office, fair.campaign(), "eve")


def test_an_end_of_a_hundred_days_is_refused(fair):
    with pytest.raises(SignatureRefused, match=r"offer\.window"):
        fair.offer("tvaton", fair.terms(), days=100)
