"""Delivery: at least once, at most three days, never two at the same moment, and a licensee's machine can't stop anybody."""

import base64
import json
import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from twinbook import testing
from twinbook.domain import notice, webhook
from twinbook.domain.errors import InputError, StateError
from twinbook.domain.notice import Delivery
from twinbook.domain.paper import Paper
from twinbook.domain.party import Role
from twinbook.keys.signatures import verify_raw
from twinbook.services import erase as erasing
from twinbook.services import notify, revoke, run

URL = "https://rights.tvaton.example/twinbook"
NOBODY = StateError("notice.undelivered", "nobody answered")


@pytest.fixture
def post():
    return testing.FakePost()


@pytest.fixture
def office(tmp_path, clock, post):
    with testing.open_fake_office(tmp_path, clock, post=post) as made:
        yield made


@pytest.fixture
def withdrawn(office, people, photos, tmp_path):
    """A notice to Tvaton is waiting, with nowhere to go yet."""
    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    run.run(office, planned, tmp_path)
    paper = Paper.of(revoke.revocation(office, "mira"))
    revoke.revoke(office, paper.document, people.key("mira").sign(paper.message))
    return notify.notices(office)[0].notice


def the(office):
    (outgoing,) = notify.notices(office)
    return outgoing


def test_without_an_address_it_waits_for_one(office, withdrawn, post):
    assert the(office).state is Delivery.UNADDRESSED
    assert notify.deliver(office) == ()
    assert [moved.notice for moved in notify.set_address(office, "tvaton", URL)] == [withdrawn]
    (sent,) = notify.deliver(office)
    assert (sent.state, sent.attempts) == (Delivery.DELIVERED, 1)
    assert [url for url, _, _ in post.sent] == [URL]
    assert notify.deliver(office) == ()


def test_an_address_given_before_is_used(office, people, photos, tmp_path, post):
    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    run.run(office, planned, tmp_path)
    notify.set_address(office, "tvaton", URL)
    paper = Paper.of(erasing.erasure(office, "mira"))
    erasing.erase(office, paper.document, people.key("mira").sign(paper.message))
    assert the(office).state is Delivery.WAITING
    assert notify.deliver(office)[0].state is Delivery.DELIVERED


def receiver():
    """The receiver in docs/howto/notices.md, as it stands there."""
    page = Path(__file__).resolve().parents[2] / "docs" / "howto" / "notices.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec(code, names)
    return names["receive"]


def test_the_receiver_in_the_documentation_takes_it_and_nothing_else(office, withdrawn, post):
    notify.set_address(office, "tvaton", URL)
    notify.deliver(office)
    receive = receiver()
    ((_, headers, body),) = post.sent
    key, now = webhook.public_key(office.log_signer.public), testing.NOON.timestamp()
    assert receive(headers, body, key, "tvaton", now) == withdrawn.document()
    assert headers["webhook-id"] == withdrawn.id
    with pytest.raises(ValueError, match="somebody else"):
        receive(headers, body, key, "zandra", now)
    with pytest.raises(ValueError, match="too old"):
        receive(headers, body, key, "tvaton", now + 301)
    others = webhook.public_key(Ed25519PublicKey.from_public_bytes(bytes(range(32))).public_bytes_raw())
    for changed in (
        (headers, body.replace(b"tvaton", b"zandra"), key, "zandra"),
        ({**headers, "webhook-id": "ntc_1"}, body, key, "tvaton"),
        (headers, body, others, "tvaton"),
    ):
        with pytest.raises(InvalidSignature):
            receive(*changed, now)
    assert notice.verify(notice.read(body), office.log_signer.public, verify_raw) == withdrawn


def test_it_is_on_record_where_it_says(office, withdrawn):
    with office.unit() as unit:
        leaf = json.loads(unit.log.bodies()[withdrawn.log_index])
    assert leaf["act"] == "notice:made"
    assert leaf["facts"]["notice"] == withdrawn.id
    assert leaf["facts"]["license"] == withdrawn.license
    assert withdrawn.log == office.log_signer.origin


def test_what_is_not_taken_is_tried_twelve_times_in_three_days_and_then_given_up(office, withdrawn, post, clock):
    post.answers[:] = [NOBODY, 500, 302, 404, 503]
    notify.set_address(office, "tvaton", URL)
    begun, delays = clock.at, []
    for attempt in range(1, 13):
        (tried,) = notify.deliver(office)
        assert notify.deliver(office) == ()
        assert tried.attempts == len(post.sent) == attempt
        assert tried.last_error
        if tried.next_at is None:
            break
        delays.append(tried.next_at - clock.at)
        clock.at = tried.next_at - timedelta(seconds=1)
        assert notify.deliver(office) == ()
        clock.at = tried.next_at
    assert attempt == 12
    assert the(office).state is Delivery.FAILED
    assert timedelta(seconds=30) <= delays[0] <= timedelta(seconds=33)
    assert max(delays) <= timedelta(hours=26.4)
    assert timedelta(days=2.5) <= clock.at - begun <= timedelta(days=3.5)
    clock.pass_days(30)
    assert notify.deliver(office) == ()
    assert {headers["webhook-id"] for _, headers, _ in post.sent} == {withdrawn.id}
    assert len({body for _, _, body in post.sent}) == 1
    stamps = [int(headers["webhook-timestamp"]) for _, headers, _ in post.sent]
    assert stamps == sorted(set(stamps))
    for _, headers, body in post.sent:  # each attempt is signed with its own time
        signed = f"{withdrawn.id}.{headers['webhook-timestamp']}.".encode() + body
        signature = base64.b64decode(headers["webhook-signature"].removeprefix("v1a,"))
        assert verify_raw(signed, signature, office.log_signer.public)


def test_what_was_given_up_begins_anew_at_a_new_address(office, withdrawn, post, clock):
    post.answers[:] = [500]
    notify.set_address(office, "tvaton", URL)
    while the(office).state is not Delivery.FAILED:
        clock.pass_days(2)
        notify.deliver(office)
    post.answers[:] = [204]
    notify.set_address(office, "tvaton", "https://elsewhere.example/")
    assert notify.deliver(office)[0].state is Delivery.DELIVERED
    assert post.sent[-1][0] == "https://elsewhere.example/"


def test_the_diagnosis_says_what_happened_and_nothing_that_the_other_side_wrote(office, withdrawn, post, clock):
    post.answers[:] = [302, NOBODY, 500]
    notify.set_address(office, "tvaton", URL)
    said = []
    for _ in range(3):
        said.append(notify.deliver(office)[0].last_error)
        clock.pass_days(2)
    assert ["redirects" in said[0], said[1], said[2]] == [True, "nobody answered", "it answered 500"]


def test_410_ends_it_for_this_address(office, withdrawn, post, clock):
    post.answers[:] = [410]
    notify.set_address(office, "tvaton", URL)
    (tried,) = notify.deliver(office)
    assert (tried.state, "410" in tried.last_error) == (Delivery.UNADDRESSED, True)
    assert notify.address(office, "tvaton") is None
    clock.pass_days(5)
    assert notify.deliver(office) == ()
    post.answers[:] = [200]
    notify.set_address(office, "tvaton", URL)
    assert notify.deliver(office)[0].state is Delivery.DELIVERED


def test_what_was_sent_but_not_recorded_is_sent_again_under_the_same_id(office, withdrawn, post, clock):
    """As when the process dies between the two."""
    notify.set_address(office, "tvaton", URL)

    class Died(Exception):
        pass

    send = post.send

    def send_and_die(*arguments):
        send(*arguments)
        raise Died

    post.send = send_and_die
    with pytest.raises(Died):
        notify.deliver(office)
    post.send = send
    waiting = the(office)
    assert (waiting.state, waiting.attempts, waiting.last_error) == (Delivery.WAITING, 1, notify.NOT_RECORDED)
    assert notify.deliver(office) == ()
    clock.at = waiting.next_at
    assert notify.deliver(office)[0].state is Delivery.DELIVERED
    assert [headers["webhook-id"] for _, headers, _ in post.sent] == [withdrawn.id] * 2


def test_two_that_deliver_at_once_send_it_once(office, withdrawn, post):
    notify.set_address(office, "tvaton", URL)
    send, others = post.send, []

    def meanwhile(*arguments):
        others.append(notify.deliver(office))
        return send(*arguments)

    post.send = meanwhile
    assert notify.deliver(office)[0].state is Delivery.DELIVERED
    assert others == [()]
    assert len(post.sent) == 1


def test_a_late_failure_does_not_undo_what_another_delivered(office, withdrawn, post, clock):
    """The first deliverer hangs past its time; the second one, later, is taken; then the first one fails."""
    notify.set_address(office, "tvaton", URL)
    send = post.send

    def hang(*arguments):
        post.send = send
        clock.pass_days(1)
        assert notify.deliver(office)[0].state is Delivery.DELIVERED
        raise NOBODY

    post.send = hang
    assert notify.deliver(office)[0].state is Delivery.DELIVERED
    assert the(office).attempts == 2
    clock.pass_days(9)
    assert notify.deliver(office) == ()


@pytest.mark.parametrize("answer", [410, 500])
def test_a_new_address_meanwhile_is_not_dropped_for_the_old_ones_answer(office, withdrawn, post, answer):
    notify.set_address(office, "tvaton", URL)

    def meanwhile(*_arguments):
        notify.set_address(office, "tvaton", "https://new.example/")
        return answer

    post.send = meanwhile
    notify.deliver(office, limit=1)
    assert notify.address(office, "tvaton") == "https://new.example/"
    assert (the(office).state, the(office).attempts, the(office).url) == (Delivery.WAITING, 0, "https://new.example/")


def test_delivery_ends_when_its_time_is_over(office, people, photos, tmp_path, post, clock, withdrawn):
    notify.set_address(office, "tvaton", URL)
    with office.unit() as unit:
        for number in range(5):
            told = withdrawn.document() | {"id": f"ntc_{number}"}
            unit.notices.put(notice.Outgoing(notice.Notice.from_document(told), "00", URL, next_at=clock.at))

    def slow(*_arguments):
        clock.at += timedelta(seconds=9)
        return 500

    post.send = slow
    assert len(notify.deliver(office, within=timedelta(seconds=10))) == 2
    assert len(notify.deliver(office, limit=1)) == 1


def test_only_brands_that_are_known_have_addresses(office, people, withdrawn):
    for party in ("mira", "nordlight", "stranger"):
        with pytest.raises(InputError, match=r"party\.unknown"):
            notify.set_address(office, party, URL)
    with pytest.raises(InputError, match=r"notice\.address"):
        notify.set_address(office, "tvaton", "https://10.0.0.1/")
    assert notify.address(office, "tvaton") is None
    with pytest.raises(InputError, match=r"party\.unknown"):
        notify.address(office, "stranger")
    with pytest.raises(InputError, match=r"notice\.unknown"):
        notify.find(office, "ntc_0")


def test_a_revocation_and_its_notice_are_one_transaction(office, people, photos, tmp_path):
    """Whatever fails before the commit, neither is there."""
    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    run.run(office, planned, tmp_path)
    paper = Paper.of(revoke.revocation(office, "mira"))
    signature = people.key("mira").sign(paper.message)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(office.log_signer), "sign", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            revoke.revoke(office, paper.document, signature)
    assert notify.notices(office) == ()
    with office.unit() as unit:
        assert unit.papers.get(paper.digest) is None
    revoke.revoke(office, paper.document, signature)
    assert len(notify.notices(office)) == 1


def test_another_tenant_has_nothing_of_it(office, withdrawn, tmp_path, clock):
    from twinbook.db import Database

    database = Database(f"sqlite:///{tmp_path / 'home' / 'twinbook.db'}", "other")
    notify.set_address(office, "tvaton", URL)
    with database.unit() as unit:
        assert unit.notices.all() == []
        assert unit.notices.get(withdrawn.id) is None
        assert unit.notices.due(clock.at) is None
        assert unit.notices.address("tvaton") is None
    database.close()


def test_everybody_elses_delivery_goes_on_when_one_never_answers(office, people, photos, tmp_path, post, withdrawn):
    people.introduce(office, "zandra", Role.BRAND)
    notify.set_address(office, "tvaton", URL)
    notify.set_address(office, "zandra", "https://zandra.example/")
    with office.unit() as unit:
        other = notice.Notice.from_document(withdrawn.document() | {"id": "ntc_other", "to": "zandra"})
        unit.notices.put(notice.Outgoing(other, "00", "https://zandra.example/", next_at=testing.NOON))

    def send(url, *_arguments):
        if url == URL:
            raise NOBODY
        return 204

    post.send = send
    with suppress(StateError):
        states = {tried.notice.to: tried.state for tried in notify.deliver(office)}
    assert states == {"tvaton": Delivery.WAITING, "zandra": Delivery.DELIVERED}
