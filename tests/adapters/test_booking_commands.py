"""The commands of negotiation: the how-to, word for word, and what they print."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from astronaut import twinbook

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "howto" / "negotiate.md").read_text(encoding="utf-8")
CAMPAIGN = """
[[talent]]
id = "mira"
name = "Mira Holm"
born = 1998-03-14
photos = "photos/mira"
agency = "Nordlight"
day_rate = "1800 EUR"

[consent]
purpose = "tests of this software"
parts = ["capture", "template", "generate"]
until = 2999-11-22
channels = ["web", "instagram"]
territories = ["SE"]
min_fee_per_image = "321 EUR"
max_images_per_month = 40

[license]
brand = "Tvaton"
category = "fast fashion"
fee_per_image = "450 EUR"
channels = ["instagram", "web"]
territories = ["SE"]
term_days = 90
split = { agency = 20 }

[[shot]]
talents = ["mira"]
scene = "studio:warm-grey"
formats = ["web-3x4"]

[[shot]]
talents = ["mira"]
scene = "studio:warm-grey"
formats = ["instagram-4x5"]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "campaign.toml").write_text(CAMPAIGN, encoding="utf-8")
    return tmp_path


@pytest.fixture
def ready(folder):
    """A home with the brand's and the talent's keys."""
    assert twinbook(folder, "run", "campaign.toml").returncode == 3
    assert twinbook(folder, "keys", "new", "brand", "Tvaton").returncode == 0
    assert twinbook(folder, "keys", "new", "talent", "Mira Holm", "--id", "mira").returncode == 0
    return folder


def shell(folder, command):
    """A line as somebody types it, wildcards and quotes included."""
    line = f'twinbook() {{ "{sys.executable}" -c "from twinbook.cli import main; main()" "$@"; }}\n{command}'
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TWINBOOK")}
    return subprocess.run(["bash", "-c", line], cwd=folder, env=clean, capture_output=True, text=True, timeout=240)


def test_the_how_to_works_as_it_is_written(folder):
    lines = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines()]
    first, *lines, last = lines  # `run` both times: it stops for signatures, and in the end for want of photographs
    assert shell(folder, first).returncode == 3
    booking = "ID"
    for line in lines:
        done = shell(folder, line.replace(" ID", f" {booking}"))
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        if "booking offer" in line:
            booking = re.match(r"mira-[0-9a-f]{10}", done.stdout).group()
    assert "bound" in done.stdout
    text = (folder / "campaign.toml").read_text().replace('"450 EUR"', '"500 EUR"').replace("= 90", "= 60")
    (folder / "campaign.toml").write_text(text)
    terms, rest = re.search(r"\[consent\].*?(?=\n\[\[shot)", text, re.S).group(), text
    named = rest.replace(terms, f'[license]\nbooking = "{booking}"\n')
    for written in (text, named):
        (folder / "campaign.toml").write_text(written)
        done = shell(folder, last)
        assert done.returncode == 1
        assert "capture.none" in done.stderr
        assert "awaiting" not in done.stderr


def test_a_quote_needs_no_home_and_keeps_her_minimum_to_itself(folder):
    done = twinbook(folder, "quote", "campaign.toml")
    assert done.returncode == 0, done.stderr
    assert "450.00 EUR an image; her day rate is 1800.00 EUR, so an image is 25.0 % of it" in done.stdout
    assert "talent:mira: 720.00 EUR (360.00 EUR an image)" in done.stdout
    (told,) = json.loads(twinbook(folder, "quote", "campaign.toml", "--json").stdout)
    assert told["images"] == 2
    assert told["total"] == "900.00 EUR"
    assert told["shares"] == {"agency:nordlight": "180.00 EUR", "talent:mira": "720.00 EUR"}
    assert "321" not in done.stdout + json.dumps(told)
    assert [file.name for file in folder.iterdir()] == ["campaign.toml"]


@pytest.mark.slow
def test_everything_is_there_as_json(ready):
    def told(*arguments, status=0):
        done = twinbook(ready, "booking", *arguments, "--json")
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout)

    made = told("offer", "campaign.toml", "--talent", "mira", "--key", "tvaton.pem", "--max-images", "5")
    assert (made["state"], made["waits_for"], made["signed_by"]) == ("open", ["mira"], [])
    assert made["terms"]["max_images"] == 5
    name = made["booking"]
    assert told("show", name, "--as", "tvaton") == made
    (refused,) = told("counter", name, "--key", "tvaton.pem", "--fee", "400 EUR", status=1)["error"]
    assert refused["code"] == "offer.turn"
    (refused,) = told("accept", name, "--key", "mira.pem", "--confirm", "yes", status=1)["error"]
    assert refused["code"] == "signature.declined"
    why = told("accept", name, "--key", "mira.pem", "--confirm", "mira", status=1)["error"]
    assert [reason["code"] for reason in why] == ["signature.missing"]  # her consent, so far
    assert told("countersign", name, "--key", "tvaton.pem", "--confirm", "tvaton")["signed_by"] == ["tvaton"]
    assert told("decline", name, "--key", "mira.pem")["state"] == "declined"
    assert [one["state"] for one in told("list", "--as", "tvaton")] == ["declined"]
    (refused,) = told("withdraw", name, "--key", "tvaton.pem", status=1)["error"]
    assert refused["code"] == "offer.declined"
    (refused,) = told("list", "--as", "zandra", status=2)["error"]
    assert refused["code"] == "party.unknown"
