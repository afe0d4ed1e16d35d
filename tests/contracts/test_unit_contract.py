"""What every unit of work promises. One adapter so far: SQLAlchemy on SQLite, which is also what tests use."""

from dataclasses import replace
from datetime import timedelta

import pytest

from twinbook import testing
from twinbook.db import Database
from twinbook.domain import ledger
from twinbook.domain.consent import Part
from twinbook.domain.errors import SignatureRefused, StateError
from twinbook.domain.log import Entry
from twinbook.domain.money import Money
from twinbook.domain.paper import Paper
from twinbook.domain.party import Duty, Key, PaperKind, Party, Role, Signature
from twinbook.domain.provenance import ReleaseId
from twinbook.domain.royalty import Payee
from twinbook.domain.twin import Twin, TwinKind
from twinbook.domain.weights import Checkpoint, Family
from twinbook.domain.work import Stage, Work


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


def a_work(release="0123456789ab"):
    return Work("a-shot", "autumn", "blue", testing.a_shot(), {"mira": "0" * 64}, ReleaseId(release))


def a_paper():
    return Paper.of(Payee("mira", "Mira Holm", "SE45 5000 0000 0583 9825 7466"))


def a_twin(version=1):
    return Twin(f"mira:{version}", "mira", version, TwinKind.REPLICA, ())


def a_checkpoint(name="c1", version=1, talent="mira"):
    return Checkpoint(
        id=name,
        talent=talent,
        twin=f"{talent}:{version}",
        weights="sdxl",
        weights_digest="0" * 64,
        family=Family.SDXL,
        token="zqx",
        step=200,
        rank=16,
        plates=("p1", "p2"),
        sha256="1" * 64,
        made_at=testing.NOON,
        scores={100: 0.25, 200: 0.5},
        licence="OpenRAIL++",
        commercial=True,
        captures="2" * 64,
        plan={"steps": 200, "learning_rate": 0.0001, "device": ""},
        losses={1: 0.5, 200: 0.125},
    )


def fill(unit):
    """One of everything."""
    unit.parties.put(Party("mira", Role.TALENT, "Mira Holm"))
    unit.parties.register(Key("ed25519:1", "ed25519", "00", "mira", Role.TALENT), testing.NOON)
    unit.papers.draw(a_paper(), "mira", "terms", testing.NOON)
    unit.papers.sign(a_paper().digest, Signature("ed25519:1", "ed25519", "00"), testing.NOON)
    unit.twins.put(a_twin(), "captures", testing.NOON)
    unit.checkpoints.put(a_checkpoint())
    unit.works.put(a_work())
    unit.books.post(ledger.hold("a-shot", "mira", 1, "tvaton", Money("EUR", 45000), testing.NOON))
    unit.log.append(Entry(testing.NOON, "test:made", {}, "00" * 16))
    assert unit.spend("a-permit", testing.NOON)


def test_what_was_done_is_there_afterwards(database):
    with database.unit() as unit:
        fill(unit)
    with database.unit() as unit:
        assert unit.parties.get("mira").name == "Mira Holm"
        assert unit.papers.get(a_paper().digest).signatures[0].key.party == "mira"
        assert unit.works.get("a-shot").shot == testing.a_shot()
        assert len(unit.books.transactions()) == len(unit.log.bodies()) == 1


def test_what_failed_halfway_left_nothing(database):
    def fail_halfway():
        with database.unit() as unit:
            fill(unit)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    with database.unit() as unit:
        assert unit.parties.get("mira") is None
        assert not unit.log.bodies()
        assert unit.spend("a-permit", testing.NOON)


def test_another_tenant_sees_nothing_of_it(database, other_tenant):
    with database.unit() as unit:
        fill(unit)
    with other_tenant.unit() as unit:
        assert unit.parties.get("mira") is None
        assert not unit.parties.keys()
        assert unit.papers.get(a_paper().digest) is None
        assert not unit.papers.of("mira", PaperKind.PAYEE)
        assert unit.works.get("a-shot") is None
        assert unit.works.by_release(ReleaseId("0123456789ab")) is None
        assert not unit.works.of_talent("mira")
        assert unit.checkpoints.get("c1") is None
        assert not unit.checkpoints.of_twin("mira", "mira:1")
        assert not unit.checkpoints.current("mira")
        assert not unit.checkpoints.all()
        assert unit.checkpoints.drop("mira") == 0
        assert not unit.books.transactions()
        assert not unit.log.bodies()
        assert unit.spend("a-permit", testing.NOON)


def test_a_permit_is_spent_once(database):
    with database.unit() as unit:
        assert unit.spend("a-permit", testing.NOON)
        assert not unit.spend("a-permit", testing.NOON)


def test_a_work_is_not_overwritten_by_who_read_it_earlier(database):
    with database.unit() as unit:
        first = unit.works.put(a_work())
    with database.unit() as unit:
        unit.works.put(first.to(Stage.HELD))
    with pytest.raises(StateError, match=r"home\.busy"), database.unit() as unit:
        unit.works.put(first.to(Stage.REFUSED))


def test_a_movement_is_booked_once(database):
    held = ledger.hold("a-shot", "mira", 1, "tvaton", Money("EUR", 45000), testing.NOON)
    with database.unit() as unit:
        unit.books.post(held)
        assert unit.books.open_holds("a-shot") == [held]
        unit.books.post(ledger.void(held, testing.NOON))
        assert not unit.books.open_holds("a-shot")
    with pytest.raises(StateError, match=r"books\.hold"), database.unit() as unit:
        unit.books.post(ledger.settle(held, {"talent:mira": Money("EUR", 45000)}, testing.NOON))


def test_images_are_counted_in_their_month_and_without_the_voided(database):
    with database.unit() as unit:
        for number, days in enumerate((0, 0, 40)):
            at = testing.NOON + timedelta(days=days)
            unit.books.post(ledger.hold(f"shot-{number}", "mira", 1, "tvaton", Money("EUR", 1), at))
        unit.books.post(ledger.void(unit.books.open_holds("shot-1")[0], testing.NOON))
        assert unit.books.images("mira", 2026, 6, but="") == 1
        assert unit.books.images("mira", 2026, 6, but="shot-0") == 0
        assert unit.books.images("mira", 2026, 7, but="") == 1


def test_an_image_that_is_settled_in_the_next_month_counts_in_both(database):
    held = ledger.hold("a-shot", "mira", 1, "tvaton", Money("EUR", 45000), testing.NOON)
    with database.unit() as unit:
        unit.books.post(held)
        assert [unit.books.images("mira", 2026, month, but="") for month in (6, 7, 8)] == [1, 0, 0]
        unit.books.post(ledger.settle(held, {"talent:mira": Money("EUR", 45000)}, testing.NOON + timedelta(days=30)))
        assert [unit.books.images("mira", 2026, month, but="") for month in (6, 7, 8)] == [1, 1, 0]
        assert unit.books.images("mira", 2026, 7, but="a-shot") == 0


def test_a_checkpoint_comes_back_whole_and_belongs_to_its_twin(database):
    with database.unit() as unit:
        for version in (1, 2):
            unit.twins.put(a_twin(version), "captures", testing.NOON)
        for checkpoint in (a_checkpoint("z"), a_checkpoint("b", 2), a_checkpoint("a", 2), a_checkpoint("s", 1, "sami")):
            unit.checkpoints.put(checkpoint)
    with database.unit() as unit:
        assert unit.checkpoints.get("z") == a_checkpoint("z")
        assert unit.checkpoints.of_twin("mira", "mira:1") == [a_checkpoint("z")]
        assert [each.id for each in unit.checkpoints.current("mira")] == ["b", "a"], "the newest last"
        assert not unit.checkpoints.current("sami"), "there is no twin of that one"
        assert unit.checkpoints.get("nothing") is None


def test_a_checkpoint_is_never_edited(database):
    with database.unit() as unit:
        unit.checkpoints.put(a_checkpoint())
    with pytest.raises(StateError, match=r"training\.failed"), database.unit() as unit:
        unit.checkpoints.put(replace(a_checkpoint(), step=100))
    with database.unit() as unit:
        assert unit.checkpoints.get("c1").step == 200


def test_a_talents_checkpoints_go_when_she_is_forgotten_or_trains_nobody_any_more(database, other_tenant):
    for made in (database, other_tenant):
        with made.unit() as unit:
            unit.parties.put(Party("mira", Role.TALENT, "Mira Holm"))
            unit.checkpoints.put(a_checkpoint())
            unit.checkpoints.put(a_checkpoint("s", 1, "sami"))
    with database.unit() as unit:
        unit.forget("mira", "erased-1")
        assert [each.id for each in unit.checkpoints.all()] == ["s"]
        assert unit.checkpoints.drop("sami") == 1
    with database.unit() as unit:
        assert not unit.checkpoints.all()
    with other_tenant.unit() as unit:
        assert len(unit.checkpoints.all()) == 2


@pytest.mark.parametrize("days", [(0, 30), (30, 0), (30, 0, 15)])
def test_the_earliest_withdrawal_of_a_part_stands(database, days):
    with database.unit() as unit:
        fill(unit)
        for after in days:
            unit.papers.withdraw(a_paper().digest, Part.TRAIN, "by", testing.NOON + timedelta(days=after))
        unit.papers.withdraw(a_paper().digest, Part.MONITOR, "by", testing.NOON + timedelta(days=3))
        withdrawn = unit.papers.get(a_paper().digest).withdrawn
    assert withdrawn == {Part.TRAIN: testing.NOON, Part.MONITOR: testing.NOON + timedelta(days=3)}


def test_a_key_belongs_to_one_party(database):
    with database.unit() as unit:
        unit.parties.register(Key("ed25519:1", "ed25519", "00", "mira", Role.TALENT), testing.NOON)
        unit.parties.register(Key("ed25519:1", "ed25519", "00", "mira", Role.TALENT), testing.NOON)
        for thief in (
            Key("ed25519:1", "ed25519", "00", "nordlight", Role.AGENCY),
            Key("ed25519:1", "ed25519", "00", "mira", Role.BRAND),
        ):
            with pytest.raises(SignatureRefused, match=r"signature\.key_taken"):
                unit.parties.register(thief, testing.NOON)


def test_a_key_keeps_its_duties_and_its_days(database):
    whole = Key("ed25519:1", "ed25519", "00", "nordlight", Role.AGENCY)
    passkey = Key(
        *("webauthn:2", "webauthn-es256", "01", "nordlight", Role.AGENCY, "home.example", "https://home.example"),
        duties=frozenset({Duty.SIGN}),
        since=testing.NOON + timedelta(microseconds=1),
        until=testing.NOON + timedelta(days=1),
    )
    with database.unit() as unit:
        unit.parties.register(whole, testing.NOON)
        unit.parties.register(passkey, testing.NOON + timedelta(hours=1))
    with database.unit() as unit:
        assert unit.parties.keys() == [whole, passkey]
        assert unit.parties.key("webauthn:2") == passkey


def test_a_key_that_is_registered_again_stays_as_it_is(database):
    key = Key("ed25519:1", "ed25519", "00", "nordlight", Role.AGENCY, duties=frozenset({Duty.SIGN}))
    with database.unit() as unit:
        unit.parties.register(key, testing.NOON)
        unit.parties.end_key(key.id, testing.NOON)
        unit.parties.register(replace(key, duties=frozenset(Duty), since=None), testing.NOON)
        assert unit.parties.key(key.id) == replace(key, until=testing.NOON)


def test_the_end_of_a_key_is_exact_moves_and_can_be_taken_back(database, other_tenant):
    key = Key("ed25519:1", "ed25519", "00", "mira", Role.TALENT)
    for made in (database, other_tenant):
        with made.unit() as unit:
            unit.parties.register(key, testing.NOON)
    with database.unit() as unit:
        unit.parties.end_key("ed25519:1", testing.NOON + timedelta(microseconds=1))
        assert unit.parties.key("ed25519:1").until == testing.NOON + timedelta(microseconds=1)
        unit.parties.end_key("ed25519:1", testing.NOON)
        assert not unit.parties.key("ed25519:1").counts(testing.NOON)
    with other_tenant.unit() as unit:
        assert unit.parties.key("ed25519:1").until is None
    with database.unit() as unit:
        unit.parties.end_key("ed25519:1", None)
        assert unit.parties.key("ed25519:1") == key


def test_a_signature_brings_its_key_as_it_now_stands(database):
    with database.unit() as unit:
        fill(unit)
        unit.parties.end_key("ed25519:1", testing.NOON)
        (signed,) = unit.papers.get(a_paper().digest).signatures
        assert signed.key.until == testing.NOON


def test_the_day_of_a_death_is_kept_and_can_be_taken_back(database, other_tenant):
    for made in (database, other_tenant):
        with made.unit() as unit:
            unit.parties.put(Party("mira", Role.TALENT, "Mira Holm"))
            assert unit.parties.died("mira") is None
            assert unit.parties.died("nobody") is None
    with database.unit() as unit:
        unit.parties.die("mira", testing.NOON.date())
        unit.parties.put(Party("mira", Role.TALENT, "Mira Holm-Lind"))
    with database.unit() as unit:
        assert unit.parties.died("mira") == testing.NOON.date()
        unit.parties.die("mira", None)
        assert unit.parties.died("mira") is None
    with other_tenant.unit() as unit:
        assert unit.parties.died("mira") is None


def test_the_first_revocation_stands(database):
    with database.unit() as unit:
        unit.papers.draw(a_paper(), "mira", "terms", testing.NOON)
        unit.papers.revoke(a_paper().digest, "by", testing.NOON)
        unit.papers.revoke(a_paper().digest, "later", testing.NOON + timedelta(days=1))
        assert unit.papers.get(a_paper().digest).revoked_at == testing.NOON


def test_the_schema_is_the_one_the_code_describes(database):
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from twinbook.db.tables import metadata

    with database._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_database_of_a_newer_twinbook_is_left_alone(tmp_path, database):
    import sqlite3

    with sqlite3.connect(tmp_path / "twinbook.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(StateError, match=r"home\.newer"):
        Database(f"sqlite:///{tmp_path / 'twinbook.db'}", "one")
