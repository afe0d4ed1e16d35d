"""What was negotiated is what images are made under: `run` finds the license that binds, or takes the one it is told."""

from dataclasses import replace
from datetime import timedelta

import pytest
from test_negotiate import EUR, ZANDRA, Fair

from twinbook import testing
from twinbook.domain.campaign import Exclusive, Named, undated
from twinbook.domain.errors import AwaitingSignature, InputError, Refused
from twinbook.domain.paper import Paper
from twinbook.domain.work import Stage
from twinbook.services import agreed, revoke, run, sign


@pytest.fixture
def fair(office, people, photos):
    return Fair(office, people, photos)


def agency_books(fair, planned, **changes):
    """The brand offers, the agency accepts under her mandate, the brand countersigns: nobody else signs a license."""
    fair.consent(planned)
    mandate = fair.mandate()
    terms = fair.terms(planned, mandate=mandate.digest, **changes)
    standing = fair.offer("tvaton", terms)
    fair.accept("nordlight", standing)
    return fair.countersign("tvaton", standing)


def test_images_are_made_under_what_her_agency_accepted(fair, office, tmp_path):
    planned = fair.campaign(max_images=10)
    standing = agency_books(fair, planned)
    outcome = run.run(office, planned, tmp_path)
    (work,) = outcome.works
    assert work.stage is Stage.RELEASED, work.reasons
    assert work.licenses["mira"] == Paper.of(standing.negotiation.terms).digest


def test_another_first_day_is_the_same_license(fair, office, clock, tmp_path):
    planned = fair.campaign(max_images=10)
    later = office.clock.now().date() + timedelta(days=2)
    standing = agency_books(fair, planned, starts=later)
    outcome = run.run(office, planned, tmp_path)
    assert {why.code for work in outcome.works for why in work.reasons} >= {"license.not_started"}
    clock.pass_days(3)
    (work,) = run.run(office, planned, tmp_path).works
    assert work.stage is Stage.RELEASED, work.reasons
    assert work.licenses["mira"] == Paper.of(standing.negotiation.terms).digest


def test_another_fee_is_another_license(fair, office, tmp_path):
    agency_books(fair, fair.campaign(max_images=10))
    with pytest.raises(run.Unsigned):
        run.run(office, fair.campaign(max_images=10, fee=EUR("451 EUR")), tmp_path)


def test_what_half_the_table_signed_is_used_by_nobody(fair, office, tmp_path):
    planned = fair.campaign(max_images=10)
    fair.consent(planned)
    mandate = fair.mandate()
    standing = fair.offer("tvaton", fair.terms(planned, mandate=mandate.digest))
    fair.accept("nordlight", standing)
    with pytest.raises(run.Unsigned):
        run.run(office, planned, tmp_path)
    named = replace(planned, consent=None, license=None, named=(Named(booking=standing.booking),))
    with pytest.raises(AwaitingSignature, match="tvaton"):
        agreed.found(office, named)


def test_a_license_that_was_given_up_is_not_found_again(fair, office, people, clock, tmp_path):
    planned = fair.campaign(max_images=10)
    standing = agency_books(fair, planned)
    license = Paper.of(standing.negotiation.terms)
    asked = Paper.of(
        revoke.revocation(
            office, "mira", (license.digest,), grounds=revoke.Grounds.BREACH, statement="shown on a billboard"
        )
    )
    revoke.revoke(office, asked.document, people.key("mira").sign(asked.message))
    with pytest.raises(run.Unsigned):
        run.run(office, planned, tmp_path)


def test_a_second_license_on_the_same_terms_makes_nothing_twice(fair, office, clock, tmp_path):
    planned = fair.campaign(max_images=10)
    agency_books(fair, planned)
    (first,) = run.run(office, planned, tmp_path).works
    clock.pass_days(1)
    fair.agree("tvaton", fair.terms(planned, starts=office.clock.now().date()))
    (again,) = run.run(office, planned, tmp_path).works
    assert again.release == first.release


def named_by(planned, **names):
    return replace(planned, consent=None, license=None, named=(Named(**names),))


def test_a_campaign_names_its_booking_and_needs_no_other_terms(fair, office, tmp_path):
    planned = fair.campaign(max_images=10)
    standing = agency_books(fair, planned, fee=EUR("480 EUR"))
    digest = Paper.of(standing.negotiation.terms).digest
    for named in (named_by(planned, booking=standing.booking), named_by(planned, paper=digest[:8])):
        known = agreed.found(office, named)
        assert known.license.brand.id == "tvaton"
        consent, license = sign.draw_papers(office, known)["mira"]
        assert (license.digest, consent.digest) == (digest, license.terms.consent)
        (work,) = run.run(office, known, tmp_path).works
        assert work.stage is Stage.RELEASED, work.reasons


def test_the_gate_judges_what_was_named_as_ever(fair, office, clock, tmp_path):
    planned = fair.campaign(max_images=10, term_days=5)
    standing = agency_books(fair, planned)
    clock.pass_days(6)
    known = agreed.found(office, named_by(planned, booking=standing.booking))
    (work,) = run.run(office, known, tmp_path).works
    assert "license.expired" in {why.code for why in work.reasons}


def test_what_is_named_must_be_there_and_be_hers(fair, office):
    planned = fair.campaign(max_images=10)
    standing = agency_books(fair, planned)
    with pytest.raises(InputError, match=r"paper\.unknown"):
        agreed.found(office, named_by(planned, paper="0" * 12))
    with pytest.raises(InputError, match=r"offer\.unknown"):
        agreed.found(office, named_by(planned, booking="mira-0123456789"))
    with pytest.raises(Refused, match=r"license\.other"):
        agreed.found(office, named_by(planned, paper=standing.negotiation.terms.consent[:12]))
    other = fair.agree("zandra", fair.terms(fair.campaign(brand=ZANDRA)))
    both = replace(named_by(planned), named=(Named(booking=standing.booking), Named(booking=other.booking)))
    with pytest.raises(Refused, match=r"license\.other"):
        agreed.found(office, both)
    (mira,) = planned.talents
    sami = replace(mira, party=replace(mira.party, id="sami", name="Sami"))
    with pytest.raises(Refused, match="sami"):
        agreed.found(office, replace(named_by(planned, booking=standing.booking), talents=(mira, sami)))


def test_what_comes_of_it_is_written_down_as_ever(fair, office, tmp_path):
    from twinbook.services import report

    planned = fair.campaign(max_images=10)
    standing = agency_books(fair, planned)
    known = agreed.found(office, named_by(planned, booking=standing.booking))
    outcome = run.run(office, known, tmp_path)
    report.write_papers(office, known, outcome, tmp_path / "out", tmp_path)
    assert (tmp_path / "out" / "papers" / "license-mira.json").exists()


def test_a_picture_for_a_sister_brand_and_on_another_machine_takes_a_license_that_says_so(
    fair, office, people, tmp_path
):
    sister = testing.a_shot("for-home", brand="tvaton-home", vendor="Rendering house", words="I wear it daily.")
    shots = [testing.a_shot("own", to="#aa2222"), sister]
    for named in (frozenset(), frozenset({"tvaton-home"})):
        vendors = frozenset({"Rendering house"}) if named else frozenset()
        planned = testing.campaign(fair.photos, shots, sublicensees=named, vendors=vendors)
        people.sign_all(office, planned)
        own, other = run.run(office, replace(planned, title=f"with {len(named)}"), tmp_path).works
        assert own.stage is Stage.RELEASED, own.reasons
        codes = {why.code for why in other.reasons}
        assert codes == (set() if named else {"license.sublicense", "license.vendor"})


def test_shots_from_before_they_could_name_anybody_are_the_same_shots():
    plain = testing.a_shot("own")
    assert {"vendor", "brand"}.isdisjoint(plain.document())
    other = testing.a_shot("own", vendor="Rendering house", brand="tvaton-home")
    for shot in (plain, other):
        assert type(shot).from_document(shot.document()) == shot


def test_an_exclusive_window_of_its_own_is_a_term_and_the_licenses_own_is_not(fair, office):
    def undated_of(planned, day):
        (cast,) = planned.talents
        return undated(planned.license.license(cast, "c" * 64, day).document())

    day, later = office.clock.now().date(), office.clock.now().date() + timedelta(days=3)
    whole = fair.campaign(exclusive=Exclusive("fast fashion", frozenset(), frozenset(), frozenset()))
    assert undated_of(whole, day) == undated_of(whole, later)
    own = [
        fair.campaign(exclusive=Exclusive("fast fashion", frozenset(), frozenset(), frozenset(), None, ends))
        for ends in (later, later + timedelta(days=1))
    ]
    assert len({undated_of(whole, day), *(undated_of(planned, day) for planned in own)}) == 3
