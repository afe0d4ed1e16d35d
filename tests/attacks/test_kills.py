"""SIGKILL on both sides of every commit, rename and other effect; then finish: same images, same total, log whole."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PARTS = 2


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("act", ["make", "erase", "withdraw"])
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
