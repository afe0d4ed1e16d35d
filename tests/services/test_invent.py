"""Somebody who does not exist is made from a description and a seed: always an adult, with a licence, and nobody's double."""

import json
from dataclasses import replace

import pytest
from training_office import some_weights

from twinbook import testing
from twinbook.domain.errors import InputError, Refused
from twinbook.domain.weights import Family
from twinbook.services import enroll, weights
from twinbook.services.invent import VIEWS, invent


@pytest.fixture
def inventor():
    return testing.FakeInventor()


@pytest.fixture
def office(tmp_path, clock, inventor):
    with testing.open_fake_office(tmp_path, clock, inventor=inventor) as made:
        for name, licence, data in (("base", "Apache-2.0", b"1234"), ("study", "CC-BY-NC-4.0", b"5678")):
            weights.add(made, some_weights(tmp_path / "models" / name, data), name, Family.SDXL, licence)
        yield made


def nova(tmp_path, description="a woman of 31 with freckles", synthetic=True):
    cast = testing.campaign(tmp_path / "nova").talents[0]
    return replace(cast, photos="nova", synthetic=synthetic, description=description)


def test_a_session_of_her_is_made_and_can_be_enrolled(office, inventor, tmp_path):
    files = invent(office, nova(tmp_path), "base", tmp_path, seed=7)
    assert [file.stem for file in files] == [f"{view}-7" for view in VIEWS]
    assert enroll.photographs(tmp_path / "nova") == sorted(files)
    assert all("a woman of 31 with freckles" in prompt for prompt in inventor.prompts)
    assert len(set(inventor.prompts)) == len(VIEWS)


def test_again_nothing_is_made_twice_and_another_seed_is_another_person(office, inventor, tmp_path):
    first = invent(office, nova(tmp_path), "base", tmp_path, seed=7)
    before = [file.read_bytes() for file in first]
    first[0].unlink()
    assert [file.read_bytes() for file in invent(office, nova(tmp_path), "base", tmp_path, seed=7)] == before
    assert len(inventor.prompts) == len(VIEWS) + 1
    assert set(invent(office, nova(tmp_path), "base", tmp_path, seed=8)).isdisjoint(first)


def test_the_log_says_that_it_was_done_and_with_what(office, tmp_path):
    invent(office, nova(tmp_path), "base", tmp_path)
    with office.unit() as unit:
        entries = [json.loads(body) for body in unit.log.bodies()]
    (made,) = [entry for entry in entries if entry["act"] == "synthetic:invented"]
    assert made["facts"]["weights"] == office.weights.get("base").digest
    assert "freckles" not in json.dumps(made)


@pytest.mark.parametrize("description", ["a girl of 19", "a woman", "a woman of 17", ""])
def test_nobody_is_made_who_is_not_plainly_an_adult(office, inventor, tmp_path, description):
    with pytest.raises(Refused, match=r"synthetic\.minor"):
        invent(office, nova(tmp_path, description), "base", tmp_path)
    assert not inventor.prompts


def test_a_real_talent_is_not_invented(office, inventor, tmp_path):
    with pytest.raises(InputError, match=r"synthetic\.real"):
        invent(office, nova(tmp_path, synthetic=False), "base", tmp_path)
    assert not inventor.prompts


def test_nobody_is_made_of_weights_that_may_not_be_sold_with(office, inventor, tmp_path):
    with pytest.raises(Refused, match=r"weights\.licence"):
        invent(office, nova(tmp_path), "study", tmp_path)
    with pytest.raises(InputError, match=r"weights\.unknown"):
        invent(office, nova(tmp_path), "nothing", tmp_path)
    assert not inventor.prompts
