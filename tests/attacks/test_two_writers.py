"""Two processes on one home: caps stay exact, nothing is made or paid twice."""

import json
import multiprocessing
import sys

import pytest

from twinbook import testing
from twinbook.domain import ledger
from twinbook.domain.errors import StateError
from twinbook.domain.work import Stage
from twinbook.services import run


def play(folder, number, answers):
    shots = [testing.a_shot(f"shot-{i}", to=f"#0000{i:02d}") for i in range(6)]
    planned = testing.campaign(folder / "photos", shots, max_images_per_month=4)
    stages = []
    with testing.open_fake_office(folder) as office:
        for _ in range(20):
            try:
                stages = [work.stage.value for work in run.run(office, planned, folder).works]
                break
            except StateError as error:
                if error.code != "home.busy":
                    raise
    answers.put(json.dumps([number, stages]))


def test_two_runs_of_one_campaign_at_once(tmp_path, people):
    photos = testing.photographs(tmp_path / "photos")
    shots = [testing.a_shot(f"shot-{i}", to=f"#0000{i:02d}") for i in range(6)]
    planned = testing.campaign(photos, shots, max_images_per_month=4)
    with testing.open_fake_office(tmp_path) as office:
        people.sign_all(office, planned)
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.Queue()
    both = [spawn.Process(target=play, args=(tmp_path, number, answers)) for number in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    with testing.open_fake_office(tmp_path) as office, office.unit() as unit:
        works = unit.works.of_talent("mira")
        assert sum(work.stage is Stage.RELEASED for work in works) == 4
        totals = ledger.balances(unit.books.transactions())
        assert totals[("brand:tvaton", "EUR")] == -4 * 45000
        assert sum(totals.values()) == 0
        assert unit.twins.current("mira").version == 1
    published = list((tmp_path / "home" / "outbox" / "published").iterdir())
    assert len(published) == 4


if sys.platform == "win32":
    pytest.skip("processes are started the POSIX way", allow_module_level=True)
