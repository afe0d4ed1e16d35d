"""What a release must say in the places it goes to, from the packs that ship to the marking and the contact sheet."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from twinbook import testing
from twinbook.domain.consent import USUAL_EDITS, Edit
from twinbook.domain.errors import StateError
from twinbook.domain.work import Stage
from twinbook.services import copies, report, run
from twinbook.testing import FakeClock, FakeDocuments, FakeEngine, FakeReader, FakeSealer, open_fake_office

AFTER_THE_AI_ACT = datetime(2026, 9, 1, 12, tzinfo=UTC)
NOTICE = "Turn on the platform's own AI label when you post."


class Recording(FakeSealer):
    def __init__(self):
        self.markings = []

    def seal(self, rgb_srgb, marking, code=None):
        self.markings.append(marking)
        return super().seal(rgb_srgb, marking, code)


class Sheets(FakeDocuments):
    def contact_sheet(self, sheet):
        self.sheet = sheet
        return super().contact_sheet(sheet)


class Generating(FakeEngine):
    def _render(self, job):
        made = super()._render(job)
        return replace(made, generated=np.ones(made.alpha.shape, bool))


class Forming(FakeEngine):
    def profile(self):
        known = super().profile()
        return replace(known, operations=known.operations | {"mannequin"})


@pytest.fixture
def play(tmp_path, photos, people):
    """Run a campaign for these territories, and give back what was asked of the sealer and the run's sheet."""

    def played(
        territories, formats=("web-3x4",), at=AFTER_THE_AI_ACT, synthetic=False, engine=None, mannequin=False, **parts
    ):
        sealer, documents = Recording(), Sheets()
        shots = [testing.a_shot("one", formats=formats), testing.a_shot("two", to="#aa2222", formats=formats)]
        shots = [replace(shot, mannequin=mannequin) for shot in shots]
        planned = testing.campaign(
            photos,
            shots,
            territories=territories,
            consent_territories=territories,
            channels=("instagram", "tiktok", "web"),
            **({"edits": (*USUAL_EDITS, Edit.BODY)} if mannequin else {}),
        )
        planned = replace(planned, talents=tuple(replace(cast, synthetic=synthetic) for cast in planned.talents))
        ports = {"sealer": sealer, "documents": documents, **parts}
        with open_fake_office(tmp_path, FakeClock(at), engine, **ports) as office:
            people.sign_all(office, planned)
            outcome = run.run(office, planned, tmp_path)
            assert [work.stage for work in outcome.works] == [Stage.RELEASED] * 2, [w.reasons for w in outcome.works]
            report.write_papers(office, planned, outcome, tmp_path / "out", tmp_path)
        return sealer.markings, documents.sheet

    return played


def said(markings):
    found = {(marking.label, marking.label_share, marking.aigc) for marking in markings}
    assert len(found) == 1
    return found.pop()


def test_sweden_gets_the_words_of_the_code_of_practice_at_the_house_size(play):
    assert said(play(("SE",))[0]) == ("AI MODIFIED", 0.03, False)


def test_china_gets_its_own_words_and_size_and_its_entry(play):
    assert said(play(("CN",))[0]) == ("AI合成", 0.05, True)


def test_several_territories_get_the_words_of_all_and_the_largest_size(play):
    assert said(play(("CN", "SE", "KR"))[0]) == ("AI合成 · AI MODIFIED", 0.05, True)


def test_a_place_without_a_pack_gets_the_strictest_in_words_that_are_read_there(play):
    assert said(play(("JP",))[0]) == ("AI MODIFIED", 0.05, True)


def test_a_place_whose_law_asks_for_no_label_gets_the_plain_one(play):
    assert said(play(("US-IL",))[0]) == ("AI MODIFIED", 0.03, False)


def test_a_generated_picture_says_so(play):
    assert said(play(("DE", "SE"), engine=Generating())[0])[0] == "AI GENERATED"


def test_a_mannequin_is_said_to_be_one_whatever_the_law_asks(play):
    assert said(play(("SE",), mannequin=True, engine=Forming())[0])[0] == "AI MODIFIED · BODY IS A MANNEQUIN"


def test_somebody_who_does_not_exist_is_said_to_be_generated(play):
    assert said(play(("SE",), synthetic=True)[0])[0] == "AI GENERATED · SYNTHETIC PERFORMER"


def test_a_label_that_comes_into_force_during_the_license_is_on_from_the_start(play):
    """New York's label for synthetic performers is owed from 2026-06-09 on, the license runs for 90 days."""
    before = datetime(2026, 6, 5, 12, tzinfo=UTC)
    with_law = play(("JP",), at=before, synthetic=True)[0]
    assert said(with_law)[0] == "AI GENERATED SYNTHETIC PERFORMER"


def test_a_label_of_a_time_after_the_license_is_not(play):
    long_before = datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert said(play(("JP",), at=long_before, synthetic=True)[0])[0] == "AI GENERATED · SYNTHETIC PERFORMER"


def test_the_sheet_tells_once_what_to_switch_on_where_it_is_posted(play):
    _, sheet = play(("SE",), formats=("instagram-4x5", "tiktok-9x16", "instagram-1x1"))
    assert [warning for warning in sheet.warnings if NOTICE in warning] == [f"instagram: {NOTICE}", f"tiktok: {NOTICE}"]


def test_the_web_needs_no_switch(play):
    _, sheet = play(("SE",))
    assert not [warning for warning in sheet.warnings if NOTICE in warning]


class Forgetful(FakeReader):
    """Finds everything but what it is told to overlook."""

    def __init__(self, **overlooked):
        self.overlooked = overlooked

    def read(self, data):
        return replace(super().read(data), **self.overlooked)


@pytest.mark.parametrize(
    "overlooked", [{"aigc": None}, {"aigc": ""}, {"aigc": "0" * 12}, {"label": "AI"}, {"label": None}]
)
def test_nothing_is_released_without_the_entry_and_the_whole_label(play, overlooked):
    with pytest.raises(StateError, match=r"seal\.readback"):
        play(("CN",), reader=Forgetful(**overlooked))


def test_without_china_nobody_asks_for_its_entry(play):
    play(("SE",), reader=Forgetful(aigc=None))


def test_her_proof_keeps_its_own_label(tmp_path, photos, people):
    sealer = Recording()
    planned = testing.campaign(photos, territories=("CN",), consent_territories=("CN",))
    with open_fake_office(tmp_path, FakeClock(AFTER_THE_AI_ACT), sealer=sealer) as office:
        people.sign_all(office, planned)
        work = run.run(office, planned, tmp_path).works[0]
        copies.proof(office, work)
    assert (sealer.markings[-1].label, sealer.markings[-1].label_share) == ("PROOF, NOT RELEASED", 0.05)


def test_what_the_law_has_to_say_is_told_and_shown(office, people, photos, tmp_path):
    planned = testing.campaign(photos, territories=("BR",), consent_territories=("BR", "SE"))
    people.sign_all(office, planned)
    said, sheets = [], Sheets()
    outcome = run.run(office, planned, tmp_path, said.append)
    assert "law.no_pack" in {note.code for note in outcome.notes}
    assert any("law.no_pack" in line for line in said)
    report.write_papers(replace(office, documents=sheets), planned, outcome, tmp_path / "out", tmp_path)
    assert any("BR" in line and "law.no_pack" in line for line in sheets.sheet.warnings)
