"""What a licensee is given: its own released, unrevoked pictures under a live license, and what it must know."""

import csv
import hashlib
import io
import json
import zipfile
from dataclasses import replace

import pytest

from twinbook import testing
from twinbook.domain.brief import FORMATS
from twinbook.domain.consent import Part
from twinbook.domain.errors import InputError, Refused, StateError
from twinbook.domain.paper import Paper
from twinbook.domain.provenance import State
from twinbook.domain.work import Stage
from twinbook.services import deliver, erase, revoke, run
from twinbook.services.trace import trace
from twinbook.services.verify import verify


@pytest.fixture
def released(office, people, photos, tmp_path):
    planned = testing.campaign(
        photos,
        [testing.a_shot("one", formats=("instagram-4x5", "tiktok-9x16"))],
        parts=tuple(Part),
        channels=("instagram", "tiktok"),
        sublicensees=frozenset({"Printworks"}),
    )
    people.sign_all(office, planned)
    (work,) = run.run(office, planned, tmp_path).works
    assert work.stage is Stage.RELEASED
    with office.unit() as unit:
        work = unit.works.get(work.id)
        return work, unit.papers.get(next(iter(work.licenses.values()))).terms


def opened(delivery):
    with zipfile.ZipFile(io.BytesIO(delivery.archive)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_everything_is_there_and_its_checksum(office, released):
    work, license = released
    files = opened(deliver.deliver(office, license.brand.id))
    assert {f"images/{copy.name}" for copy in work.copies} < files.keys()
    assert {
        "captions.csv",
        "compliance.json",
        "compliance.md",
        "notes/instagram.txt",
        "notes/tiktok.txt",
    } < files.keys()
    sums = dict(reversed(line.split("  ")) for line in files.pop("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert {hashlib.sha256(files[f"images/{copy.name}"]).hexdigest() for copy in work.copies} == {
        copy.sha256 for copy in work.copies
    }


def test_every_channel_but_ones_own_pages_has_notes():
    assert {shape.channel for shape in FORMATS.values()} - {"web"} == set(deliver.PLATFORMS)


def test_the_labels_words_are_caption_and_alternative_text(office, released):
    _, license = released
    files = opened(deliver.deliver(office, license.brand.id))
    rows = list(csv.DictReader(io.StringIO(files["captions.csv"].decode())))
    assert len(rows) == 2
    for row in rows:
        assert row["caption"]
        assert row["alt_text"].startswith(row["caption"])
        assert row["digital_source_type"].startswith("http://cv.iptc.org/")
    sheet = json.loads(files["compliance.json"])
    assert {(row["territory"], row["channel"]) for row in sheet} == {
        (territory, channel) for territory in license.territories for channel in ("instagram", "tiktok")
    }
    assert all(row["until"] == license.ends.isoformat() for row in sheet)


def test_the_same_books_give_the_same_bytes(office, released):
    _, license = released
    assert deliver.deliver(office, license.brand.id) == deliver.deliver(office, license.brand.id)


def test_another_brand_and_another_tenant_get_nothing(office, released, tmp_path, clock):
    _, license = released
    with pytest.raises(InputError, match=r"delivery\.none"):
        deliver.deliver(office, "somebody-else")
    with testing.open_fake_office(tmp_path / "elsewhere", clock) as other, pytest.raises(InputError, match="nothing"):
        deliver.deliver(other, license.brand.id)


def test_nothing_of_an_ended_license_is_delivered(office, released, clock):
    _, license = released
    clock.pass_days(license.term_days + 1)
    with pytest.raises(InputError, match="not in force today"):
        deliver.deliver(office, license.brand.id)


def test_nothing_revoked_is_delivered(office, released, people):
    _, license = released
    paper = Paper.of(revoke.revocation(office, "mira", ()))
    revoke.revoke(office, paper.document, people.key("mira").sign(paper.message))
    with pytest.raises(InputError, match="revoked"):
        deliver.deliver(office, license.brand.id)


def test_a_copy_that_was_changed_is_never_delivered(office, released):
    work, license = released
    file = next(iter(office.outbox.released(work.release).values()))
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(StateError, match=r"delivery\.changed"):
        deliver.deliver(office, license.brand.id)


# --- copies for whom the brand passes them on to -----------------------------------------------------------------


def images(delivery):
    return {name: data for name, data in opened(delivery).items() if name.startswith("images/")}


@pytest.fixture
def own_people(released):
    return f"{released[1].brand.id}/press"


def test_each_recipient_gets_copies_of_its_own(office, released, own_people):
    work, license = released
    hers, press, printer = (
        deliver.deliver(office, license.brand.id, recipient) for recipient in ("", own_people, "printworks")
    )
    assert len(images(press)) == len(images(printer)) == len(work.copies)
    everything = [*images(hers).values(), *images(press).values(), *images(printer).values()]
    assert len(set(everything)) == 3 * len(work.copies)
    assert not any("press" in name or "printworks" in name for name in images(press) | images(printer))


def test_a_recipient_gets_the_same_bytes_again(office, released, own_people):
    _, license = released
    first = deliver.deliver(office, license.brand.id, own_people)
    assert deliver.deliver(office, license.brand.id, own_people.upper()) == first


def test_a_leak_is_traced_to_its_recipient(office, released, own_people):
    work, license = released
    deliver.deliver(office, license.brand.id, "printworks")
    for data in images(deliver.deliver(office, license.brand.id, own_people)).values():
        found = trace(office, data)
        assert [each.recipient for each in found.above] == [own_people]
        assert len(found.ranked) == 3 * len(work.copies)
        assert verify(office, data).state is State.INTACT


def test_nobody_is_passed_copies_whom_no_license_names(office, released):
    work, license = released
    for stranger in ("somebody", "otherbrand/press", f"{license.brand.id}/", "/"):
        with pytest.raises(InputError, match=r"delivery\.recipient"):
            deliver.deliver(office, license.brand.id, stranger)
    assert not office.outbox.added(work.release)


def test_passing_on_costs_nothing_and_is_in_her_log(office, released, own_people):
    _, license = released
    with office.unit() as unit:
        before = unit.books.transactions()
    deliver.deliver(office, license.brand.id, own_people)
    deliver.deliver(office, license.brand.id, own_people)
    with office.unit() as unit:
        assert unit.books.transactions() == before
        acts = [json.loads(body)["act"] for body in unit.log.bodies()]
    assert acts.count("image:passed-on") == 2  # two formats, made once


def test_a_recipients_copy_that_was_changed_is_never_delivered(office, released, own_people):
    work, license = released
    deliver.deliver(office, license.brand.id, own_people)
    file = next(iter(office.outbox.added(work.release).values()))
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(StateError, match=r"delivery\.changed"):
        deliver.deliver(office, license.brand.id, own_people)


def test_a_killed_writers_copy_is_made_anew(office, released, own_people):
    """It lay there, and was not filed yet."""
    work, license = released
    deliver.deliver(office, license.brand.id, own_people)
    name = next(iter(office.outbox.added(work.release)))
    other = name.replace("@", "@f")
    office.outbox.add(work.release, other, b"half")
    assert len(images(deliver.deliver(office, license.brand.id, own_people))) == len(work.copies)


def test_erasing_takes_the_recipients_copies_too(office, released, own_people, people):
    work, license = released
    deliver.deliver(office, license.brand.id, own_people)
    paper = Paper.of(erase.erasure(office, "mira"))
    erase.erase(office, paper.document, people.key("mira").sign(paper.message))
    assert not office.outbox.added(work.release)
    with pytest.raises((InputError, Refused)):
        deliver.deliver(office, license.brand.id, own_people)


def test_of_a_person_who_does_not_exist_nobody_is_told_that_they_consented(office, people, photos, tmp_path):
    planned = testing.campaign(photos, [testing.a_shot("one")])
    planned = replace(planned, talents=(replace(planned.talents[0], synthetic=True, description="a woman of 31"),))
    people.sign_all(office, planned)
    (work,) = run.run(office, planned, tmp_path).works
    assert work.stage is Stage.RELEASED, work.reasons
    files = opened(deliver.deliver(office, "tvaton"))
    (row,) = csv.DictReader(io.StringIO(files["captions.csv"].decode()))
    assert "A person who does not exist" in row["alt_text"]
    assert "SYNTHETIC PERFORMER" in row["caption"]
