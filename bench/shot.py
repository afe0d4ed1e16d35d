"""What a shot costs: ``python bench/shot.py``. One photograph of 3, 12 and 24 megapixels each, in a process of its own:
looked at and cut out once (the plate, which the vault keeps), then rendered into a picture twice: another scene with a
dyed top, then another scene and another dye from the same plate.

The first shot pays for the plate, every later one only for itself. Processor seconds, since other work on the machine
doesn't count in them. QUICK=1 leaves 24 megapixels out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

PEERS = []
PHOTO = Path(__file__).resolve().parents[1] / "examples" / "demo" / "photos" / "mira" / "waist-front.jpg"
MEGAPIXELS = (3, 12) if os.environ.get("QUICK") == "1" else (3, 12, 24)

CHILD = """
import json, resource, sys, time
from datetime import UTC, datetime
from pathlib import Path
from twinbook.domain.brief import Recolor, Shot
from twinbook.domain.permit import Act, Permit
from twinbook.engines.composite import CompositeEngine
from twinbook.ports import RenderJob
from twinbook.vision import DlibMeter

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

DlibMeter().faces(__import__("numpy").zeros((64, 64, 3), "uint8"))  # models are loaded once, whatever is done
before, started = peak(), time.process_time()
(plate,) = DlibMeter().enroll([Path(sys.argv[1])], lambda line: None).plates
enrolled, with_plate = time.process_time() - started, peak()

class Twin:
    permit = Permit("p", Act.RENDER, "mira", "d", "c", "l", datetime(2030, 1, 1, tzinfo=UTC))
    def plate(self, _):
        return plate

engine = CompositeEngine()
took, phases = [], []
for scene, dye in (("studio:sand", "#24408e"), ("studio:window", "#8c2f39")):
    shot = Shot("one", ("mira",), ("web-3x4",), scene=scene, recolor=Recolor("top", dye))
    plan = engine.plan(shot, {"mira": [plate.facts]})
    started = time.process_time()
    made = engine.render(RenderJob(shot, plan, {"mira": "d"}, {"mira": Twin()}))
    took.append(time.process_time() - started)
    phases.append(made.seconds)
print(json.dumps({
    "pixels": plate.facts.width * plate.facts.height, "enrolled": enrolled, "rendered": took, "phases": phases,
    "models_mb": before, "with_plate_mb": with_plate, "peak_mb": peak(),
}))
"""


def photograph(file: Path, megapixels: float) -> None:
    with Image.open(PHOTO) as picture:
        grown = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
        size = round(picture.width * grown), round(picture.height * grown)
        picture.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(file, quality=92)


def main() -> None:
    found = []
    print(f"{'MP':>4} {'plate s':>9} {'shot s':>8} {'next s':>8} {'share':>7} {'peak MB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for megapixels in MEGAPIXELS:
            file = Path(folder) / f"{megapixels}.jpg"
            photograph(file, megapixels)
            done = subprocess.run([sys.executable, "-c", CHILD, str(file)], capture_output=True, text=True, check=True)
            one = json.loads(done.stdout)
            one["share"] = one["rendered"][1] / (one["enrolled"] + one["rendered"][0])
            found.append(one)
            print(
                f"{one['pixels'] / 1e6:4.1f} {one['enrolled']:9.2f} {one['rendered'][0]:8.2f} {one['rendered'][1]:8.2f}"
                f" {one['share']:7.2f} {one['peak_mb']:9.0f}   {one['phases'][1]}"
            )
    worst = max(one["share"] for one in found)
    print(f"figure: shot.second = {worst:.2f} of the first (goal 0.33) {'ok' if worst <= 0.33 else 'short'}")
    first, last = found[0], found[-1]
    times = last["pixels"] / first["pixels"]
    spent = (last["enrolled"] + last["rendered"][0]) / (first["enrolled"] + first["rendered"][0])
    print(f"figure: shot.time = {spent / times:.2f} of linear growth (goal 1.0) {'ok' if spent <= times else 'short'}")
    memory = (last["peak_mb"] - last["models_mb"]) / (first["peak_mb"] - first["models_mb"])
    print(
        f"figure: shot.memory = {memory / times:.2f} of linear growth (goal 1.0) {'ok' if memory <= times else 'short'}"
    )
    print(f"figure: shot.peak = {last['peak_mb']:.0f} MB at {last['pixels'] / 1e6:.0f} megapixels")


if __name__ == "__main__":
    main()
