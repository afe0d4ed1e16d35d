"""SIGKILL on both sides of every commit, rename and other effect; then finish: same images, same total, log whole."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from astronaut import make_folder, sign_everything, twinbook

PARTS = 5  # a fifth of the points is quick enough to be killed at every time


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, PARTS))])
@pytest.mark.parametrize("act", ["make", "erase", "withdraw", "deliver", "rotate", "rekey"])
def test_killed_anywhere_and_finished(act, part):
    script = Path(__file__).with_name("killing.py")
    done = subprocess.run(
        [sys.executable, str(script), act, str(part), str(PARTS)], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["points"] >= 6
    assert report["killed"] == len(range(1 + part, report["points"] + 1, PARTS))
    assert report["faults"] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_command_killed_again_and_again_comes_to_the_same_end(tmp_path):
    """The real engine, meter, seal and reader this time, and the clock instead of chosen points."""
    folder = make_folder(tmp_path)
    twinbook(folder, "run", "campaign.toml")
    sign_everything(folder)
    command = [sys.executable, "-c", "from twinbook.cli import main; main()", "run", "campaign.toml"]
    killed = 0
    for tenths in range(8, 80, 6):
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                process.wait(tenths / 10)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
    assert killed >= 3
    done = twinbook(folder, "run", "campaign.toml", "--json")
    assert done.returncode == 0, done.stderr
    blue, studio = json.loads(done.stdout)["shots"]
    assert (blue["outcome"], studio["outcome"]) == ("released", "refused")
    files = sorted((folder / "out" / "released").iterdir())
    assert [file.name for file in files] == sorted(blue["files"])
    states = json.loads(twinbook(folder, "verify", *files, "--json").stdout)
    assert {entry["state"] for entry in states} == {"intact"}
    assert (folder / "out" / "statement.csv").read_text(encoding="utf-8").count(",fee,") == 1
    assert twinbook(folder, "log", "verify").returncode == 0
