"""Keys over time: what a party does when it gets a phone, loses one, or hires somebody."""

from dataclasses import replace
from datetime import timedelta

import pytest
from changing_keys import CHECK, change, drawn, entries, key_of, made, operators
from software_passkey import SoftwarePasskey

from twinbook import testing
from twinbook.domain.errors import SignatureRefused
from twinbook.domain.keyring import NEXT_MOMENT, WAITING_PERIOD, KeyGrounds
from twinbook.domain.paper import Paper
from twinbook.domain.party import Duty, Role
from twinbook.domain.work import Stage
from twinbook.keys import passkeys
from twinbook.services import keyring, run, sign

HOUR = timedelta(hours=1)
RP_ID, ORIGIN = "home.example", "https://home.example"


@pytest.fixture
def mira(office, people):
    return people.introduce(office, "mira", Role.TALENT)


@pytest.fixture
def nordlight(office, people):
    return people.introduce(office, "nordlight", Role.AGENCY)


def papers_of(office, photos, **terms):
    return sign.draw_papers(office, testing.campaign(photos, **terms))["mira"]


def signs(office, paper, key):
    return sign.sign(office, paper.document, key.sign(paper.message))


def test_a_second_key_signs_as_well_as_the_first(office, people, mira, photos):
    phone = people.key("phone")
    keys = change(office, KeyGrounds.ADDED, mira, new=phone)
    assert [key.id for key in keys] == [mira.id, phone.id]
    consent, license = papers_of(office, photos)
    assert not signs(office, consent, phone).unsigned_by(office.verify)
    assert Role.TALENT not in signs(office, license, mira).unsigned_by(office.verify)
    ((act, facts),) = entries(office)[1:]
    assert act == "key:added"
    assert facts.keys() == {"paper", "by", "new", "role"}
    with office.unit() as unit:
        assert not unit.papers.get(facts["paper"]).faults(office.verify)  # both signatures are kept


def test_a_rotated_key_ends_and_what_it_signed_stays_signed(office, people, mira, photos, clock, tmp_path):
    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    clock.at += HOUR
    phone = people.key("phone")
    change(office, KeyGrounds.ROTATED, mira, new=phone, retires=mira)
    clock.at += HOUR
    assert run.run(office, planned, tmp_path).works[0].stage is Stage.RELEASED
    other = papers_of(office, photos, purpose="another purpose")[0]
    with pytest.raises(SignatureRefused, match=r"signature\.key_retired"):
        signs(office, other, mira)
    assert not signs(office, other, phone).unsigned_by(office.verify)


def test_a_key_counts_until_the_very_moment_of_its_end(office, people, mira, photos, clock):
    """To rotate is the old key's last act: what it signed in that moment counts, and a microsecond later nothing does."""
    consent = papers_of(office, photos)[0]
    end = clock.at
    change(office, KeyGrounds.ROTATED, mira, new=people.key("phone"), retires=mira)
    assert key_of(office, mira).until == end + NEXT_MOMENT
    assert signs(office, consent, mira).faults(office.verify) == ()
    clock.at = end + NEXT_MOMENT
    second = papers_of(office, photos, purpose="another purpose")[0]
    with pytest.raises(SignatureRefused, match=r"signature\.key_retired"):
        signs(office, second, mira)
    # Filed all the same, by somebody with the database in hand, the paper itself says no.
    with office.unit() as unit:
        unit.papers.sign(second.digest, mira.sign(second.message), clock.at)
        assert [why.code for why in unit.papers.get(second.digest).faults(office.verify)] == ["signature.key_retired"]


class _Running:
    """A clock that goes on between any two looks at it."""

    def __init__(self, at):
        self.at = at

    def now(self):
        self.at += timedelta(milliseconds=1)
        return self.at


def test_every_change_is_signed_by_keys_that_count_while_time_goes_on(people, tmp_path):
    clock = _Running(testing.NOON)
    with testing.open_fake_office(tmp_path, clock) as office:
        mira, phone, laptop = people.introduce(office, "mira", Role.TALENT), people.key("phone"), people.key("laptop")
        change(office, KeyGrounds.ROTATED, mira, new=phone, retires=mira)
        change(office, KeyGrounds.ADDED, phone, new=laptop)
        change(office, KeyGrounds.RETIRED, laptop, retires=laptop)
        change(office, KeyGrounds.LOST, operators(tmp_path), new=people.key("new-phone"), retires=phone)
        change(office, KeyGrounds.OBJECTED, phone, retires=phone)
        made_ = [facts["paper"] for _, facts in entries(office) if "paper" in facts]
        with office.unit() as unit:
            papers = [unit.papers.get(digest) for digest in made_]
        assert len(papers) == 5
        assert [paper.faults(office.verify) for paper in papers] == [()] * 5


def test_a_new_key_signs_nothing_that_is_older_than_it(office, people, mira, photos, clock):
    consent = papers_of(office, photos)[0]
    phone = people.key("phone")
    change(office, KeyGrounds.ADDED, mira, new=phone)
    with office.unit() as unit:
        unit.papers.sign(consent.digest, phone.sign(consent.message), clock.at - NEXT_MOMENT)
        assert [why.code for why in unit.papers.get(consent.digest).faults(office.verify)] == ["signature.key_retired"]


def test_a_key_is_retired_and_the_last_one_is_not(office, people, mira, clock):
    phone = people.key("phone")
    change(office, KeyGrounds.ADDED, mira, new=phone)
    change(office, KeyGrounds.RETIRED, phone, retires=mira)
    clock.at += HOUR
    with pytest.raises(SignatureRefused, match=r"key\.change: .*last key"):
        change(office, KeyGrounds.RETIRED, phone, retires=phone)
    assert entries(office)[-1][0] == "key:retired"


# --- a lost key


@pytest.fixture
def lost(office, people, mira, tmp_path):
    """Mira's phone is gone, and her new one waits to count."""
    phone = people.key("new-phone")
    change(office, KeyGrounds.LOST, operators(tmp_path), new=phone, retires=mira)
    return phone


def test_after_an_identity_check_and_a_wait_the_new_key_takes_over(office, mira, lost, photos, clock):
    first, second = (papers_of(office, photos, purpose=f"purpose {number}")[0] for number in (1, 2))
    over = clock.at + WAITING_PERIOD
    clock.at = over - NEXT_MOMENT
    with pytest.raises(SignatureRefused, match=r"signature\.key_retired"):
        signs(office, first, lost)
    assert not signs(office, first, mira).faults(office.verify)
    clock.at = over
    with pytest.raises(SignatureRefused, match=r"signature\.key_retired"):
        signs(office, second, mira)
    assert not signs(office, second, lost).faults(office.verify)
    assert (key_of(office, mira).until, key_of(office, lost).since) == (over, over)


def test_the_log_tells_of_a_loss_and_not_who_looked_at_which_passport(office, lost):
    act, facts = entries(office)[-1]
    assert act == "key:loss-announced"
    assert CHECK not in str(facts)
    with office.unit() as unit:
        assert unit.papers.get(facts["paper"]).terms.identity_check == CHECK
        assert not unit.papers.get(facts["paper"]).faults(office.verify)
        assert facts["by"] in {key.id for key in unit.parties.keys() if key.role is Role.OPERATOR}  # noqa: SIM118


def test_the_old_key_can_object_and_goes_on(office, mira, lost, photos, clock):
    clock.pass_days(6)
    keys = change(office, KeyGrounds.OBJECTED, mira, retires=mira)
    assert entries(office)[-1][0] == "key:objected"
    assert [key.counts(clock.at + 2 * WAITING_PERIOD) for key in keys] == [True, False]
    clock.pass_days(30)
    consent = papers_of(office, photos)[0]
    with pytest.raises(SignatureRefused, match=r"signature\.key_retired"):
        signs(office, consent, lost)
    assert not signs(office, consent, mira).faults(office.verify)


def test_after_the_wait_it_is_too_late_to_object(office, mira, lost, clock):
    clock.at += WAITING_PERIOD
    with pytest.raises(SignatureRefused, match=r"signature\.key_retired"):
        change(office, KeyGrounds.OBJECTED, mira, retires=mira)


def test_an_objection_doesnt_revive_what_she_retired_meanwhile(office, people, mira, tmp_path, clock):
    laptop, phone = people.key("laptop"), people.key("new-phone")
    change(office, KeyGrounds.ADDED, mira, new=laptop)
    change(office, KeyGrounds.LOST, operators(tmp_path), new=phone, retires=mira)
    change(office, KeyGrounds.RETIRED, laptop, retires=mira)
    clock.at += HOUR
    change(office, KeyGrounds.OBJECTED, laptop, retires=mira)
    clock.at += WAITING_PERIOD
    live = [key for key in (mira, phone, laptop) if key_of(office, key).counts(clock.at)]
    assert live == [laptop]


def test_with_another_key_of_hers_she_can_object_too(office, people, mira, tmp_path, clock):
    laptop = people.key("laptop")
    change(office, KeyGrounds.ADDED, mira, new=laptop)
    change(office, KeyGrounds.LOST, operators(tmp_path), new=people.key("new-phone"), retires=mira)
    change(office, KeyGrounds.OBJECTED, laptop, retires=mira)
    assert key_of(office, mira).until is None


def test_a_loss_can_be_announced_again_after_an_objection(office, people, mira, lost, tmp_path, clock):
    change(office, KeyGrounds.OBJECTED, mira, retires=mira)
    clock.pass_days(1)
    change(office, KeyGrounds.LOST, operators(tmp_path), new=people.key("third"), retires=mira)
    clock.at += WAITING_PERIOD
    assert [key_of(office, people.key(name)).counts(clock.at) for name in ("mira", "new-phone", "third")] == [
        *(False, False, True)
    ]


def test_the_days_to_object_begin_when_the_loss_is_announced(office, people, mira, tmp_path, clock):
    """Drawn up on Monday and brought on Friday, it takes effect on the Friday after."""
    phone = people.key("new-phone")
    asked = drawn(office, KeyGrounds.LOST, new=phone, retires=mira)
    clock.pass_days(4)
    made(office, asked, operators(tmp_path), phone)
    assert key_of(office, phone).since == clock.at + WAITING_PERIOD > asked.effective


# --- an agency's several keys


def test_an_agency_gives_each_of_its_people_a_key_of_their_own(office, people, nordlight, clock):
    booker, brief = people.key("booker"), people.key("brief")
    change(office, KeyGrounds.ADDED, nordlight, "nordlight", booker, duties=frozenset({Duty.PROPOSE, Duty.SIGN}))
    change(office, KeyGrounds.ADDED, nordlight, "nordlight", brief, duties=frozenset({Duty.BRIEF}))
    assert key_of(office, booker).duties == {Duty.PROPOSE, Duty.SIGN}
    with pytest.raises(SignatureRefused, match=r"signature\.duty"):
        change(office, KeyGrounds.ADDED, booker, "nordlight", people.key("friend"), duties=frozenset({Duty.BRIEF}))
    clock.at += HOUR
    change(office, KeyGrounds.RETIRED, nordlight, "nordlight", retires=booker)
    assert not key_of(office, booker).counts(clock.at + HOUR)


def test_somebody_must_go_on_looking_after_an_agencys_keys(office, people, nordlight):
    change(office, KeyGrounds.ADDED, nordlight, "nordlight", people.key("booker"), duties=frozenset({Duty.SIGN}))
    with pytest.raises(SignatureRefused, match=r"key\.change: .*may change keys"):
        change(office, KeyGrounds.RETIRED, nordlight, "nordlight", retires=nordlight)
    narrower = people.key("narrower")
    with pytest.raises(SignatureRefused, match=r"key\.change: .*may change keys"):
        change(
            office, KeyGrounds.ROTATED, nordlight, "nordlight", narrower, retires=nordlight,
            duties=frozenset({Duty.SIGN}),
        )  # fmt: skip


# --- passkeys


def registered(passkey, party="mira"):
    made_ = passkey.register(b"fresh")
    return passkeys.registered(
        made_.attestation_object,
        made_.client_data,
        challenge=b"fresh",
        rp_id=RP_ID,
        origin=ORIGIN,
        party=party,
        role=Role.TALENT,
    )


def asserted(passkey, key, message):
    answer = passkey.assertion(message)
    return passkeys.from_response(key, answer.authenticator_data, answer.client_data, answer.signature)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_a_first_passkey_is_registered_with_a_proof_and_signs(office, photos, algorithm):
    passkey = SoftwarePasskey(algorithm, RP_ID, ORIGIN)
    key = registered(passkey)
    asked = Paper.of(keyring.draw_change(office, KeyGrounds.FIRST, "mira", Role.TALENT, new=key))
    kept = keyring.register(office, asked.document, asserted(passkey, key, asked.message), "Mira Holm")
    assert replace(kept, since=None) == key
    consent = papers_of(office, photos)[0]
    signed = sign.sign(office, consent.document, asserted(passkey, key, consent.message))
    assert not signed.faults(office.verify)
    assert entries(office)[0][0] == "key:registered"


def test_a_key_file_gives_way_to_a_passkey(office, mira, photos, clock):
    passkey = SoftwarePasskey("ES256", RP_ID, ORIGIN)
    key = registered(passkey)
    asked = Paper.of(keyring.draw_change(office, KeyGrounds.ROTATED, "mira", Role.TALENT, new=key, retires=mira.id))
    proof = asserted(passkey, key, asked.message)
    keyring.change_keys(office, asked.document, mira.sign(asked.message), proof)
    clock.at += HOUR
    consent = papers_of(office, photos)[0]
    assert not sign.sign(office, consent.document, asserted(passkey, key, consent.message)).faults(office.verify)


def test_a_first_key_is_the_first(office, people, mira):
    phone = people.key("phone")
    asked = Paper.of(drawn(office, KeyGrounds.FIRST, new=phone))
    with pytest.raises(SignatureRefused, match=r"signature\.key_taken"):
        keyring.register(office, asked.document, phone.sign(asked.message), "Mira")
    with pytest.raises(SignatureRefused, match=r"key\.change"):
        keyring.change_keys(office, asked.document, mira.sign(asked.message), phone.sign(asked.message))
    asked = Paper.of(drawn(office, KeyGrounds.ADDED, "eve", phone))
    with pytest.raises(SignatureRefused, match=r"key\.change"):
        keyring.register(office, asked.document, phone.sign(asked.message), "Eve")
