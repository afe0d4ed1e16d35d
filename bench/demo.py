"""How long the demonstration takes after installation. Run with `make bench NAME=demo`.

No peer makes the same thing; what is compared is the share of each command in the whole.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

PEERS = []
ROOT = Path(__file__).resolve().parents[1]
GOAL = 180.0  # seconds
QUICK = bool(os.environ.get("QUICK"))


def main() -> None:
    print(f"{date.today()}  {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "examples" / "demo", Path(folder) / "examples" / "demo")
        play = [sys.executable, "-u", str(Path(folder) / "examples" / "demo" / "play.py")]
        begun = time.monotonic()
        told = subprocess.Popen(play, cwd=folder, stdout=subprocess.PIPE, text=True)
        last, name, rows = begun, "starting", []
        for line in told.stdout:
            if line.startswith("$ twinbook"):
                rows.append((name, time.monotonic() - last))
                last, name = time.monotonic(), line[2:].strip()[:60]
        told.wait()
        rows.append((name, time.monotonic() - last))
        seconds = time.monotonic() - begun
        images = len(list((Path(folder) / "demo-out" / "out" / "released").glob("*.jpg")))
    print(f"\n{'command':60}  seconds")
    for what, taken in rows:
        if taken > 0.5:
            print(f"{what:60}  {taken:7.1f}")
    ok = "ok" if told.returncode == 0 and seconds < GOAL else "short"
    print(f"\n{images} images released")
    print(f"figure: demo_seconds = {seconds:.0f} (goal < {GOAL:.0f}) {ok}")


if __name__ == "__main__":
    main()
