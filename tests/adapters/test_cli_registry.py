"""`registry export` and the ways of `verify`, as commands."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from twinbook import app
from twinbook.cli import commands
from twinbook.settings import Settings


@pytest.fixture
def home(tmp_path):
    app.make_home(Settings(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def picture(tmp_path):
    file = tmp_path / "found.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (200, 150, 3), dtype=np.uint8)).save(file)
    return file


def called(*arguments):
    return CliRunner().invoke(commands, [str(each) for each in arguments])


def test_a_registry_is_written_and_looked_up_without_the_home(home, picture, tmp_path):
    out = tmp_path / "registry.json"
    written = json.loads(called("registry", "export", "--home", home, "--out", out, "--json").output)
    assert written["releases"] == 0
    elsewhere = tmp_path / "nowhere"
    found = called("verify", picture, "--registry", out, "--key", written["key"], "--home", elsewhere, "--json")
    (judged,) = json.loads(found.output)
    assert (judged["state"], judged["finding"]) == ("unknown", "not-ours")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--registry", "missing.json", "--key", "00" * 32), "registry.invalid"),
        (("--service", "http://example.org", "--key", "00" * 32), "registry.unreachable"),
        (("--registry", "a", "--service", "b", "--key", "00" * 32), "registry.invalid"),
        (("--map", "map.png", "--registry", "a"), "image.map"),
        (("--map", "map.png"), "image.map"),
    ],
)
def test_what_cannot_be_done_says_why(home, picture, arguments, code):
    result = called("verify", picture, "--home", home, *arguments)
    assert result.exception.code == code


def test_a_registry_of_another_key_is_refused(home, picture, tmp_path):
    out = tmp_path / "registry.json"
    called("registry", "export", "--home", home, "--out", out)
    assert called("verify", picture, "--registry", out, "--key", "00" * 32).exception.code == "registry.signature"
