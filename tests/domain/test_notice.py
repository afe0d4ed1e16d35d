"""Notices as documents: read strictly, signed under a prefix of their own; and when and how they are sent."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from twinbook.domain import notice, webhook
from twinbook.domain.canonical import canonical
from twinbook.domain.consent import Part
from twinbook.domain.errors import InputError
from twinbook.domain.money import Money
from twinbook.domain.notice import About, Delivery, EndedShot, Ends, Issued, Notice, Outgoing
from twinbook.domain.revocation import Grounds
from twinbook.keys.signatures import verify_raw

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
NOTICE = Notice(
    id="ntc_" + "0" * 32,
    to="tvaton",
    log="twinbook.local/home",
    log_index=41,
    made_at=NOON,
    license="ab" * 32,
    about=About.CONSENT,
    parts=frozenset(),
    grounds=Grounds.WITHDRAWN,
    effective=NOON,
    stop_making=NOON,
    stop_showing=NOON,
    stop_training=None,
    releases=(Issued("0123456789ab", frozenset({"cd" * 32})),),
    ended=(EndedShot("a-shot", "blue", (Money("EUR", 45000),)),),
    pass_on_to=frozenset({"printer"}),
)
OUTGOING = Outgoing(NOTICE, KEY.sign(NOTICE.message).hex(), "https://example.com/", next_at=NOON)


def test_reading_and_writing_are_inverse():
    data = json.loads(json.dumps(NOTICE.document()))
    assert Notice.from_document(data) == NOTICE
    long_log = replace(NOTICE, log_index=10**9)
    assert Notice.from_document(long_log.document()) == long_log


MUTATIONS = [
    {"type": "twinbook.license/1"},
    {"log_index": -1},
    {"log_index": True},
    {"log_index": "41"},
    {"log_index": 2**60},
    {"to": None},
    {"to": "\ud800"},
    {"effective": "2026-06-01T12:00:00"},
    {"effective": "2026-06-01T12:00:00.000+00:00"},
    {"parts": ["generate", "capture"]},
    {"about": "everything"},
    {"releases": {}},
    {"ended": [{"shot": "a", "name": "b", "given_back": ["450 eur"]}]},
    {"more": 1},
]


@pytest.mark.parametrize("change", MUTATIONS, ids=str)
def test_what_is_not_exactly_a_notice_is_none(change):
    with pytest.raises(InputError, match=r"notice\.invalid"):
        notice.verify({"notice": NOTICE.document() | change, "signature": OUTGOING.signature}, PUBLIC, verify_raw)


@pytest.mark.parametrize("name", sorted(NOTICE.document()))
def test_a_member_left_out_makes_it_none(name):
    less = {k: v for k, v in NOTICE.document().items() if k != name}
    with pytest.raises(InputError, match=r"notice\.invalid"):
        Notice.from_document(less)


def test_the_signature_covers_every_member():
    assert notice.verify(OUTGOING.envelope(), PUBLIC, verify_raw) == NOTICE
    changes = [
        {"to": "zandra"},
        {"log_index": 42},
        {"grounds": "breach"},
        {"stop_showing": None},
        {"releases": []},
        {"pass_on_to": []},
        {"effective": "2026-06-01T12:00:01+00:00"},
    ]
    for change in changes:
        envelope = {"notice": NOTICE.document() | change, "signature": OUTGOING.signature}
        with pytest.raises(InputError, match=r"notice\.invalid"):
            notice.verify(envelope, PUBLIC, verify_raw)
    with pytest.raises(InputError, match=r"notice\.invalid"):
        notice.verify(OUTGOING.envelope(), bytes(32), verify_raw)


def test_a_signature_over_the_bare_document_is_none():
    """Whatever else the log's key signs, it is no notice: the prefix keeps them apart."""
    bare = KEY.sign(canonical(NOTICE.document())).hex()
    with pytest.raises(InputError, match=r"notice\.invalid"):
        notice.verify({"notice": NOTICE.document(), "signature": bare}, PUBLIC, verify_raw)
    posted = webhook.headers(NOTICE.id, OUTGOING.body(), NOON, KEY.sign)["webhook-signature"]
    moved = base64.b64decode(posted.removeprefix("v1a,")).hex()
    with pytest.raises(InputError, match=r"notice\.invalid"):
        notice.verify({"notice": NOTICE.document(), "signature": moved}, PUBLIC, verify_raw)


ENVELOPES = [
    b"",
    b"[]",
    b"1",
    b"{}",
    b"\xff",
    b"[" * 100_000,
    b'{"data": []}',
    b'{"notice": {}, "notice": {}, "signature": ""}',
    canonical({"notice": NOTICE.document()}),
    canonical({"notice": NOTICE.document(), "signature": 1}),
    canonical({"notice": NOTICE.document(), "signature": OUTGOING.signature.upper()}),
    canonical({"notice": NOTICE.document(), "signature": OUTGOING.signature, "key": PUBLIC.hex()}),
    canonical({"notice": [], "signature": OUTGOING.signature}),
]


@pytest.mark.parametrize("data", ENVELOPES, ids=lambda data: data[:24].decode("latin-1"))
def test_other_files_are_refused(data):
    with pytest.raises(InputError, match=r"notice\.invalid"):
        notice.verify(notice.read(data), PUBLIC, verify_raw)


def test_a_file_is_the_envelope_or_the_webhooks_body():
    for data in (canonical(OUTGOING.envelope()), json.dumps(OUTGOING.envelope(), indent=1).encode(), OUTGOING.body()):
        assert notice.verify(notice.read(data), PUBLIC, verify_raw) == NOTICE


def test_what_is_posted_says_its_kind_and_moment():
    body = json.loads(OUTGOING.body())
    assert (body["type"], body["timestamp"]) == ("notice.revocation", "2026-06-01T12:00:00+00:00")


def test_the_words_say_what_to_do():
    said = "\n".join(NOTICE.words())
    for what in ("tvaton", "0123456789ab", "Stop showing", "2026-06-01 12:00 UTC", "450.00 EUR", "printer", "entry 41"):
        assert what in said
    kept = replace(NOTICE, about=About.PARTS, parts=frozenset({Part.GENERATE}), stop_showing=None, releases=())
    assert "keep their license" in "\n".join(kept.words())


def test_how_far_a_notice_has_got():
    assert OUTGOING.state is Delivery.WAITING
    assert replace(OUTGOING, url=None, next_at=None).state is Delivery.UNADDRESSED
    assert replace(OUTGOING, next_at=None).state is Delivery.FAILED
    assert replace(OUTGOING, next_at=None, delivered_at=NOON).state is Delivery.DELIVERED


def test_only_what_comes_sooner_is_news():
    later, sooner = NOON + timedelta(days=1), NOON
    assert Ends(later, later).sooner(Ends()) == Ends(later, later)
    assert Ends(sooner, later).sooner(Ends(later, later)) == Ends(sooner)
    assert Ends(later, later).sooner(Ends(sooner, sooner)).moments == []


# --- on the way -----------------------------------------------------------------------------------------------------


def test_the_headers_are_those_of_standard_webhooks():
    body = OUTGOING.body()
    headers = webhook.headers(NOTICE.id, body, NOON, KEY.sign)
    assert headers["webhook-id"] == NOTICE.id
    assert headers["webhook-timestamp"] == str(int(NOON.timestamp()))
    scheme, _, signature = headers["webhook-signature"].partition(",")
    assert scheme == "v1a"
    signed = f"{NOTICE.id}.{headers['webhook-timestamp']}.".encode() + body
    KEY.public_key().verify(base64.b64decode(signature), signed)
    assert "." not in NOTICE.id


def test_the_public_key_as_standard_webhooks_write_it():
    assert webhook.read_public_key(webhook.public_key(PUBLIC)) == PUBLIC
    for text in ("", "whpk_", PUBLIC.hex(), "whpk_AA==", "whsec_" + base64.b64encode(PUBLIC).decode(), "whpk_é"):
        with pytest.raises(InputError, match=r"key\.unreadable"):
            webhook.read_public_key(text)


@given(st.integers(1, 12), st.floats(0, 1))
def test_every_delay_is_between_half_a_minute_and_a_day_and_a_tenth(attempts, chance):
    at = webhook.retry_at(attempts, NOON, chance)
    if attempts == webhook.ATTEMPTS:
        assert at is None
    else:
        assert timedelta(seconds=30) <= at - NOON <= timedelta(hours=26.4)


def test_delays_grow_and_span_three_days():
    delays = [webhook.retry_at(attempts, NOON, 0) - NOON for attempts in range(1, webhook.ATTEMPTS)]
    assert delays == sorted(delays)
    assert (delays[0], delays[-1]) == (webhook.FIRST_RETRY, webhook.LONGEST_RETRY)
    assert timedelta(days=2.5) < sum(delays, timedelta()) < timedelta(days=3.5)
