"""What every vault promises: who reads what under which permit, what is kept whole, and what a new key changes."""

import os
import threading
from dataclasses import fields, make_dataclass, replace
from datetime import timedelta
from enum import StrEnum
from itertools import product

import numpy as np
import pytest

from twinbook import testing
from twinbook.domain.errors import InputError, StateError, VaultRefused
from twinbook.domain.permit import READS, WRITES, Act, Kept, Permit
from twinbook.domain.twin import Backdrop, Box, PlateFacts
from twinbook.ports import Plate
from twinbook.vault import FileRetention, FileVault, derive
from twinbook.vault.packing import pack, unpack

MASTER = bytes(range(32))


class Spent:
    """A register in memory."""

    def __init__(self):
        self.spent = set()

    def spend(self, permit):
        if permit.id in self.spent:
            raise VaultRefused("permit.spent", "used")
        self.spent.add(permit.id)


def a_plate(seed=1, name="p1"):
    random = np.random.default_rng(seed)
    facts = PlateFacts(name, "view-0", 8, 9, Box(1, 2, 3, 4), Box(0, 0, 8, 9), Backdrop.BUSY, 9.5)
    return Plate(
        facts,
        random.integers(0, 255, (9, 8, 3), np.uint8),
        random.integers(0, 255, (9, 8), np.uint8),
        random.random((5, 2), np.float32),
        random.random(128),
        random.random(3),
    )


def same(one, other):
    pairs = ((getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return all(np.array_equal(a, b) and a.dtype == b.dtype if isinstance(a, np.ndarray) else a == b for a, b in pairs)


@pytest.fixture
def make(tmp_path, clock):
    """Opens the vault in this folder, as another process would."""
    return lambda master=MASTER, patience=5.0: FileVault(tmp_path / "vault", master, Spent(), clock, patience)


@pytest.fixture
def vault(make):
    return make()


def granted(act, talent="mira", master=MASTER):
    made = Permit(os.urandom(8).hex(), act, talent, "0" * 64, "0" * 64, None, testing.NOON + timedelta(minutes=5))
    return made.sealed(derive(master, "permit"))


def lent(vault, act, talent="mira", master=MASTER):
    return vault.open(talent, granted(act, talent, master))


@pytest.fixture
def filled(vault):
    """Two plates and a picture of hers, one plate of another talent."""
    with lent(vault, Act.ENROLL) as twin:
        twin.put_plate(a_plate())
        twin.put_plate(a_plate(2, "p2"))
    with lent(vault, Act.RENDER) as twin:
        twin.put_picture("work-1/abc", a_plate().rgb_srgb)
    with lent(vault, Act.ENROLL, "sami") as twin:
        twin.put_plate(a_plate(3))
    return vault


def whole(vault, master=MASTER):
    with lent(vault, Act.MEASURE, master=master) as twin:
        return (
            same(twin.plate("p1"), a_plate())
            and same(twin.plate("p2"), a_plate(2, "p2"))
            and np.array_equal(twin.picture("work-1/abc"), a_plate().rgb_srgb)
        )


# --- what is stored


def test_what_was_put_in_comes_out_and_is_replaced_whole(filled):
    assert whole(filled)
    with lent(filled, Act.ENROLL) as twin:
        twin.put_plate(replace(a_plate(2), alpha=None))
    with lent(filled, Act.MEASURE) as twin:
        assert same(twin.plate("p1"), replace(a_plate(2), alpha=None))


class View(StrEnum):
    FRONT = "front"


def test_a_plate_is_read_that_was_stored_before_it_had_all_its_fields():
    """The plate of today, stored; read by the plate of tomorrow, with whatever kinds of fields that may get."""
    more = [
        ("stance", View, View.FRONT),
        ("lean", float | None, None),
        ("areas", dict[str, np.ndarray], None),
        ("girths", dict[str, float], None),
        ("boxes", tuple[Box, ...], ()),
    ]
    tomorrow = make_dataclass(
        "Tomorrow",
        [(f.name, f.type if not isinstance(f.type, str) else Plate.__annotations__[f.name]) for f in fields(Plate)]
        + more,
        frozen=True,
        namespace={"__module__": Plate.__module__},
    )
    read = unpack(tomorrow, pack(a_plate()))
    assert same(replace(a_plate()), Plate(*(getattr(read, f.name) for f in fields(Plate))))
    assert (read.stance, read.lean, read.boxes) == (View.FRONT, None, ())
    filled = replace(
        read, lean=0.1 + 0.2, areas={"top": a_plate().alpha}, girths={"hips": 90.5}, boxes=(Box(1, 2, 3, 4),)
    )
    again = unpack(tomorrow, pack(filled))
    assert (again.lean, again.girths, again.boxes) == (filled.lean, filled.girths, filled.boxes)
    assert np.array_equal(again.areas["top"], filled.areas["top"])
    assert same(a_plate(), unpack(Plate, pack(filled)))  # and yesterday's reader passes over what it doesn't know


def test_what_a_plate_needs_and_never_had_is_named():
    needy = make_dataclass("Needy", [("facts", PlateFacts), ("gait", float)], frozen=True)
    with pytest.raises(StateError, match="gait"):
        unpack(needy, pack(a_plate()))


def test_what_could_run_is_not_stored():
    with pytest.raises(TypeError):
        pack(replace(a_plate(), alpha=np.array([print], object)))
    with pytest.raises(TypeError):
        pack(replace(a_plate(), alpha=print))


# --- who reads what


@pytest.mark.parametrize("act", Act)
def test_an_act_reads_what_it_may_and_nothing_else(filled, act):
    may = READS[act]
    with lent(filled, act) as twin:
        if Kept.MEASUREMENTS not in may:
            with pytest.raises(VaultRefused, match=r"permit\.act"):
                twin.plate("p1")
        else:
            plate = twin.plate("p1")
            assert plate.facts == a_plate().facts
            assert (plate.rgb_srgb.size > 0, plate.alpha.size > 0) == (Kept.PIXELS in may,) * 2
            assert (plate.embedding.size > 0) == (Kept.TEMPLATE in may)
        if Kept.PICTURES not in may:
            with pytest.raises(VaultRefused, match=r"permit\.act"):
                twin.picture("work-1/abc")
        else:
            assert twin.picture("work-1/abc").size


@pytest.mark.parametrize(("act", "what"), list(product(Act, ("plate", "picture"))))
def test_an_act_writes_what_it_may_and_nothing_else(filled, act, what):
    allowed = {"plate": Kept.PIXELS, "picture": Kept.PICTURES}[what] in WRITES.get(act, ())

    def put(twin):
        twin.put_plate(a_plate()) if what == "plate" else twin.put_picture("w/x", a_plate().rgb_srgb)

    with lent(filled, act) as twin:
        if allowed:
            put(twin)
        else:
            with pytest.raises(VaultRefused, match=r"permit\.act"):
                put(twin)


def test_to_look_and_to_recognise_are_two_permits():
    assert Kept.TEMPLATE not in READS[Act.VIEW] | READS[Act.RENDER]
    assert Kept.PIXELS not in READS[Act.MONITOR]
    assert {act for act in Act if Kept.TEMPLATE in READS[act]} == {Act.MEASURE, Act.MONITOR, Act.DISCLOSE}


# --- erasing


def test_erased_is_erased_and_the_other_stays(filled, make):
    box = filled.box("mira")
    filled.erase("mira")
    filled.erase("mira")
    assert [b.name for b in make().state().boxes] == [filled.box("sami")]
    assert box != filled.box("sami")
    with pytest.raises(VaultRefused, match=r"vault\.missing"), lent(filled, Act.MEASURE):
        pass
    with lent(filled, Act.MEASURE, "sami") as twin:
        assert same(twin.plate("p1"), a_plate(3))


def test_the_pictures_of_one_work_go_alone(filled):
    with lent(filled, Act.RENDER) as twin:
        twin.put_picture("work-2/abc", a_plate(2).rgb_srgb)
    filled.forget_pictures("mira", "work-1")
    filled.forget_pictures("mira", "work-1")
    filled.forget_pictures("nobody", "work-1")
    with lent(filled, Act.MEASURE) as twin:
        assert np.array_equal(twin.picture("work-2/abc"), a_plate(2).rgb_srgb)
        with pytest.raises(VaultRefused, match=r"vault\.missing"):
            twin.picture("work-1/abc")


def test_an_erasure_waits_until_loans_have_ended(filled, make):
    impatient, done = make(patience=0.05), threading.Event()
    with lent(filled, Act.MEASURE):
        with pytest.raises(StateError, match=r"vault\.busy"):
            impatient.erase("mira")
        with lent(make(), Act.MEASURE):  # another loan is no hindrance
            pass
        waiting = threading.Thread(target=lambda: (filled.erase("mira"), done.set()))
        waiting.start()
        assert not done.wait(0.1)
    waiting.join()
    assert done.is_set()


def test_an_alias_tells_nothing_and_stays(filled, make):
    alias = filled.alias("mira")
    assert alias == make().alias("mira") != filled.alias("sami")
    assert "mira" not in alias
    assert filled.alias("mira") != make(bytes(32)).alias("mira")


# --- new keys


def test_a_new_data_key_seals_everything_anew(filled, make, tmp_path):
    box = tmp_path / "vault" / filled.box("mira")
    before = {file: file.read_bytes() for file in box.rglob("*") if file.is_file()}
    assert filled.rotate("mira") == 3
    after = {file: file.read_bytes() for file in box.rglob("*") if file.is_file()}
    assert before.keys() == after.keys()
    assert all(before[file] != after[file] for file in before)
    assert whole(filled)
    assert whole(make())
    for file, data in before.items():  # what was copied from the disk before doesn't fit any more
        if file.name != "key":
            file.write_bytes(data)
            break
    with pytest.raises(StateError, match=r"vault\.damaged"):
        whole(make())


def test_a_rotation_waits_for_loans_to_begin_and_goes_on_beside_them(filled, make):
    with lent(filled, Act.RENDER) as twin:
        with pytest.raises(StateError, match=r"vault\.busy"):
            make(patience=0.05).rotate("mira")
        twin.put_picture("work-1/late", a_plate().rgb_srgb)
    filled.rotate("mira")
    assert whole(make())
    with lent(make(), Act.MEASURE) as twin:
        assert len(twin.picture("work-1/late"))


def test_writers_and_readers_beside_rotations(filled, make):
    """Two rotate in turn while three write and read: nothing gets lost, nothing unreadable."""
    faults, stop = [], threading.Event()

    def work(number):
        mine, count = make(), 0
        while not stop.is_set():
            try:
                with lent(mine, Act.RENDER) as twin:
                    twin.put_picture(f"w{number}/{count}", np.full((2, 2, 3), count % 250, np.uint8))
                with lent(mine, Act.MEASURE) as twin:
                    assert all(int(twin.picture(f"w{number}/{i}")[0, 0, 0]) == i % 250 for i in range(count + 1))
                count += 1
            except BaseException as error:
                faults.append(repr(error))
                return

    writers = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    try:
        rotated = [make(patience=30.0).rotate("mira") for _ in range(4)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert faults == []
    assert all(rotated)
    assert whole(make())


def test_a_new_master_key_opens_what_the_old_one_did(filled, make, tmp_path):
    new, alias, box = os.urandom(32), filled.alias("mira"), filled.box("mira")
    objects = {
        f: f.read_bytes() for f in (tmp_path / "vault").rglob("*") if f.is_file() and f.name not in ("key", "ring")
    }
    assert filled.rotate_master(new) == 2
    assert objects == {f: f.read_bytes() for f in objects}
    assert whole(make(new), new)
    assert (make(new).alias("mira"), make(new).box("mira")) == (alias, box)
    with pytest.raises(InputError, match=r"key\.master"):
        make()
    with pytest.raises(InputError, match=r"key\.master"):
        whole(filled)  # a process that still has the old one is told so
    newer = os.urandom(32)
    make(new).rotate_master(newer)
    assert whole(make(newer), newer)
    with pytest.raises(InputError, match=r"key\.master"):
        make(new)


def test_in_the_middle_of_a_new_master_key_both_open_it(filled, make):
    new, halfway = os.urandom(32), []

    def adopted():
        halfway.append((whole(make()), whole(make(new), new), make().state().rotating))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filled.rotate_master(new, adopted)
    assert halfway == [(True, True, True)]
    with pytest.raises(InputError, match=r"key\.master"):
        make().rotate_master(os.urandom(32))  # first finish the one that was begun
    with lent(make(), Act.ENROLL, "eve") as twin:
        twin.put_plate(a_plate(5))
    make(new).rotate_master(new)
    assert whole(make(new), new)
    with lent(make(new), Act.MEASURE, "eve", new) as twin:
        assert same(twin.plate("p1"), a_plate(5))
    assert not make(new).state().rotating


def test_the_old_master_key_is_not_the_new_one(filled, make):
    with pytest.raises(InputError, match=r"key\.master"):
        filled.rotate_master(MASTER)
    with pytest.raises(InputError, match=r"key\.master"):
        filled.rotate_master(b"short")
    assert whole(make())


def test_the_retention_key_has_32_bytes(tmp_path):
    with pytest.raises(InputError, match=r"key\.retention"):
        FileRetention(tmp_path, b"short")


# --- what was trained on her ------------------------------------------------------------------------------------


@pytest.fixture
def trained(filled):
    with lent(filled, Act.TRAIN) as twin:
        for name in ("adapter", "adapter.training/state", "adapter.training/latents/p1"):
            twin.put_weights(name, name.encode())
    return filled


def test_weights_come_back_to_train_and_to_render_only(trained):
    for act in (Act.TRAIN, Act.RENDER):
        with lent(trained, act) as twin:
            assert twin.weights("adapter.training/state") == b"adapter.training/state"
    with lent(trained, Act.VIEW) as twin, pytest.raises(VaultRefused, match=r"permit\.act"):
        twin.weights("adapter")
    with lent(trained, Act.RENDER) as twin, pytest.raises(VaultRefused, match=r"permit\.act"):
        twin.put_weights("adapter", b"another")


def test_one_object_of_a_training_is_dropped_alone(trained):
    with lent(trained, Act.TRAIN) as twin:
        twin.drop_weights("adapter.training/state")
        twin.drop_weights("adapter.training/state")
        with pytest.raises(VaultRefused, match=r"vault\.missing"):
            twin.weights("adapter.training/state")
        assert twin.weights("adapter") == b"adapter"


def test_everything_that_was_trained_on_her_goes_and_nothing_else(trained, make):
    with lent(trained, Act.ENROLL, "eve") as twin:
        twin.put_plate(a_plate(5))
    with lent(trained, Act.TRAIN, "eve") as twin:
        twin.put_weights("adapter", b"hers")
    for _ in range(2):
        make().forget_weights("mira")
    make().forget_weights("nobody")
    assert whole(trained)
    with lent(trained, Act.TRAIN) as twin:
        for name in ("adapter", "adapter.training/state", "adapter.training/latents/p1"):
            with pytest.raises(VaultRefused, match=r"vault\.missing"):
                twin.weights(name)
    with lent(trained, Act.TRAIN, "eve") as twin:
        assert twin.weights("adapter") == b"hers"


def test_a_new_data_key_takes_the_weights_along(trained):
    trained.rotate("mira")
    with lent(trained, Act.RENDER) as twin:
        assert twin.weights("adapter") == b"adapter"
