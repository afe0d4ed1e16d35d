"""Take the permit away, one way at a time, through `run`: each is refused with its own reason, no file appears and
the journal balances."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from twinbook import testing
from twinbook.domain import ledger
from twinbook.domain.errors import AwaitingSignature, InputError, SignatureRefused
from twinbook.domain.money import Money
from twinbook.domain.paper import Paper
from twinbook.domain.party import Role
from twinbook.domain.work import Stage
from twinbook.services import erase as erasing
from twinbook.services import report, revoke, run, sign


def nothing_left_the_house(office, tmp_path):
    assert not list((tmp_path / "home").rglob("outbox/**/*.jpg"))
    assert not list((tmp_path / "out").rglob("*.jpg"))
    with office.unit() as unit:
        totals = ledger.balances(unit.books.transactions())
    assert set(totals.values()) <= {0}


def codes(work):
    return {why.code for why in work.reasons}


def play(office, planned, tmp_path):
    outcome = run.run(office, planned, tmp_path)
    report.write_papers(office, planned, outcome, tmp_path / "out", tmp_path)
    return outcome.works[-1]


def test_without_a_consent_nothing_starts(office, photos, tmp_path):
    with pytest.raises(AwaitingSignature) as waiting:
        play(office, testing.campaign(photos), tmp_path)
    assert waiting.value.code == "awaiting.signature"
    assert {(paper.kind.name, role.value) for paper, role, _ in waiting.value.waiting} == {
        ("CONSENT", "talent"),
        ("LICENSE", "talent"),
        ("LICENSE", "brand"),
    }
    nothing_left_the_house(office, tmp_path)


@pytest.mark.parametrize(
    ("party", "role"), [("nordlight", Role.AGENCY), ("tvaton", Role.BRAND), ("eve", Role.TALENT), ("op", Role.OPERATOR)]
)
def test_nobody_else_can_sign_her_consent(office, people, photos, tmp_path, party, role):
    planned = testing.campaign(photos)
    papers = sign.draw_papers(office, planned)
    key = people.introduce(office, party, role)
    consent = papers["mira"][0]
    with pytest.raises(SignatureRefused) as refused:
        sign.sign(office, consent.document, key.sign(consent.message))
    assert refused.value.code == "signature.role"
    with pytest.raises(AwaitingSignature):
        play(office, planned, tmp_path)
    nothing_left_the_house(office, tmp_path)


def test_a_key_that_nobody_registered_signs_nothing(office, people, photos):
    consent = sign.draw_papers(office, testing.campaign(photos))["mira"][0]
    with pytest.raises(SignatureRefused, match=r"signature\.unknown_key"):
        sign.sign(office, consent.document, people.key("stranger").sign(consent.message))


def test_her_signature_on_another_paper_does_not_count(office, people, photos):
    consent, license = sign.draw_papers(office, testing.campaign(photos))["mira"]
    hers = people.introduce(office, "mira", Role.TALENT)
    with pytest.raises(SignatureRefused, match=r"signature\.invalid"):
        sign.sign(office, consent.document, hers.sign(license.message))


def test_an_agency_cannot_register_its_key_as_hers(office, people):
    agency = people.introduce(office, "nordlight", Role.AGENCY)
    with pytest.raises(SignatureRefused, match=r"signature\.key_taken"):
        sign.register_key(office, agency.registered("mira", Role.TALENT), "Mira Holm")
    people.introduce(office, "mira", Role.TALENT)
    with pytest.raises(SignatureRefused, match=r"signature\.key_taken"):
        sign.register_key(office, people.key("second").registered("mira", Role.TALENT), "Mira Holm")


def test_a_brand_gets_no_key_as_a_talent_of_its_own_name(office, people):
    people.introduce(office, "tvaton", Role.BRAND)
    with pytest.raises(InputError, match=r"party\.role"):
        sign.register_key(office, people.key("second").registered("tvaton", Role.TALENT), "Tvaton")


CASES = {
    "a channel outside the license": ({"channels": ("web",)}, {}, 0, "license.channel"),
    "a channel outside her consent": ({"consent_channels": ("web",)}, {}, 0, "consent.channel"),
    "a territory outside her consent": (
        {"territories": ("FR",), "consent_territories": ("SE",)},
        {},
        0,
        "consent.territory",
    ),
    "a context she never allows": ({}, {"contexts": ("fur",)}, 0, "consent.never"),
    "a category she never allows": ({"category": "tobacco"}, {}, 0, "consent.never"),
    "a fee under her minimum": ({"fee": Money.parse("299.99 EUR")}, {}, 0, "consent.fee_floor"),
    "an expired license": ({}, {}, 100, "license.expired"),
    "an expired consent": ({"until": date(2026, 6, 10)}, {}, 20, "consent.expired"),
    "a talent under 18": ({"born": date(2010, 1, 1)}, {}, 0, "talent.minor"),
    "an engine that isn't there": ({}, {"engine": "nonesuch"}, 0, "engine.unknown"),
    "a plate that isn't there": ({}, {"plate": "profile"}, 0, "engine.plate"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(office, people, photos, tmp_path, clock, case):
    terms, brief, days, code = CASES[case]
    planned = testing.campaign(photos, [testing.a_shot(**brief)], **terms)
    people.sign_all(office, planned)
    clock.pass_days(days)
    work = play(office, planned, tmp_path)
    assert work.stage is Stage.REFUSED
    assert code in codes(work)
    assert all(why.remedy for why in work.reasons)
    nothing_left_the_house(office, tmp_path)


def test_the_cap_counts_every_image_once(office, people, photos, tmp_path):
    shots = [testing.a_shot(f"shot-{i}", to=f"#00000{i}") for i in range(4)]
    planned = testing.campaign(photos, shots, max_images_per_month=2)
    people.sign_all(office, planned)
    works = run.run(office, planned, tmp_path).works
    assert [work.stage for work in works] == [Stage.RELEASED, Stage.RELEASED, Stage.REFUSED, Stage.REFUSED]
    assert codes(works[2]) == {"consent.cap"}


def test_next_month_a_capped_shot_goes_through(office, people, photos, tmp_path, clock):
    shots = [testing.a_shot(f"shot-{i}", to=f"#00000{i}") for i in range(2)]
    planned = testing.campaign(photos, shots, max_images_per_month=1)
    people.sign_all(office, planned)
    assert run.run(office, planned, tmp_path).works[1].stage is Stage.REFUSED
    clock.pass_days(30)
    assert [work.stage for work in run.run(office, planned, tmp_path).works] == [Stage.RELEASED] * 2


def test_what_she_revoked_is_refused_from_then_on(office, people, photos, tmp_path):
    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    document = revoke.revocation(office, "mira")
    revoke.revoke(office, document.document(), people.key("mira").sign(Paper.of(document).message))
    work = play(office, planned, tmp_path)
    assert "consent.revoked" in codes(work)
    nothing_left_the_house(office, tmp_path)


def test_neither_brand_nor_agency_can_revoke_or_erase_for_her(office, people, photos):
    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    agency = people.introduce(office, "nordlight", Role.AGENCY)
    for make, act in ((revoke.revocation, revoke.revoke), (erasing.erasure, erasing.erase)):
        document = make(office, "mira")
        with pytest.raises(SignatureRefused, match=r"signature\.role"):
            act(office, document.document(), agency.sign(Paper.of(document).message))


def paste_another_face(picture):
    """The middle of the picture, where the fake face is, in another colour."""
    height, width = picture.shape[:2]
    picture[height // 8 : height * 3 // 8, width * 3 // 8 : width * 5 // 8] = (20, 40, 200)
    return picture


def lighten(picture):
    return np.clip(picture.astype(int) + 21, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("spoil", "measure"), [(paste_another_face, "identity"), (lighten, "skin.delta_l")])
def test_what_is_not_her_is_quarantined(tmp_path, people, photos, spoil, measure):
    planned = testing.campaign(photos)
    with testing.open_fake_office(tmp_path, engine=testing.FakeEngine(spoil)) as office:
        people.sign_all(office, planned)
        work = play(office, planned, tmp_path)
        assert work.stage is Stage.QUARANTINED
        assert codes(work) == {"fidelity.quarantined"}
        assert any(measure in why.diagnosis for why in work.reasons)
        nothing_left_the_house(office, tmp_path)


def test_a_copy_that_the_reader_does_not_find_marked_is_not_released(tmp_path, people, photos):
    class Forgetful(testing.FakeSealer):
        def seal(self, rgb_srgb, marking, code=None):
            return super().seal(rgb_srgb, replace(marking, label="nothing"))

    planned = testing.campaign(photos)
    with testing.open_fake_office(tmp_path, sealer=Forgetful()) as office:
        people.sign_all(office, planned)
        with pytest.raises(Exception, match=r"seal\.readback"):
            play(office, planned, tmp_path)
        assert not list((tmp_path / "home").rglob("outbox/**/*.jpg"))
        with office.unit() as unit:
            assert unit.works.of_talent("mira")[0].stage is Stage.JUDGED
