"""Enrols one small photograph, renders one picture of each kind from it, and prints their digests as JSON.

Run in a process of its own for each number of threads: numba, OpenMP and BLAS read theirs once, when they are loaded.
"""

import hashlib
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import cv2
import numba
import numpy as np
from PIL import Image

from twinbook.domain.brief import Accessory, Print, Recolor, Shot, TryOn
from twinbook.domain.permit import Act, Permit
from twinbook.engines.composite import CompositeEngine
from twinbook.ports import RenderJob
from twinbook.vision import DlibMeter

ROOT = Path(__file__).resolve().parents[2]
PAIRS = ROOT / "bench" / "figures" / "tryon"
HERS = {"cm.height": 177.0, "cm.bust": 83.0, "cm.waist": 64.0, "cm.hips": 90.0}
BELT = Accessory("belt", "image:belt", "waist")
SHOTS = {
    "scene and dye": {"scene": "image:place", "recolor": Recolor("top", "#24408e")},
    "studio": {"scene": "studio:leaves"},
    "print": {"print": Print("top", "stripes:#f4f1ea,#1f2a5c", Fraction(4))},
    "try-on and belt": {"tryon": TryOn("top", "image:tee"), "accessories": (BELT,)},
    "mannequin": {"scene": "studio:warm-grey", "mannequin": True},
}


def digest(*arrays: np.ndarray) -> str:
    made = hashlib.sha256()
    for array in arrays:
        made.update(repr((array.shape, array.dtype.str)).encode() + np.ascontiguousarray(array).tobytes())
    return made.hexdigest()


def main(threads: int) -> None:
    sys.path.insert(0, str(ROOT / "tests"))
    from drawn_garments import belt

    cv2.setNumThreads(threads)
    plate = DlibMeter().enroll([PAIRS / "mira-tee-a.jpg"], lambda said: None).plates[0]
    plate = replace(plate, shape={**plate.shape, **HERS})
    found = {
        "matte": digest(plate.rgb_srgb, plate.alpha),
        "landmarks": digest(plate.landmarks, plate.embedding),
        "regions": digest(plate.regions, plate.skin_lab, plate.body_skin_lab),
    }
    place = np.asarray(Image.open(ROOT / "examples/demo/scenes/courtyard.jpg").convert("RGB").resize((600, 400)))
    tee = np.asarray(Image.open(PAIRS / "mira-tee-b-hanger.jpg"))
    pictures = {"image:place": place, "image:tee": tee, "image:belt": belt()}

    class Twin:
        permit = Permit("p", Act.RENDER, "mira", "d", "c", "l", datetime(2030, 1, 1, tzinfo=UTC))

        def plate(self, _):
            return plate

    engine = CompositeEngine()
    for name, asked in SHOTS.items():
        shot = Shot(name, ("mira",), ("web-3x4",), **asked)
        plan = engine.plan(shot, {"mira": [plate.facts]})
        made = engine.render(RenderJob(shot, plan, {"mira": "d"}, {"mira": Twin()}, pictures))
        found[name] = digest(made.rgb_srgb, made.alpha, made.altered)
    print(json.dumps({"threads": [cv2.getNumThreads(), numba.get_num_threads()], "digests": found}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
