"""What enrolment costs: ``python bench/enroll.py`` makes photographs, enrolls them in a process of their own, and prints
processor seconds a photograph and peak memory.

The photographs are the demo's, each moved, scaled and lit a little differently, so that none is a duplicate; with
``--large`` one of 50 megapixels is among them. QUICK=1 takes 40 instead of 500. Plates are counted and thrown away.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

PHOTOS = Path(__file__).resolve().parents[1] / "examples" / "demo" / "photos" / "mira"
COUNT = 40 if os.environ.get("QUICK") == "1" else 500

CHILD = """
import json, resource, sys, time
from pathlib import Path
from twinbook.vision import DlibMeter
from twinbook.services.enroll import photographs
largest = []
started = time.process_time()
files = photographs(Path(sys.argv[1]))
looked = []
enrolled = DlibMeter().enroll(
    files, lambda line: None, lambda plate: largest.append(plate.rgb_srgb.size), tell=lambda v: looked.append(time.process_time())
)
done = time.process_time()
print(json.dumps({
    "photos": len(files),
    "plates": len(largest),
    "largest_plate": max(largest) // 3,
    "used": sum(verdict.usable for verdict in enrolled.verdicts),
    "look": (looked[len(files) - 1] - started) / len(files),
    "plate": (done - looked[len(files) - 1]) / max(len(largest), 1),
    "total": done - started,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def make_photographs(folder: Path, count: int, large: bool = False) -> None:
    """``count`` photographs of one person, no two alike; with ``large`` one more of 50 megapixels."""
    sources = [Image.open(file).convert("RGB") for file in sorted(PHOTOS.glob("*.jpg"))]
    random = np.random.default_rng(5)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture = sources[number % len(sources)]
        wide, high = picture.size
        share = random.uniform(0.88, 0.99)
        size = int(wide * share), int(high * share)
        left, top = (int(random.uniform(0, room - part)) for room, part in zip(picture.size, size, strict=True))
        piece = picture.crop((left, top, left + size[0], top + size[1]))
        lit = np.clip(np.asarray(piece) * random.uniform(0.85, 1.08), 0, 255).astype(np.uint8)
        Image.fromarray(lit).save(folder / f"photo-{number:03d}.jpg", quality=90)
    if large:
        picture = sources[2].resize((6124, 8165), Image.Resampling.BICUBIC)
        picture.save(folder / "photo-large.jpg", quality=88)


def measure(folder: Path) -> dict[str, float]:
    """Enroll a folder in a process of its own."""
    done = subprocess.run([sys.executable, "-c", CHILD, str(folder)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--large", action="store_true", help="one photograph of 50 megapixels besides")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_photographs(Path(folder), options.count, options.large)
        found = measure(Path(folder))
    print(f"figure: enroll.photos {found['photos']} with {found['used']} usable and {found['plates']} plates")
    print(f"figure: enroll.look {found['look']:.2f} s of processor time a photograph")
    print(
        f"figure: enroll.plate {found['plate']:.2f} s of processor time a plate (largest {found['largest_plate'] / 1e6:.1f} megapixels)"
    )
    print(f"figure: enroll.total {found['total']:.0f} s")
    print(f"figure: enroll.peak {found['peak_mb']:.0f} MB")


if __name__ == "__main__":
    main()
