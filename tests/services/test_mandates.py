"""What a talent lets her agency do, and what becomes of it when she takes that back."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from twinbook import testing
from twinbook.domain.consent import Person
from twinbook.domain.errors import InputError, SignatureRefused
from twinbook.domain.gate import Allow, Deny, Request, decide
from twinbook.domain.mandate import GRANTABLE, Mandate
from twinbook.domain.money import Money
from twinbook.domain.paper import Paper
from twinbook.domain.party import Role
from twinbook.domain.permit import Act
from twinbook.domain.work import Stage
from twinbook.services import filing, mandates, permit, revoke, run, sign

HOUR = timedelta(hours=1)


@pytest.fixture
def keys(office, people):
    roles = {"mira": Role.TALENT, "nordlight": Role.AGENCY, "tvaton": Role.BRAND}
    return {name: people.introduce(office, name, role) for name, role in roles.items()}


def terms(**changes):
    scope = {
        "talent": Person("mira", "Mira Holm"),
        "agency": Person("nordlight", "Nordlight"),
        "acts": frozenset({"accept", "propose"}),
        "brands": frozenset({"tvaton"}),
        "categories": frozenset(),
        "channels": frozenset({"instagram", "web"}),
        "territories": frozenset({"SE"}),
        "min_fee": Money.parse("400 EUR"),
        "max_term_days": 90,
        "max_images": 20,
        "starts": date(2026, 6, 1),
        "until": date(2026, 12, 31),
    }
    return Mandate(**{**scope, **changes})


def signs(office, paper, key):
    return sign.sign(office, paper.document, key.sign(paper.message))


@pytest.fixture
def mandate(office, keys):
    return signs(office, mandates.draw_mandate(office, terms()), keys["mira"])


def planned(photos, mandate, **changes):
    return testing.campaign(photos, license_mandate=mandate.digest, license_max_images=10, **changes)


@pytest.fixture
def accepted(office, keys, mandate, photos):
    """Mira's consent, and a license that her agency accepted for her."""
    campaign = planned(photos, mandate)
    consent, license = sign.draw_papers(office, campaign)["mira"]
    signs(office, consent, keys["mira"])
    signs(office, license, keys["nordlight"])
    signs(office, license, keys["tvaton"])
    return campaign


def withdraw(office, keys, mandate):
    asked = Paper.of(revoke.revocation(office, "mira", (mandate.digest,)))
    return revoke.revoke(office, asked.document, keys["mira"].sign(asked.message))


def answer(office, license):
    request = Request(
        Act.RENDER, "mira", "a-shot", "tvaton", ("instagram",), ("SE",), ("fast fashion",), (), license.terms.fee
    )
    with office.unit() as unit:
        on_file = permit.dossier(unit, "mira", unit.papers.get(license.digest), office.clock.now())
    return decide(request, on_file, office.law, office.verify, office.clock.now())


def test_her_agency_accepts_within_what_she_signed(office, accepted, tmp_path):
    assert run.run(office, accepted, tmp_path).works[0].stage is Stage.RELEASED


def test_what_was_accepted_while_it_lived_binds_her_as_if_she_had_signed(
    office, accepted, keys, mandate, clock, tmp_path
):
    clock.at += HOUR
    assert withdraw(office, keys, mandate) == ()
    assert mandates.live_mandates(office, "mira") == []
    assert run.run(office, accepted, tmp_path).works[0].stage is Stage.RELEASED


def test_the_next_acceptance_is_refused(office, accepted, keys, mandate, photos, clock):
    clock.at += HOUR
    withdraw(office, keys, mandate)
    clock.at += HOUR
    license = sign.draw_papers(office, planned(photos, mandate, term_days=30))["mira"][1]
    with pytest.raises(SignatureRefused, match=r"mandate\.revoked"):
        signs(office, license, keys["nordlight"])
    # Filed all the same, by somebody with the database in hand: the gate says no.
    with office.unit() as unit:
        for name in ("nordlight", "tvaton"):
            unit.papers.sign(license.digest, keys[name].sign(license.message), clock.at)
    no = answer(office, license)
    assert isinstance(no, Deny)
    assert {why.code for why in no.reasons} == {"mandate.revoked"}


@pytest.mark.parametrize(("after", "allowed"), [(-HOUR, False), (timedelta(0), False), (timedelta.resolution, True)])
def test_it_must_live_until_both_sides_are_bound(office, keys, mandate, photos, clock, after, allowed):
    """The agency accepts, Mira withdraws its mandate, the brand signs: whichever of the last two comes first."""
    consent, license = sign.draw_papers(office, planned(photos, mandate))["mira"]
    signs(office, consent, keys["mira"])
    clock.pass_days(1)
    signs(office, license, keys["nordlight"])
    bound = clock.at + 2 * HOUR
    with office.unit() as unit:
        unit.papers.sign(license.digest, keys["tvaton"].sign(license.message), bound)
        unit.papers.revoke(mandate.digest, "her-revocation", bound + after)
    clock.pass_days(1)
    assert isinstance(answer(office, license), Allow) is allowed


def test_what_she_signs_afterwards_makes_nothing_good(office, keys, photos, clock):
    drawn = mandates.draw_mandate(office, terms())
    consent, license = sign.draw_papers(office, planned(photos, drawn))["mira"]
    signs(office, consent, keys["mira"])
    with pytest.raises(SignatureRefused, match=r"signature\.missing"):
        signs(office, license, keys["nordlight"])
    with office.unit() as unit:
        for name in ("nordlight", "tvaton"):
            unit.papers.sign(license.digest, keys[name].sign(license.message), clock.at)
    clock.at += HOUR
    signs(office, drawn, keys["mira"])
    assert {why.code for why in answer(office, license).reasons} == {"mandate.missing"}


@pytest.mark.parametrize(
    "changes",
    [
        {"fee": Money.parse("399 EUR")},
        {"term_days": 91},
        {"license_max_images": 21},
        {"license_channels": ("tiktok",)},
        {"category": "tobacco", "categories": {"fast fashion"}},
        {"license_trains_models": True},
    ],
    ids=str,
)
def test_an_agency_signs_nothing_beyond_it(office, keys, photos, changes):
    """Not only does no picture come of it: such a license isn't even signed, and so keeps no other brand out."""
    changes = dict(changes)
    scope = terms(categories=frozenset(changes.pop("categories", ())))
    mandate = signs(office, mandates.draw_mandate(office, scope), keys["mira"])
    campaign = testing.campaign(photos, **{"license_mandate": mandate.digest, "license_max_images": 10, **changes})
    license = sign.draw_papers(office, campaign)["mira"][1]
    with pytest.raises(SignatureRefused, match=r"mandate\."):
        signs(office, license, keys["nordlight"])


def test_a_mandate_takes_her_own_key(office, keys):
    drawn = mandates.draw_mandate(office, terms())
    for thief in ("nordlight", "tvaton"):
        with pytest.raises(SignatureRefused, match=r"signature\.role"):
            signs(office, drawn, keys[thief])
    assert mandates.live_mandates(office, "mira") == []


def test_what_is_hers_alone_cant_be_handed_over(office, keys):
    for act in ("consent", "approve", "words", "revoke", "erase", "payee", "keys"):
        with pytest.raises(InputError, match=r"mandate\.reserved"):
            mandates.draw_mandate(office, terms(acts=GRANTABLE | {act}))
    with office.unit() as unit:  # filed by somebody with the database in hand
        filed = filing.file_paper(office, unit, Paper.of(terms(acts=frozenset({"payee"}))), "mira")
    with pytest.raises(SignatureRefused, match=r"mandate\.reserved"):
        signs(office, filed, keys["mira"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"acts": frozenset()}, "mandate.scope"),
        ({"until": date(2026, 5, 31)}, "mandate.scope"),
        ({"starts": date(2027, 1, 1)}, "mandate.scope"),
        ({"agency": Person("nobody", "Nobody")}, "party.unknown"),
    ],
    ids=str,
)
def test_a_mandate_that_could_never_be_used_isnt_drawn_up(office, keys, changes, code):
    with pytest.raises(InputError) as no:
        mandates.draw_mandate(office, terms(**changes))
    assert no.value.code == code


def test_the_list_shows_what_lives(office, keys, mandate, clock):
    later = terms(starts=date(2027, 1, 1), until=date(2027, 3, 31))
    second = signs(office, mandates.draw_mandate(office, later), keys["mira"])
    mandates.draw_mandate(office, replace(later, max_images=5))  # unsigned
    assert [paper.digest for paper in mandates.live_mandates(office, "mira")] == [mandate.digest, second.digest]
    clock.at = clock.at.replace(year=2027, month=1, day=1)
    assert [paper.digest for paper in mandates.live_mandates(office, "mira")] == [second.digest]
    withdraw(office, keys, second)
    assert mandates.live_mandates(office, "mira") == []
