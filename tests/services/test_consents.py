"""One consent after another: signed anew when it has got old, replaced by other terms, or beside one for another brand."""

from dataclasses import replace
from datetime import timedelta

import pytest
from PIL import Image

from twinbook import testing
from twinbook.domain.campaign import undated
from twinbook.domain.consent import Approval
from twinbook.domain.errors import AwaitingSignature, InputError, SignatureRefused
from twinbook.domain.notice import About
from twinbook.domain.paper import Paper
from twinbook.domain.party import PaperKind, Party, Role
from twinbook.domain.work import Stage
from twinbook.services import exchange, notify, revoke, run, sign

GREEN = testing.a_shot("green", to="#00aa00")


def signs(office, people, paper, who="mira"):
    return sign.sign(office, paper.document, people.key(who).sign(paper.message))


def outcome(office, planned, folder):
    (work,) = run.run(office, planned, folder).works
    return work.stage, {why.code for why in work.reasons}


def with_shot(planned, photos, shot=GREEN):
    return replace(planned, shots=testing.campaign(photos, [shot]).shots)


def withdraw(office, people, *targets):
    asked = Paper.of(revoke.revocation(office, "mira", targets))
    revoke.revoke(office, asked.document, people.key("mira").sign(asked.message))


# --- signed anew


@pytest.fixture
def yearly(office, people, photos, tmp_path):
    """A campaign whose consent she wants to be asked for again every thirty days, with one picture released."""
    planned = testing.campaign(photos, reconsent_days=30, term_days=300)
    people.sign_all(office, planned)
    assert outcome(office, planned, tmp_path) == (Stage.RELEASED, set())
    return planned


def test_a_consent_that_has_got_old_is_drawn_up_again_and_signed_anew(office, people, yearly, photos, clock, tmp_path):
    old, old_license = sign.draw_papers(office, yearly)["mira"]
    clock.pass_days(29)
    assert sign.draw_papers(office, yearly)["mira"] == (old, old_license)
    clock.pass_days(1)
    more = with_shot(yearly, photos)
    with pytest.raises(AwaitingSignature):
        run.run(office, more, tmp_path)
    new, license = sign.draw_papers(office, more)["mira"]
    assert (new.terms.starts, license.terms.consent) == (clock.now().date(), new.digest)
    people.sign_all(office, more)
    assert outcome(office, more, tmp_path) == (Stage.REFUSED, {"twin.stale"})
    Image.new("RGB", (96, 128), (181, 141, 120)).save(photos / "a-month-later.png")
    assert outcome(office, more, tmp_path) == (Stage.RELEASED, set())
    with office.unit() as unit:
        assert unit.papers.get(old.digest).revoked_at is None, "what was issued under it keeps its license"
        assert unit.papers.get(old_license.digest).revoked_at is None
    assert notify.notices(office) == ()


def test_every_time_it_has_got_old(office, people, yearly, clock):
    digests = set()
    for _ in range(4):
        consent = sign.draw_papers(office, yearly)["mira"][0]
        assert sign.draw_papers(office, yearly)["mira"][0].digest == consent.digest
        digests.add(consent.digest)
        people.sign_all(office, yearly)
        clock.pass_days(35)
    assert len(digests) == 4


def test_an_old_consent_that_she_took_back_is_not_asked_for_again(office, people, yearly, clock):
    consent = sign.draw_papers(office, yearly)["mira"][0]
    withdraw(office, people, consent.digest)
    clock.pass_days(40)
    found = sign.draw_papers(office, yearly)["mira"][0]
    assert found.digest == consent.digest
    assert found.revoked_at is not None


# --- replaced


@pytest.fixture
def signed(office, people, photos, tmp_path):
    """A campaign with a picture released, another waiting for her approval, and the papers of it."""
    planned = testing.campaign(photos, approval=Approval.IMAGE)
    people.sign_all(office, planned)
    run.run(office, planned, tmp_path)
    return planned, sign.draw_papers(office, planned)["mira"]


def stricter(planned, photos, before, **changes):
    made = testing.campaign(photos, replaces=before[:16], **{"never": ("fur", "tobacco", "politics"), **changes})
    return replace(made, title=planned.title)


def test_a_consent_ends_the_one_that_it_replaces(office, people, signed, photos, clock, tmp_path):
    planned, (before, license) = signed
    clock.pass_days(3)
    other = stricter(planned, photos, before.digest)
    consent = sign.draw_papers(office, other)["mira"][0]
    assert consent.terms.replaces == before.digest
    with office.unit() as unit:
        assert unit.papers.get(before.digest).revoked_at is None, "it takes her signature"
        (flying,) = unit.works.of_campaign(planned.id)
    assert flying.stage is Stage.JUDGED
    signs(office, people, consent)
    with office.unit() as unit:
        assert unit.papers.get(before.digest).revoked_at == clock.now()
        assert unit.works.get(flying.id).stage is Stage.REFUSED
        assert not unit.books.open_holds(flying.id)
    (told,) = [outgoing.notice for outgoing in notify.notices(office)]
    assert (told.to, told.license, told.about) == ("tvaton", license.digest, About.CONSENT)
    assert outcome(office, planned, tmp_path)[1] >= {"consent.revoked"}
    people.sign_all(office, other)
    assert outcome(office, other, tmp_path) == (Stage.RELEASED, set())
    assert sign.draw_papers(office, other)["mira"][0].digest == consent.digest
    signs(office, people, consent)  # the same signature once more changes nothing
    assert len(notify.notices(office)) == 1


def test_only_a_live_consent_is_replaced(office, people, signed, photos):
    planned, (before, _license) = signed
    consent = sign.draw_papers(office, stricter(planned, photos, before.digest))["mira"][0]
    withdraw(office, people, before.digest)
    with pytest.raises(SignatureRefused, match=r"consent\.replaces"):
        signs(office, people, consent)


@pytest.mark.parametrize("what", ["license", "unsigned", "nothing", "another talent's"])
def test_only_a_consent_of_hers_is_replaced(office, people, signed, photos, what):
    planned, (before, license) = signed
    eve = testing.campaign(photos)
    eve = replace(eve, title="eve", talents=(replace(eve.talents[0], party=Party("eve", Role.TALENT, "Eve")),))
    eve = replace(eve, talents=(replace(eve.talents[0], party=replace(planned.talents[0].party, id="eve")),))
    people.sign_all(office, eve)
    targets = {
        "license": license.digest,
        "unsigned": exchange.file_draft(office, replace(before.terms, purpose="another one")).digest,
        "nothing": "0" * 64,
        "another talent's": sign.draw_papers(office, eve)["eve"][0].digest,
    }
    bad = exchange.file_draft(office, replace(before.terms, replaces=targets[what]))
    with pytest.raises(SignatureRefused, match=r"consent\.replaces"):
        signs(office, people, bad)
    for who in ("tvaton", "eve"):
        with pytest.raises(SignatureRefused, match=r"signature\.role"):
            signs(office, people, exchange.file_draft(office, replace(before.terms, replaces=before.digest)), who)
    with office.unit() as unit:
        assert all(unit.papers.get(digest).revoked_at is None for digest in (before.digest, license.digest))


def test_a_campaign_that_replaces_what_is_not_there_is_told(office, photos):
    with pytest.raises(InputError, match=r"consent\.replaces"):
        sign.draw_papers(office, testing.campaign(photos, replaces="0123456789ab"))


# --- side by side


def test_two_brands_have_each_a_consent_of_hers(office, people, photos, tmp_path):
    for name in ("tvaton", "zandra"):
        planned = testing.campaign(photos, [testing.a_shot(name)], brand=Party(name, Role.BRAND, name), purpose=name)
        planned = replace(planned, title=name)
        people.sign_all(office, planned)
        assert outcome(office, planned, tmp_path) == (Stage.RELEASED, set())
    with office.unit() as unit:
        consents = unit.papers.of("mira", PaperKind.CONSENT)
    assert len({undated(paper.document) for paper in consents}) == 2
    assert all(paper.revoked_at is None for paper in consents)


# --- who is who


def test_a_campaign_gives_nobody_with_a_key_another_name_or_birthday(office, people, photos):
    people.sign_all(office, testing.campaign(photos))
    younger = testing.campaign(photos, born=testing.NOON.date() - timedelta(days=7000))
    with pytest.raises(InputError, match=r"party\.born"):
        sign.draw_papers(office, younger)
    renamed = testing.campaign(photos)
    cast = renamed.talents[0]
    sign.draw_papers(office, replace(renamed, talents=(replace(cast, party=replace(cast.party, name="Someone")),)))
    with office.unit() as unit:
        known = unit.parties.get("mira")
    assert (known.name, known.born) == (cast.party.name, cast.party.born)


def test_a_brand_and_an_agency_have_two_ids(office, photos):
    with pytest.raises(InputError, match=r"party\.role"):
        sign.draw_papers(office, testing.campaign(photos, brand=Party("nordlight", Role.BRAND, "Nordlight")))
