"""What every queue of notices promises, and what every post does: the real ones, and the fake that tests use."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from twinbook import testing
from twinbook.db import Database
from twinbook.domain.errors import InputError
from twinbook.domain.notice import About, Notice, Outgoing
from twinbook.domain.revocation import Grounds
from twinbook.post import HttpPost

NOON = testing.NOON
URL = "https://rights.tvaton.example/"


@pytest.fixture
def database(tmp_path):
    made = Database(f"sqlite:///{tmp_path / 'twinbook.db'}", "one")
    yield made
    made.close()


@pytest.fixture
def other_tenant(tmp_path, database):
    made = Database(f"sqlite:///{tmp_path / 'twinbook.db'}", "other")
    yield made
    made.close()


def an_outgoing(number=0, **changes):
    told = Notice(
        id=f"ntc_{number}",
        to="tvaton",
        log="twinbook.local/one",
        log_index=number,
        made_at=NOON,
        license="0" * 64,
        about=About.LICENSE,
        parts=frozenset(),
        grounds=Grounds.BREACH,
        effective=NOON,
        stop_making=NOON,
        stop_showing=NOON,
        stop_training=None,
        releases=(),
        ended=(),
        pass_on_to=frozenset(),
    )
    return Outgoing(told, "ab" * 64, **{"url": URL, "next_at": NOON, **changes})


def test_what_was_queued_comes_back_as_it_was(database):
    with database.unit() as unit:
        unit.notices.put(an_outgoing(1))
        unit.notices.put(an_outgoing(0, url=None, next_at=None))
    with database.unit() as unit:
        assert unit.notices.get("ntc_1") == an_outgoing(1)
        assert [outgoing.notice.id for outgoing in unit.notices.all()] == ["ntc_1", "ntc_0"]
        assert unit.notices.get("ntc_2") is None


def test_progress_is_noted_and_the_notice_stays(database):
    later = datetime(2026, 6, 2, 1, 2, 3, 456789, tzinfo=UTC)
    with database.unit() as unit:
        unit.notices.put(an_outgoing())
        changed = replace(an_outgoing().notice, to="zandra")
        done = {"attempts": 3, "next_at": None, "delivered_at": later, "last_error": "late"}
        unit.notices.put(replace(an_outgoing(), **done, notice=changed))
        found = unit.notices.get("ntc_0")
    assert found == an_outgoing(**done)
    assert found.notice.to == "tvaton"


def test_the_longest_due_comes_first_and_others_never(database):
    with database.unit() as unit:
        unit.notices.put(an_outgoing(0, next_at=NOON + timedelta(microseconds=1)))
        unit.notices.put(an_outgoing(1, next_at=NOON))
        unit.notices.put(an_outgoing(2, next_at=NOON - timedelta(seconds=1), delivered_at=NOON))
        unit.notices.put(an_outgoing(3, next_at=NOON - timedelta(seconds=1), url=None))
        unit.notices.put(an_outgoing(4, next_at=None))
        assert unit.notices.due(NOON - timedelta(microseconds=1)) is None
        assert unit.notices.due(NOON).notice.id == "ntc_1"
        unit.notices.put(an_outgoing(1, delivered_at=NOON))
        assert unit.notices.due(NOON) is None
        assert unit.notices.due(NOON + timedelta(microseconds=1)).notice.id == "ntc_0"


def test_a_partys_address_is_the_last_one_given(database):
    with database.unit() as unit:
        assert unit.notices.address("tvaton") is None
        unit.notices.set_address("tvaton", URL)
        unit.notices.set_address("tvaton", URL + "2")
        assert unit.notices.address("tvaton") == URL + "2"
        assert unit.notices.address("zandra") is None
        unit.notices.set_address("tvaton", None)
        assert unit.notices.address("tvaton") is None


def test_another_tenant_sees_and_changes_nothing(database, other_tenant):
    with database.unit() as unit:
        unit.notices.put(an_outgoing())
        unit.notices.set_address("tvaton", URL)
    with other_tenant.unit() as unit:
        assert (unit.notices.get("ntc_0"), list(unit.notices.all()), unit.notices.due(NOON)) == (None, [], None)
        assert unit.notices.address("tvaton") is None
        unit.notices.set_address("tvaton", None)
        unit.notices.put(an_outgoing(attempts=9))
    with database.unit() as unit:
        assert unit.notices.get("ntc_0") == an_outgoing()
        assert unit.notices.address("tvaton") == URL


def test_what_failed_halfway_left_nothing(database):
    def fail_halfway():
        with database.unit() as unit:
            unit.notices.put(an_outgoing())
            unit.notices.set_address("tvaton", URL)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    with database.unit() as unit:
        assert unit.notices.all() == []
        assert unit.notices.address("tvaton") is None


POSTS = [testing.FakePost(), HttpPost(resolve=lambda *_: ["93.184.215.14"])]


@pytest.mark.parametrize("post", POSTS, ids=lambda post: type(post).__name__)
def test_every_post_judges_addresses_alike(post):
    for url in (URL, "https://example.com:8443/hook?a=1", "https://93.184.215.14/"):
        post.check(url)
    for url in (
        "http://example.com/",
        "https://127.0.0.1/",
        "https://169.254.169.254/",
        "https://a:b@example.com/",
        "",
    ):
        for refused in (lambda url=url: post.check(url), lambda url=url: post.send(url, {}, b"{}")):
            with pytest.raises(InputError, match=r"notice\.address"):
                refused()
