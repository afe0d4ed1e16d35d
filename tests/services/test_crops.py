"""What an engine tells of hands goes from the rendering through the database to every copy's crop."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from twinbook import testing
from twinbook.db.rows import work_of, work_text
from twinbook.domain.twin import Box
from twinbook.domain.work import Stage
from twinbook.ports import Figure
from twinbook.services import copies, run

# The plates are 96 by 128 pixels; a copy for a phone is 72 wide, from column 14 where nothing else is known. The mark
# of the photographs is black, in column 10 or 11, as if it were in the hand.
FACE, PERSON, HAND = Box(36, 24, 24, 24), Box(10, 22, 80, 106), Box(10, 95, 10, 20)


class Engine(testing.FakeEngine):
    hands = (HAND,)

    def _render(self, job):
        made = super()._render(job)
        alpha = np.zeros_like(made.alpha)
        alpha[PERSON.top : PERSON.bottom, PERSON.left : PERSON.right] = 255
        return replace(made, alpha=alpha, figures={"mira": Figure(FACE, PERSON, self.hands)})


@pytest.fixture
def released(tmp_path, people, photos):
    """The released work and what its copy shows, of an engine that tells of these hands."""

    def played(*hands):
        engine = Engine()
        engine.hands = hands
        with testing.open_fake_office(tmp_path / f"home-{len(hands)}", engine=engine) as office:
            planned = testing.campaign(photos, [testing.a_shot("one", formats=("tiktok-9x16",))], channels=("tiktok",))
            people.sign_all(office, planned)
            (work,) = run.run(office, planned, tmp_path).works
            assert work.stage is Stage.RELEASED
            return work, copies.as_released(office, work, "tiktok-9x16")[0]

    return played


def row_of(work, text):
    return SimpleNamespace(
        id=work.id,
        campaign=work.campaign,
        release=work.release.hex,
        stage=work.stage.value,
        version=work.version,
        document=text,
    )


def test_a_copy_is_cropped_to_keep_the_hand(released):
    work, shown = released(HAND)
    assert work.made.hands == (HAND,)
    assert work.made.person == PERSON
    assert shown.shape == (128, 72, 3)
    assert (shown[100:110, :2] == 0).all(axis=2).any()
    work, shown = released()
    assert work.made.hands == ()
    assert not (shown[100:110] == 0).all(axis=2).any()


def test_what_was_made_before_hands_were_told_reads_as_none_known(released):
    work, _ = released(HAND)
    assert work_of(row_of(work, work_text(work))) == work
    old = json.loads(work_text(work))
    del old["made"]["hands"]
    assert work_of(row_of(work, json.dumps(old))).made == replace(work.made, hands=())
