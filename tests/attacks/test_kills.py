"""SIGKILL on both sides of every commit, rename and other effect; then finish: same images, same total, log whole."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from astronaut import make_folder, sign_everything, twinbook

ACTS = ("make", "erase", "withdraw", "deliver", "rotate", "rekey")
# A few of the points are quick enough to be killed at every time; to make a picture takes most of them.
QUICK = [("make", 2, 15), *((act, 0, 5) for act in ACTS[1:])]
ALL = [(act, part, 5) for act in ACTS for part in range(5) if (act, part, 5) not in QUICK]


@pytest.mark.parametrize(
    ("act", "part", "parts"), [*QUICK, *(pytest.param(*one, marks=pytest.mark.slow) for one in ALL)]
)
def test_killed_anywhere_and_finished(act, part, parts):
    script = Path(__file__).with_name("killing.py")
    done = subprocess.run(
        [sys.executable, str(script), act, str(part), str(parts)], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["points"] >= 6
    assert report["killed"] == len(range(1 + part, report["points"] + 1, parts))
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
