"""A synthetic talent is released only as long as her face is nobody's."""

from dataclasses import replace

import pytest
from training_office import ANY_EDIT, PARTS, generated

from twinbook import testing
from twinbook.domain.consent import Part
from twinbook.domain.errors import InputError, Refused
from twinbook.domain.paper import Paper
from twinbook.domain.work import Stage
from twinbook.services import enroll, revoke, run, sign

HERS = ((180, 140, 120), (182, 142, 121))
OTHER = ((60, 90, 190), (62, 92, 191))


@pytest.fixture
def watch_list(tmp_path):
    folder = tmp_path / "watched"
    folder.mkdir()
    return folder


@pytest.fixture
def office(tmp_path, clock, watch_list):
    with testing.open_fake_office(tmp_path, clock, watch_list=watch_list) as made:
        yield made


@pytest.fixture
def sami(office, people, tmp_path):
    """A real talent, enrolled: what a synthetic one must stay away from."""
    folder = testing.photographs(tmp_path / "sami", HERS)
    planned = testing.campaign(folder)
    cast = planned.talents[0]
    planned = replace(planned, talents=(replace(cast, party=replace(cast.party, id="sami", name="Sami Berg")),))
    planned = replace(planned, shots=(replace(planned.shots[0], shot=testing.a_shot(talents=("sami",))),))
    people.sign_all(office, planned)
    consent = sign.draw_papers(office, planned)["sami"][0].digest
    return enroll.enroll(office, "sami", consent, enroll.photographs(folder))


def nova(photos, shots=(), **changes):
    """Mira's papers, for somebody who does not exist."""
    planned = testing.campaign(photos, shots, **changes)
    return replace(planned, talents=(replace(planned.talents[0], synthetic=True, description="a woman of 31"),))


@pytest.fixture
def make(office, people, tmp_path):
    def made(colours, **how):
        planned = nova(testing.photographs(tmp_path / "nova", colours))
        people.sign_all(office, planned)
        consent = sign.draw_papers(office, planned)["mira"][0].digest
        files = enroll.photographs(tmp_path / "nova")
        return enroll.enroll(office, "mira", consent, files, synthetic=True, **how)

    return made


def logged(office, act):
    import json

    with office.unit() as unit:
        return [body for body in map(json.loads, unit.log.bodies()) if body["act"] == act]


def test_nobodys_face_is_enrolled_and_the_comparison_is_logged(office, sami, make):
    twin = make(OTHER).twin
    assert twin.kind.value == "synthetic"
    (entry,) = logged(office, "synthetic:compared")
    counts = {name: entry["facts"][name] for name in ("talents", "not_comparable", "watched", "alike")}
    assert counts == {"talents": "1", "not_comparable": "0", "watched": "0", "alike": "0"}
    assert [e["facts"]["act"] for e in logged(office, "permit:made")].count("measure") == 1, "in his log too"


def test_the_face_of_an_enrolled_talent_is_not(office, sami, make):
    with pytest.raises(Refused, match=r"synthetic\.likeness") as refused:
        make(HERS)
    assert "sami" not in str(refused.value).lower(), "whose it is isn't told"
    with office.unit() as unit:
        assert unit.twins.current("mira") is None


def test_a_real_talent_is_held_against_nobody(office, people, photos, sami):
    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    consent = sign.draw_papers(office, planned)["mira"][0].digest
    assert enroll.enroll(office, "mira", consent, enroll.photographs(photos)).twin.version == 1


def test_who_lets_nobody_recognise_him_is_not_compared_and_counted(office, people, sami, make):
    asked = revoke.revocation(office, "sami", parts=frozenset({Part.TEMPLATE}))
    revoke.revoke(office, asked.document(), people.key("sami").sign(Paper.of(asked).message))
    make(HERS)
    facts = logged(office, "synthetic:compared")[0]["facts"]
    assert (facts["talents"], facts["not_comparable"]) == ("0", "1")


def test_a_face_of_the_watch_list_is_refused(office, make, watch_list):
    testing.photographs(watch_list, HERS[:1])
    with pytest.raises(Refused, match=r"synthetic\.likeness.*view-0"):
        make(HERS)
    make(OTHER)


def test_a_watch_list_that_watches_for_nobody_is_an_error(office, make, watch_list, monkeypatch):
    testing.photographs(watch_list, HERS[:1])
    monkeypatch.setattr(testing.FakeMeter, "templates", lambda self, picture: ())
    with pytest.raises(InputError, match=r"synthetic\.watch_list"):
        make(OTHER)


def test_a_watch_list_that_is_gone_is_an_error(office, make, watch_list):
    watch_list.rmdir()
    with pytest.raises(InputError, match=r"synthetic\.watch_list"):
        make(OTHER)


def test_a_minors_description_makes_nobody(office, make):
    with pytest.raises(Refused, match=r"synthetic\.minor"):
        make(OTHER, description="a schoolgirl")


def test_her_pictures_say_that_nobody_was_photographed(office, people, tmp_path, sami):
    planned = nova(testing.photographs(tmp_path / "nova", OTHER))
    people.sign_all(office, planned)
    (work,) = run.run(office, planned, tmp_path).works
    assert work.stage is Stage.RELEASED, work.reasons
    released = next(iter(office.outbox.released(work.release).values())).read_bytes()
    assert "SYNTHETIC PERFORMER" in office.reader.read(released).label
    assert len(logged(office, "synthetic:compared")) == 2, "her twin, and her picture"


def test_a_picture_that_came_out_as_somebody_is_quarantined(office, people, tmp_path, watch_list):
    """Somebody was put on the watch list after she was made."""
    planned = nova(testing.photographs(tmp_path / "nova", OTHER))
    people.sign_all(office, planned)
    consent = sign.draw_papers(office, planned)["mira"][0].digest
    enroll.enroll(office, "mira", consent, enroll.photographs(tmp_path / "nova"), synthetic=True)
    testing.photographs(watch_list, OTHER[:1])
    (work,) = run.run(office, planned, tmp_path).works
    assert work.stage is Stage.QUARANTINED
    assert [why.code for why in work.reasons] == ["synthetic.likeness"]
    with office.unit() as unit:
        assert not unit.books.open_holds(work.id)


def test_no_prompt_makes_her_a_minor(office, people, tmp_path):
    shots = [generated(prompt="as a teenager at school")]
    planned = nova(testing.photographs(tmp_path / "nova", OTHER), shots, parts=PARTS, edits=ANY_EDIT)
    people.sign_all(office, planned)
    (work,) = run.run(office, planned, tmp_path).works
    assert "synthetic.minor" in [why.code for why in work.reasons]


def test_the_gate_and_the_law_are_told_that_she_does_not_exist(office, people, tmp_path, sami):
    from twinbook.services import permit

    planned = nova(testing.photographs(tmp_path / "nova", OTHER))
    people.sign_all(office, planned)
    license = sign.draw_papers(office, planned)["mira"][1]
    files = enroll.photographs(tmp_path / "nova")
    for synthetic in (False, True):
        consent = license.terms.consent
        named = {"view-0"} if synthetic else set()
        enroll.enroll(office, "mira", consent, files, synthetic=synthetic, named=named)
        with office.unit() as unit:
            assert permit.dossier(unit, "mira", license, office.clock.now()).synthetic is synthetic
