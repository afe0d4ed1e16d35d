"""Thousands of seeded changes to policies and credentials: none is read as anything but what was written, none is valid,
and none gets anything out of the readers but their own refusal."""

import copy
import json
import random
from datetime import date, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from twinbook import testing
from twinbook.domain.canonical import canonical
from twinbook.domain.errors import InputError
from twinbook.domain.license import Exclusivity
from twinbook.interchange import JsonInterchange, credential, did_key, multibase, parse, policy
from twinbook.ports import CredentialState
from twinbook.services import exchange, sign

TRIES = {"policy": 1600, "credential": 1200}
CODES = {"interchange.malformed", "interchange.unsupported"}
ODD = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2.5,
    10**30,
    "",
    "0",
    "Set",
    "null",
    "perm",
    "*",
    "odrl:use",
    "\ud800",
    "2026-06-01Z",
]
ODD += [[], [[]], [None], {}, {"@id": "odrl:use"}, {"@list": []}, {"@value": 1}, "eval('1')", "a" * 300, "z" * 300]
NAMES = ["@context", "@id", "@type", "@graph", "@reverse", "@included", "inheritFrom", "twb:noEnd", "odrl:permission"]
NAMES += ["", "__class__", "permission", "uid", "proof", "xone", "rightOperandReference", "id", "holder", "\u202e"]
READER = JsonInterchange()


class Stranger:
    _private = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
    public = _private.public_key().public_bytes_raw()
    sign = _private.sign


@pytest.fixture
def papers(office, people, photos):
    """A consent and a license with as many members as they can have, signed."""
    sold = Exclusivity(
        "fast fashion", frozenset({"web"}), frozenset({"SE"}), frozenset({"zandra"}), date(2026, 6, 1), date(2026, 7, 1)
    )
    planned = testing.campaign(photos, exclusive=sold, max_images=12, uses="three looks", trains_models=True)
    people.sign_all(office, planned)
    return sign.draw_papers(office, planned)["mira"]


# --- ways to change a tree


def places(value, found=None):
    """Every container with each of its keys or indices."""
    found = [] if found is None else found
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        found.append((value, key))
        if isinstance(inner, dict | list):
            places(inner, found)
    return found


def delete(tree, chance, _other):
    where, key = chance.choice(places(tree))
    del where[key]


def replace_with_odd(tree, chance, _other):
    where, key = chance.choice(places(tree))
    where[key] = copy.deepcopy(chance.choice(ODD))


def replace_with_its_own(tree, chance, _other):
    """A value from elsewhere in the same document: right in kind, wrong in place."""
    (where, key), (from_, name) = chance.choice(places(tree)), chance.choice(places(tree))
    where[key] = copy.deepcopy(from_[name])


def replace_with_anothers(tree, chance, other):
    """The same place in another genuine document."""
    where, key = chance.choice(places(tree))
    candidates = [(w, k) for w, k in places(other) if k == key]
    if candidates:
        from_, name = chance.choice(candidates)
        where[key] = copy.deepcopy(from_[name])


def swap(tree, chance, _other):
    (one, a), (two, b) = chance.choice(places(tree)), chance.choice(places(tree))
    if a in one if isinstance(one, dict) else a < len(one):
        one[a], two[b] = copy.deepcopy(two[b]), copy.deepcopy(one[a])


def duplicate(tree, chance, _other):
    lists = [where for where, _ in places(tree) if isinstance(where, list) and where]
    if lists:
        where = chance.choice(lists)
        where.append(copy.deepcopy(chance.choice(where)))


def add_a_member(tree, chance, _other):
    where = chance.choice([w for w, _ in places(tree) if isinstance(w, dict)])
    where[chance.choice(NAMES)] = copy.deepcopy(chance.choice(ODD))


def rename(tree, chance, _other):
    where, key = chance.choice([(w, k) for w, k in places(tree) if isinstance(w, dict)])
    where[chance.choice([*NAMES, key.upper(), key + " ", f"odrl:{key}"])] = where.pop(key)


def nudge(tree, chance, _other):
    """The smallest changes: a count by one, a letter of a text."""
    where, key = chance.choice(places(tree))
    value = where[key]
    if isinstance(value, bool):
        where[key] = not value
    elif isinstance(value, int):
        where[key] = value + chance.choice([-1, 1])
    elif isinstance(value, str) and value:
        at = chance.randrange(len(value))
        where[key] = value[:at] + chr(ord(value[at]) ^ 1 << chance.randrange(7)) + value[at + 1 :]


def reorder(tree, chance, _other):
    """Says the same in ODRL; in a credential only the order of members says nothing."""
    where = chance.choice([w for w, _ in places(tree)])
    if isinstance(where, list):
        chance.shuffle(where)
    else:
        items = list(where.items())
        chance.shuffle(items)
        where.clear()
        where.update(items)


TREE = [delete, replace_with_odd, replace_with_its_own, replace_with_anothers, swap, duplicate, add_a_member, rename]
TREE += [nudge, nudge, reorder]


# --- ways to change the bytes


def flip_a_bit(data, chance):
    spoilt = bytearray(data)
    spoilt[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(spoilt)


def truncate(data, chance):
    return data[: chance.randrange(len(data))]


def repeat_a_piece(data, chance):
    start, end = sorted(chance.sample(range(len(data)), 2))
    return data[:end] + data[start:end] + data[end:]


def say_a_member_twice(data, chance):
    """What a lenient reader takes the last of, and another the first."""
    tree = json.loads(data)
    name = chance.choice(list(tree))
    return data.rstrip()[:-1] + b"," + json.dumps({name: chance.choice([tree[name], *ODD])}).encode()[1:]


def insert_a_number(data, chance):
    at = data.find(b":", chance.randrange(len(data))) + 1
    return data[:at] + chance.choice([b"NaN,", b"1e999,", b"-0.0,", b"9" * 400 + b",", b"[" * 5000]) + data[at:]


BYTES = [flip_a_bit, truncate, repeat_a_piece, say_a_member_twice, insert_a_number]


def spoiled(made, chance, other):
    """A changed copy of a document, as bytes."""
    if chance.random() < 0.25:
        return chance.choice(BYTES)(json.dumps(made).encode(), chance)
    tree = json.loads(json.dumps(made))
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        if places(tree):
            chance.choice(TREE)(tree, chance, other)
    return json.dumps(tree).encode()


def sorted_form(value):
    """The same for what differs in order only."""
    if isinstance(value, dict):
        return {name: sorted_form(value[name]) for name in sorted(value)}
    return sorted(map(sorted_form, value), key=json.dumps) if isinstance(value, list) else value


# --- nothing passes


def test_no_changed_policy_is_read_as_other_terms(papers):
    chance = random.Random(20261123)
    terms = [paper.terms for paper in papers]
    made = [policy(one, bound=True) for one in terms]
    says = [[canonical(sorted_form(policy(one, bound))) for bound in (True, False)] for one in terms]
    refused = accepted = 0
    for number in range(TRIES["policy"]):
        data = spoiled(made[number % 2], chance, made[1 - number % 2])
        try:
            found = READER.read_policy(data)
        except InputError as error:
            assert error.code in CODES
            assert error.diagnosis.startswith("$"), error.diagnosis
            refused += 1
            continue
        which = terms.index(found)
        assert canonical(sorted_form(parse(data))) in says[which], data
        accepted += 1
    assert accepted
    assert refused > 0.8 * TRIES["policy"]


def test_no_changed_credential_is_valid(office, papers):
    chance = random.Random(20261124)
    made = [exchange.export(office, paper.digest, "credential") for paper in papers]
    assert all(READER.read_credential(json.dumps(one).encode(), testing.NOON).terms for one in made)
    refused = accepted = 0
    for number in range(TRIES["credential"]):
        data = spoiled(made[number % 2], chance, made[1 - number % 2])
        reading = READER.read_credential(data, testing.NOON, chance.choice(["", made[0]["issuer"]]))
        if reading.state is CredentialState.INVALID:
            assert reading.why
            assert (reading.terms, reading.paper, reading.issuer) == (None, "", "")
            refused += 1
            continue
        assert reading.state is CredentialState.VALID
        assert parse(data) in made, data
        accepted += 1
    assert accepted
    assert refused > 0.8 * TRIES["credential"]


def test_no_bit_of_a_proof_can_be_flipped(office, papers):
    made = exchange.export(office, papers[1].digest, "credential")
    raw = multibase.decode(made["proof"]["proofValue"])
    for bit in range(len(raw) * 8):
        spoilt = bytearray(raw)
        spoilt[bit // 8] ^= 1 << bit % 8
        other = made | {"proof": made["proof"] | {"proofValue": multibase.encode(bytes(spoilt))}}
        assert credential.verify(other, testing.NOON).state is CredentialState.INVALID
    # S + L is the same signature to a lenient verifier (RFC 8032, section 5.1.7).
    order = 2**252 + 27742317777372353535851937790883648493
    more = int.from_bytes(raw[32:], "little") + order
    malleable = multibase.encode(raw[:32] + more.to_bytes(32, "little"))
    other = made | {"proof": made["proof"] | {"proofValue": malleable}}
    assert credential.verify(other, testing.NOON).state is CredentialState.INVALID


def test_no_issuer_can_be_put_in_place_of_another(office, papers):
    one, two = (exchange.export(office, paper.digest, "credential") for paper in papers)
    bare = {name: value for name, value in one.items() if name != "proof"}
    theirs = did_key(Stranger.public)
    signed = credential.secure(bare, Stranger, testing.NOON)  # names the home, signed by a stranger
    posing = signed["proof"] | {"verificationMethod": one["proof"]["verificationMethod"]}
    for spoilt in (
        one | {"issuer": theirs},
        signed,
        signed | {"proof": posing},
        one | {"proof": one["proof"] | {"verificationMethod": multibase.method_of(theirs)}},
        one | {"proof": two["proof"]},
        two | {"proof": one["proof"]},
        one | {"proof": [one["proof"], signed["proof"]]},
    ):
        assert credential.verify(spoilt, testing.NOON).state is CredentialState.INVALID
    # Signed and named by the stranger it is theirs, and says so: whoever trusts the home alone refuses it.
    own = credential.secure(bare | {"issuer": theirs}, Stranger, testing.NOON)
    assert credential.verify(own, testing.NOON).issuer == theirs
    assert credential.verify(own, testing.NOON, one["issuer"]).state is CredentialState.INVALID


def test_a_checkpoint_is_no_credential_and_a_credential_no_checkpoint(office, papers):
    """Both are signed with one key: what is signed for a credential is 64 bytes of hashes, a checkpoint is three lines."""
    made = exchange.export(office, papers[1].digest, "credential")
    document = {name: value for name, value in made.items() if name != "proof"}
    options = {name: value for name, value in made["proof"].items() if name != "proofValue"}
    signed = credential.hash_data(document, options)
    assert len(signed) == 64
    assert not signed.startswith(office.log_signer.origin.encode())


def test_time_does_not_bring_a_license_back(office, papers):
    made = exchange.export(office, papers[1].digest, "credential")
    for days in (90, 365, 36500):
        reading = credential.verify(made, testing.NOON + timedelta(days=days))
        assert reading.state is CredentialState.EXPIRED
