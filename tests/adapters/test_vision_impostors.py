"""The pool of people who don't exist: what it holds, and that strangers in it are strangers."""

import io
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from twinbook.domain.errors import StateError
from twinbook.vision.faces import embed, find_faces
from twinbook.vision.impostors import GROUPS, LICENCE, load_impostors, read_impostors

PHOTOS = Path(__file__).resolve().parents[2] / "examples/demo/photos"


def portrait(name):
    picture = np.array(Image.open(PHOTOS / name / "head-front.jpg").convert("RGB"))
    return embed(picture, find_faces(picture)[0])


def test_the_pool_is_large_balanced_and_holds_no_pixels():
    pool = load_impostors()
    assert pool.embeddings.shape == (len(pool.groups), 128)
    assert pool.embeddings.dtype == np.float64
    assert len(pool.groups) >= 150
    assert all(len(pool.of(group)) >= 40 for group in GROUPS)
    assert LICENCE == "CC0-1.0"
    assert "population" in pool.maker
    size = (files("twinbook.vision") / "impostors.npz").stat().st_size
    assert size < 200_000


def test_nobody_can_change_the_pool_for_the_next_caller():
    with pytest.raises(ValueError, match="read-only"):
        load_impostors().embeddings[0, 0] = 1.0


def test_everybody_in_the_pool_is_somebody_else():
    rows = load_impostors().embeddings
    apart = np.linalg.norm(rows[:, None] - rows[None], axis=2) + np.eye(len(rows)) * 9
    assert apart.min() > 0.1
    # dlib's vectors are about one long: another network's numbers would not be.
    assert 1.1 < np.linalg.norm(rows, axis=1).mean() < 1.7


@pytest.mark.parametrize(("name", "group"), [("mira", "light"), ("sami", "dark")])
def test_a_demo_talent_is_nearer_to_herself_than_to_nearly_all_of_the_pool(name, group):
    # Nearly: dlib sees people of deep skin closer together; three of 56 are as near to Sami as his own turned view.
    own = portrait(name)
    picture = np.array(Image.open(PHOTOS / name / "head-threequarter.jpg").convert("RGB"))
    again = embed(picture, find_faces(picture)[0])
    others = np.linalg.norm(load_impostors().of(group) - own, axis=1)
    assert np.mean(others < np.linalg.norm(own - again)) <= 0.10


def test_a_group_that_is_none_is_refused():
    with pytest.raises(ValueError, match="not one of"):
        load_impostors().of("green")


def written(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    return file


@pytest.mark.parametrize(
    "file",
    [
        io.BytesIO(b"not an archive"),
        written(embeddings=np.zeros((3, 64), np.float16), groups=np.array(["light"] * 3), maker="x"),
        written(embeddings=np.zeros((3, 128), np.float16), groups=np.array(["light"] * 2), maker="x"),
        written(embeddings=np.full((3, 128), np.nan, np.float16), groups=np.array(["light"] * 3), maker="x"),
        written(embeddings=np.zeros((3, 128), np.float16), groups=np.array(["light", "dark", "blue"]), maker="x"),
        written(embeddings=np.zeros((3, 128), np.float16)),
    ],
    ids=["no archive", "other length", "groups missing", "not numbers", "unknown group", "no groups"],
)
def test_a_damaged_pool_is_refused(file):
    with pytest.raises(StateError) as refused:
        read_impostors(file)
    assert refused.value.code == "engine.failed"
