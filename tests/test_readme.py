"""Every command and campaign in the README is run."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
DEMO = ROOT / "examples" / "demo"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)


def test_the_commands_are_the_ones_that_are_tested_here():
    assert [line for block in blocks("sh") for line in block.splitlines()] == [
        "make demo",
        "make test",
        "twinbook run campaign.toml",
    ]


def test_the_readme_is_short():
    assert len(TEXT.split()) < 800


@pytest.mark.parametrize("target", ["demo", "test", "test-all", "deps", "bench", "help"])
def test_make_knows_its_targets(target):
    done = subprocess.run(["make", "-n", target, "NAME=seal"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def twinbook(folder, *arguments):
    command = [sys.executable, "-c", "from twinbook.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=280)


@pytest.mark.slow
def test_the_campaign_in_the_readme_runs(tmp_path):
    (campaign,) = blocks("toml")
    assert len(campaign.splitlines()) <= 12
    (tmp_path / "campaign.toml").write_text(campaign, encoding="utf-8")
    (tmp_path / "photos" / "mira").mkdir(parents=True)
    for view in ("waist-front", "head-front"):
        shutil.copy(DEMO / "photos" / "mira" / f"{view}.jpg", tmp_path / "photos" / "mira")
    assert twinbook(tmp_path, "run", "campaign.toml").returncode == 3
    twinbook(tmp_path, "keys", "new", "talent", "Mira Holm", "--id", "mira")
    twinbook(tmp_path, "keys", "new", "brand", "Tvaton")
    for paper in sorted((tmp_path / "out" / "to-sign").iterdir(), reverse=True):  # in whatever order
        for party in ("mira", "tvaton") if paper.name.startswith("license") else ("mira",):
            assert twinbook(tmp_path, "sign", paper, "--key", f"{party}.pem", "--confirm", party).returncode == 0
    done = twinbook(tmp_path, "run", "campaign.toml", "--json")
    assert done.returncode == 0, done.stderr
    (shot,) = json.loads(done.stdout)["shots"]
    assert shot["outcome"] == "released", shot


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_make_demo_plays_the_story(tmp_path):
    """In a copy, so that a demo-out/ of somebody's own stays; with the environment that runs this test."""
    shutil.copytree(DEMO, tmp_path / "examples" / "demo")
    played = subprocess.run(
        [sys.executable, tmp_path / "examples" / "demo" / "play.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert played.returncode == 0, played.stdout + played.stderr
    out = tmp_path / "demo-out" / "out"
    assert len(list((out / "released").glob("*.jpg"))) == 10
    page = (out / "contact-sheet.html").read_text(encoding="utf-8")
    assert "consent.never" in page
    assert "consent.channel" in page
    for state in ("intact", "re-encoded", "altered", "revoked"):
        assert f": {state}" in played.stdout
    assert "the statement lists every one of them" in played.stdout
    assert "contact-sheet.html" in played.stdout.splitlines()[-4]
