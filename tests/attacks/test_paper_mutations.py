"""Ten thousand ways to change what people signed: none is accepted, none makes the gate stumble.

Every mutation is of a file that was in order: a consent, a license accepted under a mandate, and the mandate. A dossier
whose papers say exactly what was signed may be allowed, whatever detours its bytes took; anything else must be refused.
"""

import json
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from test_rights_stories import ROLES, STORIES, told

from twinbook import testing
from twinbook.domain.consent import Part
from twinbook.domain.errors import InputError
from twinbook.domain.form import read_terms
from twinbook.domain.gate import Allow, Deny, decide
from twinbook.domain.keyring import KeyChange, KeyGrounds, NewKey
from twinbook.domain.negotiation import Move, Proposal
from twinbook.domain.paper import Paper, Signed
from twinbook.domain.party import Duty, Role
from twinbook.domain.revocation import Grounds, Revocation
from twinbook.keys.signatures import KeyFile, verify
from twinbook.law import load

MUTATIONS = 10_000
OTHERS = 3_000
LAW = load()
NOW = testing.NOON + timedelta(days=7)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {name: KeyFile.make(folder / f"{name}.pem") for name in ROLES}


@pytest.fixture(scope="module")
def files(keys):
    """Two files in order: the one that is attacked, and another one to take pieces from."""
    request, dossier = told(STORIES["the agency accepts in a scope that she signed"], keys)
    _, other = told(STORIES["a changed body that she did allow"], keys)
    return request, dossier, other


# --- ways to change a document, as text and as data


def flip_a_bit(text, chance):
    data = bytearray(text.encode())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data.decode("utf-8", "surrogateescape")


def truncate(text, chance):
    return text[: chance.randrange(len(text))]


def repeat_a_piece(text, chance):
    start, end = sorted(chance.sample(range(len(text)), 2))
    return text[:end] + text[start:end] + text[end:]


def swap_two_letters(text, chance):
    one, two = sorted(chance.sample(range(len(text)), 2))
    return text[:one] + text[two] + text[one + 1 : two] + text[one] + text[two + 1 :]


def reorder_members(text, chance):
    items = list(json.loads(text).items())
    chance.shuffle(items)
    return json.dumps(dict(items))


def say_a_member_twice(text, chance):
    name, value = chance.choice(list(json.loads(text).items()))
    return text[:-1] + f",{json.dumps(name)}:{json.dumps(chance.choice([value, None, 0, True, [], 'x']))}}}"


def drop_a_member(text, chance):
    data = json.loads(text)
    del data[chance.choice(list(data))]
    return json.dumps(data)


def add_a_member(text, chance):
    return json.dumps(
        {**json.loads(text), chance.choice(["extra", "power", "", "Until"]): chance.choice([1, "x", None])}
    )


ODD = [None, True, False, 0, -1, 1.5, 10**9, 10**30, "", "x", "2026-13-01", "0001-01-01", "9999-12-31", [], ["web"], {}]


def replace_a_value(text, chance):
    data = json.loads(text)
    data[chance.choice(list(data))] = chance.choice([*ODD, {"id": "mira"}, ["WORLD"], "450.0 EUR", "1e9", "\ud800"])
    return json.dumps(data)


def replace_an_inner_value(text, chance):
    data = json.loads(text)
    inner = chance.choice([value for value in data.values() if isinstance(value, dict | list) and value])
    if isinstance(inner, dict):
        inner[chance.choice(list(inner))] = chance.choice(ODD)
    else:
        inner.insert(chance.randrange(len(inner) + 1), chance.choice([*ODD, inner[0]]))
    return json.dumps(data)


TEXT = [
    flip_a_bit,
    truncate,
    repeat_a_piece,
    swap_two_letters,
    reorder_members,
    say_a_member_twice,
    drop_a_member,
    add_a_member,
    replace_a_value,
    replace_an_inner_value,
]


def changed_document(paper, chance):
    text = chance.choice(TEXT)(paper.message.decode(), chance)
    try:
        document = json.loads(text)
    except ValueError:
        return None  # nobody could even file it
    return replace(paper, document=document) if isinstance(document, dict) else None


# --- ways to change signatures


def changed_signature(paper, chance, other):
    index = chance.randrange(len(paper.signatures))
    signed = paper.signatures[index]
    raw = bytearray.fromhex(signed.signature.value)
    raw[chance.randrange(64)] ^= 1 << chance.randrange(8)
    stranger = chance.choice(other.signatures)
    signature, key = signed.signature, signed.key
    new = chance.choice(
        [
            replace(signed, signature=replace(signature, value=raw.hex())),
            replace(signed, signature=replace(signature, value=signature.value[: chance.randrange(128)])),
            replace(signed, signature=replace(signature, value=signature.value + "00")),
            replace(signed, signature=replace(signature, value=stranger.signature.value)),
            replace(
                signed, signature=replace(signature, algorithm=chance.choice(["", "none", "webauthn-es256", "ED25519"]))
            ),
            replace(signed, signature=replace(signature, key=stranger.key.id + "x")),
            replace(signed, key=replace(key, public=stranger.key.public[:-2] + "00")),
            replace(signed, key=replace(key, id="ed25519:" + "0" * 32)),
            replace(signed, key=replace(key, party=chance.choice(["sami", "", "operator"]))),
            replace(signed, key=replace(key, role=chance.choice([r for r in Role if r is not key.role]))),
            replace(signed, key=replace(key, until=testing.NOON - timedelta(days=40))),
            replace(signed, key=replace(key, since=testing.NOON + timedelta(days=1))),
            replace(signed, key=replace(key, algorithm="none")),
            replace(
                signed, key=replace(key, public="01" + "00" * 31), signature=replace(signature, value="01" + "00" * 63)
            ),
            replace(stranger, at=signed.at),
        ]
    )
    if key.role in (Role.AGENCY, Role.BRAND) and chance.random() < 0.1:
        new = replace(signed, key=replace(key, duties=frozenset({Duty.BRIEF})))
    signatures = list(paper.signatures)
    signatures[index : index + 1] = chance.choice([[new], [new, new], []])
    return replace(paper, signatures=tuple(signatures))


def test_nothing_that_was_changed_is_accepted(files):
    request, dossier, other = files
    assert isinstance(decide(request, dossier, LAW, verify, NOW), Allow)
    chance = random.Random(20261122)
    done, same = 0, 0
    while done < MUTATIONS:
        name = chance.choice(["consent", "license", "mandate"])
        paper = getattr(dossier, name)
        if chance.random() < 0.6:
            spoiled = changed_document(paper, chance)
        else:
            spoiled = changed_signature(paper, chance, getattr(other, name, None) or other.consent)
        if spoiled is None:  # it never reaches the gate, and counts for nothing
            continue
        done += 1
        answer = decide(request, replace(dossier, **{name: spoiled}), LAW, verify, NOW)
        if isinstance(answer, Allow):
            assert spoiled.message == paper.message, spoiled.document
            assert not spoiled.faults(verify)
            same += 1
        else:
            assert isinstance(answer, Deny)
            assert answer.reasons
    assert done == MUTATIONS
    assert same < done / 10


# --- the other papers that bring something about: a proposal, a withdrawal, a change of keys


def others(keys):
    """One of each in order, with the keys that signed it."""
    _, dossier = told(STORIES["the agency accepts in a scope that she signed"], keys)
    license = dossier.license.terms
    at = NOW.replace(microsecond=0)
    booking = f"mira-{'0' * 10}"
    offer = Proposal(booking, 0, Move.OFFER, Role.BRAND, license.brand.id, license, "", at, at + timedelta(days=14))
    targets = {dossier.consent.digest: frozenset({Part.GENERATE}), dossier.license.digest: frozenset()}
    back = Revocation("mira", Role.TALENT, "mira", Grounds.BREACH, targets, at, at, "shown on a billboard")
    new = KeyFile(Ed25519PrivateKey.generate()).registered("mira", Role.TALENT)
    change = KeyChange("mira", Role.TALENT, KeyGrounds.ADDED, NewKey.of(new), "", at, at)
    return [by(Paper.of(terms), keys[who], who) for terms, who in ((offer, "tvaton"), (back, "mira"), (change, "mira"))]


def by(paper, key, who):
    signed = Signed(key.sign(paper.message), key.registered(who, ROLES[who]), NOW)
    return replace(paper, signatures=(signed,), drawn_at=NOW)


def test_no_proposal_withdrawal_or_change_of_keys_is_taken_that_was_changed(keys):
    """As services take them: what a signature is on is what the paper's own terms say, to the last byte."""
    papers = others(keys)
    assert not any(paper.faults(verify) for paper in papers)
    chance = random.Random(20261127)
    done, same = 0, 0
    while done < OTHERS:
        paper, stranger = chance.sample(papers, 2)
        way = chance.random() < 0.6
        spoiled = changed_document(paper, chance) if way else changed_signature(paper, chance, stranger)
        if spoiled is None:
            continue
        done += 1
        if not spoiled.faults(verify):
            assert spoiled.message == paper.message, spoiled.document
            same += 1
    assert same < done / 5


def test_papers_that_were_mixed_up_are_refused(files):
    """Signed, every one of them, and each in the wrong place."""
    request, dossier, other = files
    papers = [dossier.consent, dossier.license, dossier.mandate, other.consent, other.license, None]
    for consent in papers:
        for license in papers:
            for mandate in papers:
                mixed = replace(dossier, consent=consent, license=license, mandate=mandate)
                answer = decide(request, mixed, LAW, verify, NOW)
                allowed = (consent, license, mandate) == (dossier.consent, dossier.license, dossier.mandate)
                # The other file is in order as well, and takes no mandate.
                allowed |= (consent, license) == (other.consent, other.license)
                assert isinstance(answer, Allow) == allowed


@pytest.mark.parametrize("text", ["{}", '{"type": []}', '{"type": "twinbook.consent/2"}', '{"type": {"a": 1}}'])
def test_what_is_no_document_is_refused(text):
    with pytest.raises(InputError, match=r"signature\.invalid"):
        read_terms(json.loads(text))
    with pytest.raises(InputError):
        _ = Paper(json.loads(text)).terms
