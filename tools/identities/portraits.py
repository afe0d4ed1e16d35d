"""Step 2: pictures of everybody.

    python portraits.py --work WORK --out bench/faces [--kinds person genuine look-alike impostor]
                        [--ids ID ...] [--shard 0/2] [--only VIEW ...]

``WORK`` holds the maps of tools/talent/skin_maps.py and the shapes of step 1. Pictures that exist are left alone, so a
stopped run goes on where it was. ``--kinds impostor`` alone makes small, coarse pictures in ``WORK/impostors``, which are
never published.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import population
from bust import Bust, load_common
from complexion import Palette
from PIL import Image
from raster import Raster
from scipy.ndimage import gaussian_filter
from studio import Studio
from views import views_of

sys.path.insert(0, str(population.HERE.parent / "talent"))
from skin_maps import to_bytes

SIZE, SMALL = (400, 500), (240, 300)


class Session:
    def __init__(self, options):
        self.palette = Palette(options.work)
        small = options.kinds == ["impostor"]
        quick = small or options.quick
        self.hair_share = 0.35 if small else 1.0
        self.common = load_common(options.work, 1 if quick else 2)
        self.studio = Studio(Raster(options.work), self.palette, SMALL if small else SIZE, quick)

    def render(self, bust, name, wanted, target):
        person = bust.person
        random = np.random.default_rng([person["seed"], *name.encode()])
        wanted = {**wanted, "tall": wanted["tall"] * random.uniform(0.96, 1.05)}
        develop(self.studio.take(bust, wanted, random), self.studio.size, target, random)


def develop(linear, size, target, random):
    """Linear picture to JPEG of a size, with a trace of blur and sensor noise."""
    small = Image.fromarray(to_bytes(linear)).resize(size, Image.BICUBIC)
    pixels = gaussian_filter(np.asarray(small, np.float32), (random.uniform(0.1, 0.5),) * 2 + (0,))
    grain = random.normal(0, random.uniform(1.0, 3.0), pixels.shape[:2])[..., None]
    pixels = pixels + grain + random.normal(0, 0.8, pixels.shape)
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(target, quality=88, optimize=True)


def target_of(person, name, options):
    if person["kind"] == "impostor":
        return options.work / "impostors" / f"{person['id']}.jpg"
    return options.out / person["id"] / f"{name}.jpg"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kinds", nargs="+", default=["genuine", "person", "look-alike"])
    parser.add_argument("--ids", nargs="+")
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--shard", default="0/1")
    parser.add_argument("--quick", action="store_true", help="a coarser mesh and fewer light samples: half the time")
    parser.add_argument("--backwards", action="store_true", help="from the last person: a helper for a run under way")
    options = parser.parse_args()
    part, parts = (int(word) for word in options.shard.split("/"))
    session = Session(options)
    chosen = [p for p in population.population() if p["kind"] in options.kinds]
    chosen = [p for p in chosen if not options.ids or p["id"] in options.ids][part::parts]
    chosen.sort(key=lambda p: options.kinds.index(p["kind"]))
    for person in reversed(chosen) if options.backwards else chosen:
        wanted = {n: v for n, v in views_of(person).items() if not options.only or n in options.only}
        missing = {n: v for n, v in wanted.items() if not target_of(person, n, options).exists()}
        shape = options.work / "shapes" / f"{person['id']}.npz"
        if not missing or not shape.exists():
            continue
        started = time.time()
        bust = Bust(person, options.work, session.common, session.palette, session.hair_share)
        times = [time.time() - started]
        for name, one in missing.items():
            started = time.time()
            session.render(bust, name, one, target_of(person, name, options))
            times.append(time.time() - started)
        print(person["id"], json.dumps([round(t, 1) for t in times]), flush=True)


if __name__ == "__main__":
    main()
