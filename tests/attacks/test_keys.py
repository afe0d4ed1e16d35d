"""Keys that aren't hers: every way to get one in, to get hers out, or to sign with one that has ended."""

from dataclasses import replace
from datetime import timedelta

import pytest
from changing_keys import EVERYTHING, change, drawn, entries, key_of, made, operators
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from twinbook import testing
from twinbook.domain.approval import Approved, Words
from twinbook.domain.consent import Approval
from twinbook.domain.errors import InputError, SignatureRefused
from twinbook.domain.keyring import NEXT_MOMENT, WAITING_PERIOD, KeyGrounds
from twinbook.domain.paper import Paper
from twinbook.domain.party import SIGNERS, Duty, Key, PaperKind, Role, Signature
from twinbook.domain.royalty import Payee
from twinbook.keys.signatures import key_id, verify, verify_raw
from twinbook.services import erase as erasing
from twinbook.services import filing, keyring, sign

HOUR = timedelta(hours=1)
NEUTRAL = b"\x01" + bytes(31)


@pytest.fixture
def keys(office, people):
    """Everybody's first keys, and some that nobody registered."""
    roles = {"mira": Role.TALENT, "eve": Role.TALENT, "nordlight": Role.AGENCY, "tvaton": Role.BRAND}
    made_ = {name: people.introduce(office, name, role) for name, role in roles.items()}
    return made_ | {name: people.key(name) for name in ("phone", "thief")}


@pytest.fixture
def operator(tmp_path, office):
    return operators(tmp_path)


@pytest.fixture
def unchanged(office):
    """Whatever a test tries, the keys and the log are afterwards what they were."""

    def state():
        with office.unit() as unit:
            return list(unit.parties.keys()), len(unit.log.bodies())

    return state


def refused(office, asked, by, proof=None, match=r"key\.change"):
    message = Paper.of(asked).message
    with pytest.raises(SignatureRefused, match=match):
        keyring.change_keys(office, asked.document(), by.sign(message), proof.sign(message) if proof else None)


# --- who may


@pytest.mark.parametrize("thief", ["eve", "nordlight", "tvaton"])
@pytest.mark.parametrize("grounds", [KeyGrounds.ADDED, KeyGrounds.ROTATED, KeyGrounds.RETIRED, KeyGrounds.OBJECTED])
def test_nobody_changes_another_partys_keys(office, keys, unchanged, thief, grounds):
    before = unchanged()
    new = keys["thief"] if grounds in (KeyGrounds.ADDED, KeyGrounds.ROTATED) else None
    asked = drawn(office, grounds, new=new, retires=None if grounds is KeyGrounds.ADDED else keys["mira"])
    refused(office, asked, keys[thief], new, r"signature\.role")
    assert unchanged() == before


def test_a_change_of_ones_own_keys_doesnt_reach_anothers(office, keys):
    asked = drawn(office, KeyGrounds.RETIRED, "eve", retires=keys["mira"])
    refused(office, asked, keys["eve"])
    asked = drawn(office, KeyGrounds.ROTATED, "eve", new=keys["thief"], retires=keys["mira"])
    refused(office, asked, keys["eve"], keys["thief"])


@pytest.mark.parametrize("grounds", [KeyGrounds.ADDED, KeyGrounds.ROTATED, KeyGrounds.RETIRED, KeyGrounds.OBJECTED])
def test_the_operators_key_announces_losses_and_nothing_else(office, keys, operator, unchanged, grounds):
    change(office, KeyGrounds.LOST, operator, "tvaton", keys["phone"], retires=keys["tvaton"])  # now it is registered
    before = unchanged()
    new = keys["thief"] if grounds in (KeyGrounds.ADDED, KeyGrounds.ROTATED) else None
    asked = drawn(office, grounds, new=new, retires=None if grounds is KeyGrounds.ADDED else keys["mira"])
    refused(office, asked, operator, new, r"signature\.role")
    refused(office, replace(asked, operator="operator"), operator, new)
    refused(office, replace(asked, role=Role.OPERATOR, party="operator"), operator, new)
    assert unchanged() == before


def test_the_operators_key_signs_no_paper(office, keys, operator, photos):
    change(office, KeyGrounds.LOST, operator, "tvaton", keys["phone"], retires=keys["tvaton"])
    for paper in sign.draw_papers(office, testing.campaign(photos))["mira"]:
        with pytest.raises(SignatureRefused, match=r"signature\.role"):
            sign.sign(office, paper.document, operator.sign(paper.message))
    assert {kind for kind, roles in SIGNERS.items() if Role.OPERATOR in roles} == {PaperKind.KEY}


def test_nobody_elses_key_announces_a_loss(office, keys, unchanged):
    before = unchanged()
    asked = drawn(office, KeyGrounds.LOST, new=keys["thief"], retires=keys["mira"])
    for name in ("mira", "nordlight", "tvaton", "thief"):
        refused(office, asked, keys[name], keys["thief"], r"signature\.role")
    assert unchanged() == before


def test_the_homes_key_becomes_nobodys(office, keys, operator):
    for role in (Role.TALENT, Role.OPERATOR):
        with pytest.raises(SignatureRefused, match=r"signature\.key_taken"):
            sign.register_key(office, operator.registered("olga", role), "Olga")
    asked = drawn(office, KeyGrounds.ADDED, new=operator)
    refused(office, asked, keys["mira"], operator, r"signature\.key_taken")


def test_an_agencys_key_signs_nothing_that_is_hers_alone(office, keys, photos):
    consent = sign.draw_papers(office, testing.campaign(photos))["mira"][0]
    with office.unit() as unit:
        hers = [
            filing.file_paper(office, unit, Paper.of(terms), "mira")
            for terms in (
                Payee("mira", "Nordlight", "SE45 5000 0000 0583 9825 7466"),
                Approved("mira", Approval.IMAGE, frozenset({"shot"}), "0123456789ab", "0" * 64),
                Words("mira", "tvaton", "I wear nothing else."),
            )
        ]
    for paper in (consent, *hers):
        for by in ("nordlight", "tvaton"):
            with pytest.raises(SignatureRefused, match=r"signature\.role"):
                sign.sign(office, paper.document, keys[by].sign(paper.message))
    for asked in (erasing.erasure(office, "mira"),):
        paper = Paper.of(asked)
        with pytest.raises(SignatureRefused, match=r"signature\.role"):
            erasing.erase(office, paper.document, keys["nordlight"].sign(paper.message))


# --- the new key


def test_a_new_key_without_proof_is_not_registered(office, keys, unchanged):
    before = unchanged()
    asked = drawn(office, KeyGrounds.ADDED, new=keys["phone"])
    refused(office, asked, keys["mira"], None, r"key\.proof")
    for other in ("mira", "thief"):
        refused(office, asked, keys["mira"], keys[other], r"key\.proof")
    message = Paper.of(asked).message
    renamed = replace(keys["thief"].sign(message), key=keys["phone"].id)
    with pytest.raises(SignatureRefused, match=r"key\.proof"):
        keyring.change_keys(office, asked.document(), keys["mira"].sign(message), renamed)
    elsewhere = keys["phone"].sign(Paper.of(replace(asked, party="eve")).message)
    with pytest.raises(SignatureRefused, match=r"key\.proof"):
        keyring.change_keys(office, asked.document(), keys["mira"].sign(message), elsewhere)
    assert unchanged() == before


def test_a_proof_is_no_permission(office, keys):
    asked = drawn(office, KeyGrounds.ADDED, new=keys["thief"])
    refused(office, asked, keys["thief"], keys["thief"], r"signature\.unknown_key")


@pytest.mark.parametrize(
    "change_",
    [
        {"id": "ed25519:" + "0" * 32},
        {"public": "00" * 32},
        {"public": "zz"},
        {"public": ""},
        {"algorithm": "webauthn-es256"},
        {"algorithm": "none"},
    ],
    ids=str,
)
def test_a_new_key_whose_parts_dont_fit_is_refused(office, keys, change_):
    asked = drawn(office, KeyGrounds.ADDED, new=keys["phone"])
    asked = replace(asked, new=replace(asked.new, **change_))
    refused(office, asked, keys["mira"], keys["phone"], r"key\.proof")


def test_one_key_has_one_spelling(office, keys):
    asked = drawn(office, KeyGrounds.ADDED, new=keys["phone"])
    for public in (asked.new.public.upper(), f" {asked.new.public}"):
        refused(
            office, replace(asked, new=replace(asked.new, public=public)), keys["mira"], keys["phone"], r"key\.proof"
        )


@pytest.mark.parametrize("owner", ["eve", "nordlight"])
def test_a_key_has_one_owner(office, keys, owner):
    asked = drawn(office, KeyGrounds.ADDED, new=keys[owner])
    refused(office, asked, keys["mira"], keys[owner], r"signature\.key_taken")


def anybodys(message):
    """What anybody can write down for the neutral point, whatever the message."""
    return Signature(key_id(NEUTRAL), "ed25519", (NEUTRAL + bytes(32)).hex())


def test_a_key_with_which_anybody_signs_is_no_key(office, keys):
    Ed25519PublicKey.from_public_bytes(NEUTRAL).verify(NEUTRAL + bytes(32), b"anything")  # mathematics says yes
    weak = Key(key_id(NEUTRAL), "ed25519", NEUTRAL.hex(), "mira", Role.TALENT)
    assert not verify(b"anything", anybodys(b"anything"), weak)
    assert not verify_raw(b"anything", NEUTRAL + bytes(32), NEUTRAL)
    asked = keyring.draw_change(office, KeyGrounds.ADDED, "mira", Role.TALENT, new=weak)
    message = Paper.of(asked).message
    with pytest.raises(SignatureRefused, match=r"key\.proof"):
        keyring.change_keys(office, asked.document(), keys["mira"].sign(message), anybodys(message))


def test_a_weak_first_key_signs_nothing(office, photos):
    sign.register_key(office, Key(key_id(NEUTRAL), "ed25519", NEUTRAL.hex(), "mira", Role.TALENT), "Mira")
    consent = sign.draw_papers(office, testing.campaign(photos))["mira"][0]
    with pytest.raises(SignatureRefused, match=r"signature\.invalid"):
        sign.sign(office, consent.document, anybodys(consent.message))


@pytest.mark.parametrize(
    "public", [NEUTRAL, bytes(32), b"\xec" + b"\xff" * 30 + b"\x7f", b"\xf0" + b"\xff" * 30 + b"\x7f"]
)
@pytest.mark.parametrize("sign_of_x", [0, 0x80])
def test_no_weak_point_in_either_spelling(public, sign_of_x):
    point = public[:31] + bytes([public[31] | sign_of_x])
    for first in (point, NEUTRAL):
        signature = Signature(key_id(point), "ed25519", (first + bytes(32)).hex())
        assert not verify(b"x", signature, Key(key_id(point), "ed25519", point.hex(), "mira", Role.TALENT))


def test_duties_only_narrow(office, keys, people):
    narrow = people.key("narrow-admin")
    some = frozenset({Duty.SIGN, Duty.ADMIN})
    change(office, KeyGrounds.ADDED, keys["nordlight"], "nordlight", narrow, duties=some)
    wide = drawn(office, KeyGrounds.ADDED, "nordlight", keys["phone"])
    refused(office, wide, narrow, keys["phone"])
    swap = drawn(office, KeyGrounds.ROTATED, "nordlight", keys["phone"], retires=keys["nordlight"])
    refused(office, swap, narrow, keys["phone"])
    for nothing in (frozenset(), frozenset({Duty.SIGN})):
        who, key = ("nordlight", narrow) if not nothing else ("mira", keys["mira"])
        asked = drawn(office, KeyGrounds.ADDED, who, keys["phone"])
        refused(office, replace(asked, new=replace(asked.new, duties=nothing)), key, keys["phone"])


def test_a_loss_widens_no_duties(office, keys, operator, people):
    booker = people.key("booker")
    change(office, KeyGrounds.ADDED, keys["nordlight"], "nordlight", booker, duties=frozenset({Duty.SIGN}))
    asked = drawn(office, KeyGrounds.LOST, "nordlight", keys["phone"], retires=booker)
    refused(office, asked, operator, keys["phone"])


# --- time


def test_a_change_is_made_once(office, keys, clock):
    asked = drawn(office, KeyGrounds.ADDED, new=keys["phone"])
    made(office, asked, keys["mira"], keys["phone"])
    refused(office, asked, keys["mira"], keys["phone"])
    clock.at += HOUR
    retire = drawn(office, KeyGrounds.RETIRED, retires=keys["phone"])
    made(office, retire, keys["mira"])
    clock.at += HOUR
    refused(office, asked, keys["mira"], keys["phone"])
    refused(office, retire, keys["mira"])


def test_a_retired_key_never_comes_back(office, keys, operator, clock):
    change(office, KeyGrounds.ADDED, keys["mira"], new=keys["phone"])
    change(office, KeyGrounds.RETIRED, keys["mira"], retires=keys["phone"])
    clock.at += HOUR
    for grounds in (KeyGrounds.ADDED, KeyGrounds.ROTATED, KeyGrounds.LOST):
        by = operator if grounds is KeyGrounds.LOST else keys["mira"]
        old = None if grounds is KeyGrounds.ADDED else keys["mira"]
        refused(office, drawn(office, grounds, new=keys["phone"], retires=old), by, keys["phone"])
    with pytest.raises(SignatureRefused, match=r"signature\.key_retired"):
        change(office, KeyGrounds.ADDED, keys["phone"], new=keys["thief"])
    sign.register_key(office, keys["phone"].registered("mira", Role.TALENT), "Mira")
    assert not key_of(office, keys["phone"]).counts(clock.at)


def test_the_last_key_stays(office, keys):
    for name in ("mira", "tvaton"):
        refused(office, drawn(office, KeyGrounds.RETIRED, name, retires=keys[name]), keys[name])


@pytest.mark.parametrize("moved", [timedelta(days=-30), -NEXT_MOMENT * 10**6, timedelta(days=1)], ids=str)
def test_no_change_takes_effect_at_another_time(office, keys, moved):
    """An end in the past would undo what the key signed since: an agency's way out of a license."""
    asked = drawn(office, KeyGrounds.ROTATED, new=keys["phone"], retires=keys["mira"])
    refused(office, replace(asked, effective=asked.effective + moved), keys["mira"], keys["phone"])


def test_a_change_drawn_up_in_the_past_ends_no_key_in_the_past(office, keys, clock):
    asked = drawn(office, KeyGrounds.ROTATED, new=keys["phone"], retires=keys["mira"])
    clock.pass_days(3)
    made(office, asked, keys["mira"], keys["phone"])
    assert key_of(office, keys["mira"]).until == clock.at + NEXT_MOMENT
    assert key_of(office, keys["phone"]).since == clock.at


@pytest.mark.parametrize("days", [-8, 1])
def test_a_change_from_long_ago_or_from_the_future_is_refused(office, keys, days):
    asked = drawn(office, KeyGrounds.ADDED, new=keys["phone"])
    at = asked.at + timedelta(days=days)
    refused(office, replace(asked, at=at, effective=at), keys["mira"], keys["phone"])


@pytest.mark.parametrize("wait", [timedelta(0), timedelta(days=1), WAITING_PERIOD - timedelta(seconds=1)], ids=str)
def test_the_waiting_period_cant_be_shortened(office, keys, operator, wait):
    asked = drawn(office, KeyGrounds.LOST, new=keys["thief"], retires=keys["mira"])
    refused(office, replace(asked, effective=asked.at + wait), operator, keys["thief"])


def test_a_back_dated_loss_waits_from_today(office, keys, operator, clock):
    asked = drawn(office, KeyGrounds.LOST, new=keys["thief"], retires=keys["mira"])
    earlier = asked.at - WAITING_PERIOD
    made(office, replace(asked, at=earlier, effective=asked.at), operator, keys["thief"])
    assert key_of(office, keys["thief"]).since == clock.at + WAITING_PERIOD
    assert key_of(office, keys["mira"]).until == clock.at + WAITING_PERIOD


def test_a_loss_takes_an_identity_check(office, keys, operator):
    asked = drawn(office, KeyGrounds.LOST, new=keys["thief"], retires=keys["mira"])
    for text in ("", " \n"):
        refused(office, replace(asked, identity_check=text), operator, keys["thief"])


def test_a_loss_is_announced_once_at_a_time(office, keys, operator, people, clock):
    """A second one would push the end of the old key about, or bring a second new one."""
    change(office, KeyGrounds.LOST, operator, new=keys["phone"], retires=keys["mira"])
    clock.pass_days(2)
    refused(office, drawn(office, KeyGrounds.LOST, new=keys["thief"], retires=keys["mira"]), operator, keys["thief"])


def test_whoever_found_the_lost_key_brings_no_other(office, keys, operator):
    change(office, KeyGrounds.LOST, operator, new=keys["phone"], retires=keys["mira"])
    for grounds in (KeyGrounds.ADDED, KeyGrounds.ROTATED):
        old = keys["mira"] if grounds is KeyGrounds.ROTATED else None
        refused(office, drawn(office, grounds, new=keys["thief"], retires=old), keys["mira"], keys["thief"])
    refused(office, drawn(office, KeyGrounds.RETIRED, retires=keys["mira"]), keys["mira"])


def test_a_stranger_cant_object(office, keys, operator, clock):
    change(office, KeyGrounds.LOST, operator, new=keys["phone"], retires=keys["mira"])
    asked = drawn(office, KeyGrounds.OBJECTED, retires=keys["mira"])
    for name in ("eve", "nordlight", "tvaton"):
        refused(office, asked, keys[name], match=r"signature\.role")
    refused(office, asked, keys["thief"], match=r"signature\.unknown_key")
    refused(office, asked, keys["phone"], match=r"signature\.key_retired")  # it doesn't count yet
    clock.at += WAITING_PERIOD
    assert key_of(office, keys["phone"]).counts(clock.at)


def test_there_is_nothing_to_object_to(office, keys):
    refused(office, drawn(office, KeyGrounds.OBJECTED, retires=keys["mira"]), keys["mira"])


def test_a_stolen_old_key_cant_sign_back_in_time(office, keys, photos, clock):
    """What counts is when the signature reached this home, by its own clock; nothing that a signer says."""
    consent = sign.draw_papers(office, testing.campaign(photos))["mira"][0]
    stolen = keys["mira"].sign(consent.message)  # made in time, and kept back
    change(office, KeyGrounds.ROTATED, keys["mira"], new=keys["phone"], retires=keys["mira"])
    clock.at += HOUR
    with pytest.raises(SignatureRefused, match=r"signature\.key_retired"):
        sign.sign(office, consent.document, stolen)
    early = Paper.of(replace(erasing.erasure(office, "mira"), at=clock.at - 2 * HOUR))
    with pytest.raises(SignatureRefused, match=r"signature\.key_retired"):
        erasing.erase(office, early.document, keys["mira"].sign(early.message))


# --- other documents


def test_only_a_change_of_keys_changes_keys(office, keys, photos):
    consent = sign.draw_papers(office, testing.campaign(photos))["mira"][0]
    with pytest.raises(SignatureRefused, match=r"signature\.role"):
        keyring.change_keys(office, consent.document, keys["mira"].sign(consent.message))
    asked = drawn(office, KeyGrounds.ADDED, new=keys["phone"]).document()
    for spoiled in ({**asked, "extra": 1}, {**asked, "type": "twinbook.key/2"}, {**asked, "new": None}, {}):
        with pytest.raises((InputError, SignatureRefused)):
            keyring.change_keys(office, spoiled, keys["mira"].sign(b""), keys["phone"].sign(b""))


def test_a_change_that_was_altered_after_signing_is_refused(office, keys):
    asked = drawn(office, KeyGrounds.ADDED, new=keys["phone"])
    thiefs = drawn(office, KeyGrounds.ADDED, new=keys["thief"])
    hers = keys["mira"].sign(Paper.of(asked).message)
    with pytest.raises(SignatureRefused, match=r"signature\.invalid"):
        keyring.change_keys(office, thiefs.document(), hers, keys["thief"].sign(Paper.of(thiefs).message))


def test_a_key_change_cant_be_signed_like_a_paper(office, keys, photos):
    """`sign` takes signatures on what is on file only; and a signed change on file has been made."""
    asked = Paper.of(drawn(office, KeyGrounds.ADDED, new=keys["thief"]))
    with pytest.raises(InputError, match=r"signature\.missing"):
        sign.sign(office, asked.document, keys["mira"].sign(asked.message))
    with office.unit() as unit:
        assert unit.parties.key(keys["thief"].id) is None


def test_nothing_in_the_log_names_anybody(office, keys, operator):
    change(office, KeyGrounds.ADDED, keys["nordlight"], "nordlight", keys["phone"], duties=EVERYTHING)
    change(office, KeyGrounds.LOST, operator, new=keys["thief"], retires=keys["mira"])
    told = str(entries(office))
    assert "passport" not in told
    assert "mira" not in told
