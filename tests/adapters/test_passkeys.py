"""Passkeys: what a true one signs is taken, and every lie is refused although it is truly signed."""

import hashlib
import json
import os
from base64 import urlsafe_b64encode
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from fido2 import cbor, cose
from hypothesis import given
from hypothesis import strategies as st
from software_passkey import AT, BE, BS, ED, UP, UV, Assertion, SoftwarePasskey, client_data, spelled

from twinbook.domain.errors import SignatureRefused
from twinbook.domain.party import Key, Role, Signature
from twinbook.keys import passkeys
from twinbook.keys.signatures import KeyFile, verify

RP_ID, ORIGIN = "home.example", "https://home.example"
MESSAGE = b'{"type":"twinbook.consent/1"}'
OTHER = b'{"type":"twinbook.erasure/1"}'
FRESH = os.urandom(32)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def register(passkey, **lies):
    made = passkey.register(FRESH, **lies)
    return registered(made.attestation_object, made.client_data)


def registered(attestation_object, client):
    asked = {"challenge": FRESH, "rp_id": RP_ID, "origin": ORIGIN}
    return passkeys.registered(attestation_object, client, **asked, party="mira", role=Role.TALENT)


def kept(key, made: Assertion):
    return passkeys.from_response(key, made.authenticator_data, made.client_data, made.signature)


@pytest.fixture(scope="module")
def hers():
    """Her passkeys by algorithm, each with its registered key."""
    made = {name: SoftwarePasskey(name, RP_ID, ORIGIN) for name in ("ES256", "EdDSA")}
    return {name: (passkey, register(passkey)) for name, passkey in made.items()}


@pytest.fixture(scope="module", params=["ES256", "EdDSA"])
def pair(request, hers):
    return hers[request.param]


@pytest.mark.parametrize(("name", "algorithm"), [("ES256", "webauthn-es256"), ("EdDSA", "webauthn-eddsa")])
def test_the_registered_key_says_all_that_checking_needs(hers, name, algorithm):
    passkey, key = hers[name]
    assert key == Key(
        f"webauthn:{hashlib.sha256(passkey.cose).hexdigest()[:32]}",
        algorithm,
        passkey.cose.hex(),
        "mira",
        Role.TALENT,
        rp_id=RP_ID,
        origin=ORIGIN,
    )


def test_what_she_signs_is_hers_and_of_this_document_only(pair):
    passkey, key = pair
    signature = kept(key, passkey.assertion(MESSAGE))
    assert verify(MESSAGE, signature, key)
    assert not verify(OTHER, signature, key)


def test_a_signature_outlives_storage_as_json(pair):
    passkey, key = pair
    signature = kept(key, passkey.assertion(MESSAGE))
    again = Signature(signature.key, signature.algorithm, signature.value, json.loads(json.dumps(signature.evidence)))
    assert verify(MESSAGE, again, key)


TRUE_VARIANTS = {
    "a counter": {"counter": 7},
    "a passkey that syncs": {"flags": UP | UV | BE | BS},
    "an extension nobody asked for": {"flags": UP | UV | ED, "extra": cbor.encode({"uvm": [[2, 4, 2]]})},
    "members of a browser to come": {"members": {"other_keys_can_be_added_here": "do not compare"}},
    "a browser that says nothing of frames": {
        "raw": json.dumps(
            {"type": "webauthn.get", "challenge": spelled(hashlib.sha256(MESSAGE).digest()), "origin": ORIGIN}
        ).encode()
    },
}


@pytest.mark.parametrize("truth", TRUE_VARIANTS.values(), ids=TRUE_VARIANTS)
def test_true_assertions_may_differ(pair, truth):
    passkey, key = pair
    assert verify(MESSAGE, kept(key, passkey.assertion(MESSAGE, **truth)), key)


HASH = hashlib.sha256(MESSAGE).digest()
RIGHT = client_data("webauthn.get", spelled(HASH), ORIGIN)
TWICE = RIGHT.replace(b'{"type"', f'{{"challenge":"{spelled(hashlib.sha256(OTHER).digest())}","type"'.encode())
TWICE_DEEP = RIGHT.replace(b"false}", b'false,"more":{"a":1,"a":2}}')
LIES = {
    "another origin": {"origin": "https://elsewhere.example"},
    "an origin under it": {"origin": "https://pages.home.example"},
    "the origin without encryption": {"origin": "http://home.example"},
    "the origin on another port": {"origin": "https://home.example:8443"},
    "the origin with a slash": {"origin": "https://home.example/"},
    "the origin in capitals": {"origin": "https://HOME.example"},
    "another relying party": {"rp_id": "elsewhere.example"},
    "her person was not verified": {"flags": UP},
    "nobody was present": {"flags": UV},
    "no flag at all": {"flags": 0},
    "backed up and not to be backed up": {"flags": UP | UV | BS},
    "a registration's type": {"kind": "webauthn.create"},
    "a payment's type": {"kind": "payment.get"},
    "the challenge of another document": {"spelled_challenge": spelled(hashlib.sha256(OTHER).digest())},
    "the document itself as challenge": {"spelled_challenge": spelled(MESSAGE)},
    "a challenge with padding": {"spelled_challenge": urlsafe_b64encode(HASH).decode()},
    "a challenge with white space": {"spelled_challenge": spelled(HASH) + "\n"},
    "a challenge in another alphabet": {"spelled_challenge": spelled(HASH) + "!"},
    "a challenge with loose last bits": {
        "spelled_challenge": spelled(HASH)[:-1] + chr(ord(spelled(HASH)[-1]) + 1),
    },
    "inside another page": {"members": {"crossOrigin": True}},
    "inside another page, as text": {"members": {"crossOrigin": "true"}},
    "inside another page, as a number": {"members": {"crossOrigin": 1}},
    "frames unknown": {"members": {"crossOrigin": None}},
    "a page above": {"members": {"topOrigin": "https://elsewhere.example"}},
    "the same page above": {"members": {"topOrigin": ORIGIN}},
    "authenticator data cut by a byte": {"cut": 36},
    "authenticator data without a counter": {"cut": 33},
    "no authenticator data": {"cut": 0},
    "a byte after authenticator data": {"extra": b"\0"},
    "extensions announced and missing": {"flags": UP | UV | ED},
    "extensions that are no map": {"flags": UP | UV | ED, "extra": b"\x01"},
    "a byte after the extensions": {"flags": UP | UV | ED, "extra": b"\xa0\0"},
    "extensions nested without end": {"flags": UP | UV | ED, "extra": b"\x81" * 5000},
    "extensions without measure": {"flags": UP | UV | ED, "extra": b"\x9a\x00\xff\xff\xff" + bytes(200_000)},
    "two challenges, the right one last": {"raw": TWICE},
    "a member twice, further down": {"raw": TWICE_DEEP},
    "a byte order mark": {"raw": b"\xef\xbb\xbf" + RIGHT},
    "client data in UTF-16": {"raw": RIGHT.decode().encode("utf-16")},
    "client data that is not UTF-8": {"raw": RIGHT.replace(b"false}", b'false,"x":"\xff"}')},
    "something after client data": {"raw": RIGHT + b"{}"},
    "client data that is a list": {"raw": b"[" + RIGHT + b"]"},
    "client data that is null": {"raw": b"null"},
    "client data nested without end": {"raw": b"[" * 50_000},
    "no client data": {"raw": b""},
    "lists for text": {"raw": json.dumps({k: [v] for k, v in json.loads(RIGHT).items()}).encode()},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_is_refused_although_truly_signed(pair, lie):
    passkey, key = pair
    made = passkey.assertion(MESSAGE, **lie)
    signed = made.authenticator_data + hashlib.sha256(made.client_data).digest()
    cose.CoseKey.parse(cbor.decode(passkey.cose)).verify(signed, made.signature)
    assert not verify(MESSAGE, kept(key, made), key)


def test_an_assertion_that_brings_a_key_of_its_own_is_refused(pair):
    passkey, key = pair
    brought = bytes(16) + len(passkey.credential_id).to_bytes(2, "big") + passkey.credential_id + passkey.cose
    made = passkey.assertion(MESSAGE, flags=UP | UV | AT, extra=brought)
    assert not verify(MESSAGE, kept(key, made), key)


def test_a_registration_is_no_signature(pair):
    passkey, key = pair
    made = passkey.register(HASH)
    data = cbor.decode(made.attestation_object)["authData"]
    signature = passkey.sign(data + hashlib.sha256(made.client_data).digest())
    assert not verify(MESSAGE, passkeys.from_response(key, data, made.client_data, signature), key)


def test_another_passkey_of_the_same_page_is_not_hers(pair):
    passkey, key = pair
    stranger = SoftwarePasskey(passkey.algorithm, RP_ID, ORIGIN)
    assert not verify(MESSAGE, kept(key, stranger.assertion(MESSAGE)), key)
    assert not verify(MESSAGE, kept(register(stranger), stranger.assertion(MESSAGE)), key)


def test_a_key_of_the_other_algorithm_is_refused(hers):
    (one, es256), (two, eddsa) = hers["ES256"], hers["EdDSA"]
    assert not verify(MESSAGE, kept(es256, two.assertion(MESSAGE)), es256)
    assert not verify(MESSAGE, kept(eddsa, one.assertion(MESSAGE)), eddsa)
    for passkey, key, algorithm in ((one, es256, passkeys.EDDSA), (two, eddsa, passkeys.ES256)):
        signature = kept(key, passkey.assertion(MESSAGE))
        assert not verify(MESSAGE, replace(signature, algorithm=algorithm), key)
        assert not verify(MESSAGE, replace(signature, algorithm=algorithm), replace(key, algorithm=algorithm))


CHANGED_KEYS = {
    "another name": {"id": "webauthn:" + "0" * 32},
    "no relying party": {"rp_id": ""},
    "no page": {"origin": ""},
    "another page": {"origin": "https://elsewhere.example"},
    "no key": {"public": ""},
    "a key that is not hex": {"public": "zz"},
    "an unknown algorithm": {"algorithm": "webauthn-rs256"},
    "the algorithm of files": {"algorithm": "ed25519"},
}


@pytest.mark.parametrize("change", CHANGED_KEYS.values(), ids=CHANGED_KEYS)
def test_a_changed_registration_makes_her_signature_fail(pair, change):
    passkey, key = pair
    signature = kept(key, passkey.assertion(MESSAGE))
    changed = replace(key, **change)
    assert not verify(MESSAGE, replace(signature, key=changed.id, algorithm=changed.algorithm), changed)


def test_one_signature_has_one_spelling(pair):
    passkey, key = pair
    signature = kept(key, passkey.assertion(MESSAGE))
    data = dict(signature.evidence)
    for other in (
        replace(signature, value=signature.value.upper()),
        replace(signature, value=signature.value + " "),
        replace(signature, value=signature.value + "00"),
        replace(signature, evidence=data | {"client_data": data["client_data"].upper()}),
        replace(signature, evidence=data | {"note": "00"}),
        replace(signature, evidence={"client_data": data["client_data"]}),
        replace(signature, evidence={}),
    ):
        assert other == signature or not verify(MESSAGE, other, key)
    assert not verify(MESSAGE, signature, replace(key, public=key.public.upper()))
    assert not verify(MESSAGE, signature, replace(key, public=key.public + "00"))


def test_the_twin_of_an_ecdsa_signature_says_the_same_and_no_more(hers):
    """Mathematics allows it (see `passkeys.verify`); that it may not count twice is the counting's business."""
    passkey, key = hers["ES256"]
    made = passkey.assertion(MESSAGE)
    r, s = decode_dss_signature(made.signature)
    twin = kept(key, replace(made, signature=encode_dss_signature(r, P256_ORDER - s)))
    assert verify(MESSAGE, twin, key)
    assert not verify(OTHER, twin, key)
    assert (twin.key, twin.evidence) == (kept(key, made).key, kept(key, made).evidence)


def test_a_file_and_a_passkey_never_pass_for_each_other(pair, tmp_path):
    passkey, key = pair
    file = KeyFile.make(tmp_path / "mira.pem")
    registered = file.registered("mira", Role.TALENT)
    of_file, of_passkey = file.sign(MESSAGE), kept(key, passkey.assertion(MESSAGE))
    assert verify(MESSAGE, of_file, registered)
    assert not verify(MESSAGE, of_file, key)
    assert not verify(MESSAGE, of_passkey, registered)
    assert not verify(MESSAGE, replace(of_file, key=key.id, algorithm=key.algorithm), key)
    assert not verify(MESSAGE, replace(of_file, key=key.id, algorithm=key.algorithm, evidence=of_passkey.evidence), key)
    assert not verify(MESSAGE, replace(of_passkey, key=registered.id, algorithm="ed25519"), registered)


def test_a_signature_that_names_another_key_is_refused(pair):
    passkey, key = pair
    signature = kept(key, passkey.assertion(MESSAGE))
    assert not verify(MESSAGE, replace(signature, key="webauthn:" + "0" * 32), key)


def test_the_same_numbers_in_a_file_and_a_passkey_stay_two_keys(hers, tmp_path):
    passkey, key = hers["EdDSA"]
    file = KeyFile(passkey.private)
    assert file.id != key.id
    assert not verify(MESSAGE, replace(file.sign(MESSAGE), key=key.id, algorithm=key.algorithm), key)
    of_passkey = kept(key, passkey.assertion(MESSAGE))
    assert not verify(
        MESSAGE, replace(of_passkey, key=file.id, algorithm="ed25519"), file.registered("mira", Role.TALENT)
    )


BAD_REGISTRATIONS = {
    "an assertion's type": {"kind": "webauthn.get"},
    "another challenge": {"spelled_challenge": spelled(bytes(32))},
    "a challenge with padding": {"spelled_challenge": urlsafe_b64encode(FRESH).decode()},
    "another origin": {"origin": "https://elsewhere.example"},
    "an origin under it": {"origin": "https://pages.home.example"},
    "the origin without encryption": {"origin": "http://home.example"},
    "another relying party": {"rp_id": "elsewhere.example"},
    "inside another page": {"members": {"crossOrigin": True}},
    "a page above": {"members": {"topOrigin": ORIGIN}},
    "her person was not verified": {"flags": UP | AT},
    "nobody was present": {"flags": UV | AT},
    "backed up and not to be backed up": {"flags": UP | UV | AT | BS},
    "no key": {"flags": UP | UV},
    "a byte after the key": {"extra": b"\0"},
    "a byte after the attestation": {"after": b"\0"},
    "a name longer than allowed": {"credential_id": bytes(1024)},
    "more than anybody sends": {"statement": ("packed", {"x5c": [bytes(70_000)]})},
}


@pytest.mark.parametrize("lie", BAD_REGISTRATIONS.values(), ids=BAD_REGISTRATIONS)
def test_a_registration_that_lies_is_refused(hers, lie):
    for passkey, _ in hers.values():
        with pytest.raises(SignatureRefused) as refused:
            register(passkey, **lie)
        assert refused.value.code == "signature.passkey"
        assert "on the page of this home" in refused.value.remedy


@pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
def test_other_algorithms_are_refused(algorithm):
    with pytest.raises(SignatureRefused, match="neither ES256 nor EdDSA"):
        register(SoftwarePasskey(algorithm, RP_ID, ORIGIN))


P256 = cbor.decode(SoftwarePasskey("ES256", RP_ID, ORIGIN).cose)
BARE = cbor.encode(P256)
OKP = {1: 1, 3: -8, -1: 6}
ORDER_EIGHT = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85")
BAD_KEYS = {
    "nothing": b"",
    "a number": b"\x01",
    "a list": cbor.encode(list(P256.values())),
    "cut short": BARE[:-1],
    "longer by a byte": BARE + b"\0",
    "no algorithm": cbor.encode({k: v for k, v in P256.items() if k != 3}),
    "an algorithm of the same curve": cbor.encode(P256 | {3: -9}),
    "another kind of key": cbor.encode(P256 | {1: 1}),
    "another curve": cbor.encode(P256 | {-1: 2}),
    "a curve that is true": cbor.encode(P256 | {-1: True}),
    "a member more": cbor.encode(P256 | {4: [2]}),
    "a point off the curve": cbor.encode(P256 | {-3: bytes(32)}),
    "the point at zero": cbor.encode(P256 | {-2: bytes(32), -3: bytes(32)}),
    "a compressed point": cbor.encode(P256 | {-3: True}),
    "a coordinate with a leading zero": cbor.encode(P256 | {-2: b"\0" + P256[-2]}),
    "a coordinate as a list": cbor.encode(P256 | {-2: list(P256[-2])}),
    "a number longer than it need be": b"\xa5\x18\x01" + BARE[2:],
    "members in another order": b"\xa5" + BARE[3:] + BARE[1:3],
    "a member twice": b"\xa6" + BARE[1:3] + BARE[1:],
    "half a point of Ed25519": cbor.encode(OKP | {-2: bytes(31)}),
    "Ed25519's zero": cbor.encode(OKP | {-2: bytes(32)}),
    "Ed25519's neutral point": cbor.encode(OKP | {-2: b"\x01" + bytes(31)}),
    "Ed25519's neutral point, signed": cbor.encode(OKP | {-2: b"\x01" + bytes(30) + b"\x80"}),
    "a point of Ed25519 of order eight": cbor.encode(OKP | {-2: ORDER_EIGHT}),
    "a point of Ed25519 beyond its prime": cbor.encode(OKP | {-2: b"\xf0" + b"\xff" * 30 + b"\x7f"}),
    "a key of the wrong curve under EdDSA": cbor.encode(P256 | {3: -8}),
}


@pytest.mark.parametrize("bytes_of_key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_key_in_any_other_form_is_refused(hers, bytes_of_key):
    passkey, key = hers["ES256"]
    with pytest.raises(SignatureRefused):
        register(passkey, cose=bytes_of_key)
    changed = replace(key, id=passkeys.key_id(bytes_of_key), public=bytes_of_key.hex())
    assert not verify(MESSAGE, kept(changed, passkey.assertion(MESSAGE)), changed)


def test_a_weak_key_would_sign_everything():
    """Why points of small order are refused: under the neutral one this signature is good for any message."""
    anybodys = b"\x01" + bytes(63)
    for message in (MESSAGE, OTHER):
        Ed25519PublicKey.from_public_bytes(b"\x01" + bytes(31)).verify(anybodys, message)


@pytest.mark.parametrize("statement", [("packed", {"alg": -7, "sig": bytes(70)}), ("apple", {"x5c": [bytes(900)]})])
def test_attestation_of_any_format_is_taken_and_not_evaluated(pair, statement):
    passkey, key = pair
    assert register(passkey, statement=statement) == key


def test_every_single_bit_counts(pair):
    passkey, key = pair
    made = passkey.assertion(MESSAGE)
    assert verify(MESSAGE, kept(key, made), key)
    for part in ("authenticator_data", "client_data", "signature"):
        true = getattr(made, part)
        for bit in range(len(true) * 8):
            flipped = bytearray(true)
            flipped[bit // 8] ^= 1 << bit % 8
            assert not verify(MESSAGE, kept(key, replace(made, **{part: bytes(flipped)})), key), (part, bit)


@given(
    part=st.sampled_from(("authenticator_data", "client_data", "signature")),
    cut=st.tuples(st.integers(0, 150), st.integers(0, 150)).map(sorted),
    put=st.binary(max_size=40),
)
def test_no_edit_of_an_assertion_is_taken(pair, part, cut, put):
    passkey, key = pair
    made = passkey.assertion(MESSAGE)
    true = getattr(made, part)
    edited = true[: cut[0]] + put + true[cut[1] :]
    assert verify(MESSAGE, kept(key, replace(made, **{part: edited})), key) == (edited == true)


hexadecimal = st.binary(max_size=200).map(bytes.hex)
anything = st.one_of(hexadecimal, st.text(max_size=50), st.none(), st.integers(), st.binary(max_size=20))
evidences = st.one_of(
    anything, st.fixed_dictionaries({"authenticator_data": anything, "client_data": anything}), st.just({})
)


@given(st.binary(), anything, anything, anything, anything, evidences)
def test_junk_is_refused_and_never_raises(pair, message, public, name, origin, value, evidence):
    _, key = pair
    assert not verify(message, Signature(key.id, key.algorithm, value, evidence), key)
    junk = replace(key, public=public, id=name, origin=origin, rp_id=origin)
    assert not verify(message, Signature(name, key.algorithm, value, evidence), junk)


plain = st.one_of(st.integers(-(2**63), 2**63), st.binary(max_size=80), st.text(max_size=10), st.booleans())
trees = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(-9, 9), inner))


@given(st.one_of(st.binary(), trees.map(cbor.encode), plain.map(lambda data: cbor.encode({"authData": data}))))
def test_junk_registers_nothing_and_is_told_as_such(junk):
    with pytest.raises(SignatureRefused):
        registered(junk, client_data("webauthn.create", spelled(FRESH), ORIGIN))


@pytest.mark.parametrize("client", [b"", b"null", b"[]", b"7", b'"webauthn.create"', b"{}", b"{", b"\xff"])
def test_client_data_that_is_no_object_registers_nothing(hers, client):
    passkey, _ = hers["ES256"]
    with pytest.raises(SignatureRefused):
        registered(passkey.register(FRESH).attestation_object, client)
