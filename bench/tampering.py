"""How much tampering the whole verdict finds, and how often it takes care for it: ``python bench/tampering.py``.

The demonstration's photographs, as they are and as the composite engine renders them (another scene; another scene and
another colour of the top), are forged in every way of bench/forgeries.py, then re-encoded, cropped, resized or relit; and
go through the same harmless changes without having been forged. Found is what doesn't pass by itself: what is quarantined
or put before her. The peer is a face recogniser's customary threshold alone (distance to the nearest photograph under
0.6), which is what is commonly done. QUICK=1 takes one photograph. ``--json FILE`` keeps every value.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import forgeries as forge
import numpy as np
from PIL import Image

from twinbook.domain import fidelity
from twinbook.domain.brief import Recolor
from twinbook.engines.composite.placement import Sitter, as_framed
from twinbook.engines.composite.recolor import recoloured
from twinbook.engines.composite.scene import Layer, composite, fitted_scene, own_colours
from twinbook.engines.composite.studio import studio_scene
from twinbook.ports import Asked, Plate
from twinbook.vision import DlibMeter
from twinbook.vision.cloth import garment_share
from twinbook.vision.faces import embed, find_faces

DEMO = Path(__file__).resolve().parents[1] / "examples" / "demo"
DYE = "#8c2f39"
QUICK = os.environ.get("QUICK") == "1"
PEERS = []
# What has to be found at the middle step, by the name of its forgeries.
MIDDLE = ("skin +8 L*", "skin -8 L*", "slimmed 6 %", "face swapped", "face blended 30 %", "eyes +10 %", "garment ΔE 6")
CUSTOMARY = 0.6
AFTER = ("q85", "crop, 80 %, q75", "as it is", "darker, warmer, gamma, q75", "two thirds, q85", "q60", "colder, q75")


def plates_of(talent: str) -> list[Plate]:
    photos = sorted((DEMO / "photos" / talent).glob("*.jpg"))
    if QUICK:
        photos = [photo for photo in photos if photo.stem in ("waist-front", "head-front")]
    return list(DlibMeter().enroll(photos, lambda said: None).plates)


def rendered(plate: Plate) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """The plate and what the engine makes of it: name, pixels, and what it would declare altered."""
    rgb, alpha = plate.rgb_srgb, plate.alpha
    yield "plate", rgb, np.zeros(alpha.shape, bool)
    setting = as_framed(Sitter.of("her", plate))
    (placed,) = setting.placed
    own = own_colours(rgb, alpha)
    made = composite(setting, [Layer(placed, rgb, alpha, own)], studio_scene("warm-grey", setting), seed=1)
    yield "studio", made.rgb_srgb, made.altered
    picture = np.asarray(Image.open(sorted((DEMO / "scenes").glob("*.jpg"))[0]).convert("RGB"))
    layers = [Layer(placed, rgb, alpha, recoloured(own, garment_share(plate, "top"), DYE, alpha))]
    made = composite(setting, layers, fitted_scene(picture, setting, layers)[0], seed=1)
    yield "place, dyed", made.rgb_srgb, made.altered


def forged(
    rgb: np.ndarray, plate: Plate, others: list[Plate], dyed: bool, seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    for amount in (4, 8, 12):
        yield f"skin +{amount} L*", forge.skin_lightened(rgb, plate, amount)
    yield "skin -8 L*", forge.skin_lightened(rgb, plate, -8)
    for amount in (3, 6, 10):
        yield f"slimmed {amount} %", forge.slimmed(rgb, plate, amount)
    yield "waist 8 %", forge.waist_liquified(rgb, plate, 8)
    if plate.facts.person.height > 8 * plate.facts.face.height:
        yield "legs 6 %", forge.legs_lengthened(rgb, plate, 6)
    for i, other in enumerate(others):
        yield f"face swapped {i}", forge.face_swapped(rgb, plate, other.rgb_srgb, other.landmarks)
        yield f"face blended 30 % {i}", forge.face_blended(rgb, plate, other.rgb_srgb, other.landmarks)
    yield "eyes +10 %", forge.eyes_enlarged(rgb, plate, 10)
    yield "jaw -6 %", forge.jaw_slimmed(rgb, plate, 6)
    if not dyed:
        garment = garment_share(plate, "top") * (plate.alpha.astype(np.float32) / 255)
        for amount in (3, 6, 12):
            yield f"garment ΔE {amount}", forge.garment_hue_off(rgb, plate, garment, amount, seed + amount)


def judged(picture: np.ndarray, plate: Plate, plates: list[Plate], dyed: bool) -> tuple[list[str], float]:
    """What kept a picture from passing, and the customary distance to the nearest photograph."""
    meter = DlibMeter()
    bounds = fidelity.bounds(fidelity.identity_bound(meter.calibrate(plates)), {}, {})
    asked = Asked(plate.facts.id, Recolor("top", DYE) if dyed else None)
    verdict = fidelity.judge(meter.measure(picture, plates, asked), bounds, calibrated=True)
    faces = find_faces(picture)
    nearest = (
        min((float(np.linalg.norm(embed(picture, faces[0]) - p.embedding)) for p in plates), default=9) if faces else 9
    )
    return [finding.measurement.name for finding in verdict.findings if not finding.ok], nearest


def of_talent(talent: str) -> list[dict]:
    """Every picture of one talent with what was found in it."""
    cv2.setNumThreads(1)
    everyone = {name: plates_of(name) for name in ("mira", "sami")}
    plates = everyone[talent]
    turned = {True: [], False: []}
    for name, theirs in everyone.items():
        for plate in theirs if name != talent else ():
            turned["threequarter" in plate.facts.photo].append(plate)
    rows = []
    for number, plate in enumerate(plates[:1] if QUICK else plates):
        faces = turned["threequarter" in plate.facts.photo][:2] or turned[False][:1]
        for base, rgb, _ in list(rendered(plate))[: 1 if QUICK else 3]:
            dyed = base.endswith("dyed")
            tried = [(name, "", change(rgb)) for name, change in forge.HARMLESS.items()]
            for i, (name, made) in enumerate(forged(rgb, plate, faces, dyed, number)):
                after = AFTER[(i + number) % len(AFTER)]
                tried.append(
                    (after, name.rstrip(" 01") if name.startswith("face") else name, forge.HARMLESS[after](made))
                )
            for after, name, picture in tried:
                started = time.process_time()
                found, nearest = judged(picture, plate, plates, dyed)
                seconds = time.process_time() - started
                row = {"talent": talent, "photo": plate.facts.photo, "base": base, "forgery": name, "change": after}
                rows.append(row | {"found": found, "nearest": nearest, "seconds": seconds})
            print(f"{talent} {plate.facts.photo}, {base}: {len(tried)} pictures", file=sys.stderr, flush=True)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        rows = [row for rows in pool.map(of_talent, ("mira", "sami")) for row in rows]
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))
    print(table(rows))
    return report(rows)


def table(rows: list[dict]) -> str:
    lines = ["| done to the picture | pictures | found | by | by 0.6 alone |", "|---|---|---|---|---|"]
    for name in sorted({row["forgery"] for row in rows}, key=lambda one: (one != "", one)):
        of = [row for row in rows if row["forgery"] == name]
        caught = sum(bool(row["found"]) for row in of)
        by = sorted(
            {(sum(what in row["found"] for row in of), what) for row in of for what in row["found"]}, reverse=True
        )
        names = ", ".join(f"{what} {count}" for count, what in by[:4])
        peer = sum(row["nearest"] > CUSTOMARY for row in of)
        lines.append(
            f"| {name or 'nothing (harmless changes)'} | {len(of)} | {caught / len(of):.1%} | {names} | {peer / len(of):.1%} |"
        )
    return "\n".join(lines)


def report(rows: list[dict]) -> int:
    """The figures; returns how many fall short."""
    short = 0
    for name in MIDDLE:
        of = [row for row in rows if row["forgery"] == name]
        if of:
            share = sum(bool(row["found"]) for row in of) / len(of)
            short += share < 0.95
            print(f"figure: {name} found = {share:.1%} (goal 95 %) {'ok' if share >= 0.95 else 'short'}")
    clean = [row for row in rows if not row["forgery"]]
    alarms = sum(bool(row["found"]) for row in clean) / len(clean)
    print(f"figure: false alarms = {alarms:.1%} of {len(clean)} (goal 2 %) {'ok' if alarms <= 0.02 else 'short'}")
    return short + (alarms > 0.02)


if __name__ == "__main__":
    sys.exit(main() > 0)
