"""`twinbook weights` and `twinbook twin`: from a folder of weights to a trained twin and its card."""

import io
import json
import os
import re

import pytest
from click.testing import CliRunner
from pypdf import PdfReader
from training_office import some_weights

from twinbook import app, testing
from twinbook.campaign_file import read_campaign
from twinbook.cli import commands
from twinbook.domain.errors import InputError, Refused
from twinbook.services import sign
from twinbook.settings import Settings

PLAN = ("--steps", 4, "--rank", 2, "--resolution", 64, "--save-every", 2, "--validate-every", 2, "--seed", 3)


def twinbook(*arguments):
    done = CliRunner().invoke(commands, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def told(*arguments):
    return json.loads(twinbook(*arguments, "--json"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A home, weights in a folder, and a campaign whose consent gives the part to train."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("TWINBOOK"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(app, "meter", lambda *a: testing.FakeMeter())
    monkeypatch.setattr(app, "_trainer", testing.FakeTrainer)
    testing.photographs(tmp_path / "photos" / "mira")
    twinbook("init")
    campaign = tmp_path / "campaign.toml"
    text = campaign.read_text().replace('"template", "generate"]', '"template", "generate", "train"]')
    campaign.write_text(text)
    some_weights(tmp_path / "models" / "sdxl")
    return tmp_path


@pytest.fixture
def enrolled(folder):
    from datetime import date

    people = testing.People(folder / "keys")
    with app.open_office(Settings(folder / ".twinbook")) as office:
        people.sign_all(office, read_campaign(folder / "campaign.toml", date.today()))
    twinbook("enroll", "campaign.toml")
    add()
    return folder


def add(name="sdxl", licence="OpenRAIL++", *more):
    return twinbook("weights", "add", "models/sdxl", "--name", name, "--family", "sdxl", "--licence", licence, *more)


def test_weights_are_registered_listed_and_removed(folder):
    assert "registered sdxl: sdxl, OpenRAIL++: pictures may be sold; 2 files" in add()
    assert "no picture may be sold" in add("nc", "CC-BY-NC-4.0")
    assert "as somebody here stated" in add("own", "our own contract", "--commercial")
    listed = {each["name"]: each for each in told("weights", "list")}
    assert [(each["commercial"], each["stated"]) for each in listed.values()] == [
        (False, False),
        (True, True),
        (True, False),
    ]
    assert listed["sdxl"]["sha256"] == listed["own"]["sha256"]
    assert told("weights", "remove", "own")["name"] == "own"
    assert "own" not in twinbook("weights", "list")
    assert (folder / "models" / "sdxl" / "model_index.json").exists()


def test_what_cant_be_is_refused_with_its_code(folder):
    with pytest.raises(InputError, match=r"weights\.licence"):
        add("nc", "CC-BY-NC-4.0", "--commercial")
    with pytest.raises(InputError, match=r"weights\.revision"):
        twinbook("weights", "pull", "a/b", "--revision", "main", "--name", "x", "--family", "sdxl")
    with pytest.raises(InputError, match=r"weights\.unknown"):
        twinbook("weights", "remove", "x")


def test_a_twin_is_trained_once_and_its_card_written(enrolled):
    said = twinbook("twin", "train", "campaign.toml", "mira", "--weights", "sdxl", *PLAN)
    assert "step 4 of 4" in said
    (card,) = (enrolled / "out" / "papers").iterdir()
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(card.read_bytes())).pages)
    assert "Mira Holm" in text
    assert "view-0" in text
    again = told("twin", "train", "campaign.toml", "mira", "--weights", "sdxl", *PLAN)
    assert not again["new"]
    assert again["sha256"] in text.replace("\n", "")
    assert again["plan"]["seed"] == 3
    assert not {"token", "losses"} & set(again)
    (listed,) = told("twin", "list", "--talent", "mira")
    assert listed["plates"] == ["view-0", "view-1"]
    assert [each["id"] for each in listed["checkpoints"]] == [again["id"]]
    assert re.search(r"mira: replica twin 1 of 2 plates\n  [0-9a-f]{12}  .* sdxl, step \d", twinbook("twin", "list"))


def test_a_newer_twin_has_no_checkpoint_yet(enrolled):
    twinbook("twin", "train", "campaign.toml", "mira", "--weights", "sdxl", *PLAN)
    testing.photographs(enrolled / "photos" / "mira", [(181, 141, 121)] * 3)
    twinbook("enroll", "campaign.toml")
    assert "of version 1: not used any more" in twinbook("twin", "list")
    assert told("twin", "list")[0]["checkpoints"][0]["current"] is False


def test_it_takes_signatures_a_talent_of_the_campaign_and_weights(folder, enrolled):
    with pytest.raises(InputError, match=r"talent\.unknown"):
        twinbook("twin", "train", "campaign.toml", "sami", "--weights", "sdxl")
    with pytest.raises(InputError, match=r"weights\.unknown"):
        twinbook("twin", "train", "campaign.toml", "mira", "--weights", "other")
    with pytest.raises(InputError, match=r"campaign\.value"):
        twinbook("twin", "train", "campaign.toml", "mira", "--weights", "sdxl", "--subject", "Mira; DROP")
    changed = (folder / "campaign.toml").read_text().replace("e-commerce and social", "other")
    (folder / "campaign.toml").write_text(changed)
    with pytest.raises(Refused, match=r"awaiting\.signature"):
        twinbook("twin", "train", "campaign.toml", "mira", "--weights", "sdxl")


def test_without_the_part_nothing_is_trained(folder):
    from datetime import date

    campaign = folder / "campaign.toml"
    campaign.write_text(campaign.read_text().replace('"generate", "train"]', '"generate"]'))
    with app.open_office(Settings(folder / ".twinbook")) as office:
        planned = read_campaign(campaign, date.today())
        testing.People(folder / "keys").sign_all(office, planned)
        assert sign.draw_papers(office, planned)
    twinbook("enroll", "campaign.toml")
    add()
    with pytest.raises(Refused, match=r"consent\.part"):
        twinbook("twin", "train", "campaign.toml", "mira", "--weights", "sdxl", *PLAN)
    assert told("twin", "list")[0]["checkpoints"] == []
