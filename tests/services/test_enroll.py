"""From photographs to a twin: one plate at a time, once for the same photographs, again when the code has changed."""

import pytest

from twinbook import testing
from twinbook.domain.errors import CaptureRefused
from twinbook.services import enroll, sign
from twinbook.vault import files


@pytest.fixture
def consent(office, people, photos):
    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    return sign.draw_papers(office, planned)["mira"][0].digest


def made(office, consent, photos, **how):
    return enroll.enroll(office, "mira", consent, enroll.photographs(photos), **how)


def test_plates_are_stored_as_they_are_made(office, consent, photos, monkeypatch):
    stored = []
    put = files._OpenTwin.put_plate
    monkeypatch.setattr(
        files._OpenTwin, "put_plate", lambda self, plate: put(self, plate) or stored.append(plate.facts.photo)
    )
    found = made(office, consent, photos)
    assert stored == ["view-0", "view-1"]
    assert [facts.photo for facts in found.twin.plates] == stored
    assert [verdict.kept for verdict in found.verdicts] == [True, True]


def test_the_same_photographs_make_one_twin(office, consent, photos):
    first = made(office, consent, photos)
    again = made(office, consent, photos)
    assert again.twin == first.twin
    assert again.verdicts == ()


def test_a_shot_that_names_another_photograph_has_it_enrolled(office, consent, photos):
    first = made(office, consent, photos)
    named = made(office, consent, photos, named={"view-1", "of another talent"})
    assert named.twin.version == first.twin.version + 1
    assert made(office, consent, photos, named={"view-1"}).twin == named.twin


def test_a_twin_of_older_code_is_told_and_made_again(office, consent, photos, monkeypatch):
    first = made(office, consent, photos)
    assert not first.twin.older_than(office.meter.maker)
    monkeypatch.setattr(testing.FakeMeter, "maker", "fake 2")
    kept = made(office, consent, photos)
    assert kept.twin == first.twin, "a run makes nothing twice"
    assert kept.twin.older_than(office.meter.maker)
    renewed = made(office, consent, photos, renew=True)
    assert renewed.twin.version == 2
    assert not renewed.twin.older_than(office.meter.maker)
    assert made(office, consent, photos, renew=True).twin == renewed.twin


def test_a_run_says_that_a_twin_is_old(office, people, photos, monkeypatch):
    from twinbook.services import run

    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    lines = []
    run.run(office, planned, photos.parent, lines.append)
    assert not any("older code" in line for line in lines)
    monkeypatch.setattr(testing.FakeMeter, "maker", "fake 2")
    run.run(office, planned, photos.parent, lines.append)
    assert any("older code" in line for line in lines)


def test_nothing_is_stored_when_nothing_can_be_used(office, consent, photos):
    for file in photos.iterdir():
        file.write_bytes(b"nothing")
    with pytest.raises(CaptureRefused):
        made(office, consent, photos)
    with office.unit() as unit:
        assert unit.twins.current("mira") is None
