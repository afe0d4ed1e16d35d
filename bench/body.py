"""How well slimming, lengthening and reshaping are found in outlines, and how often where there is none.

Run with `make bench NAME=body`. Each demo photograph is warped, its face found again, and its outline compared with
those of the same person's photographs: with the one it was made from among them, and without. Copies that nobody
tampered with, and those changed by 6 %, get a matte of their own; for the others and for heads the photograph's is
warped along, which leaves out what mattes differ by. Fifteen minutes on a core; QUICK=1 takes two photographs.
"""

from __future__ import annotations

import io
import os
import platform
from collections import defaultdict
from datetime import date
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from twinbook.vision import faces
from twinbook.vision.body import compare, shape
from twinbook.vision.matte import matte

PEERS = []
PHOTOS = Path(__file__).resolve().parents[1] / "examples" / "demo" / "photos"
QUICK = bool(os.environ.get("QUICK"))
BOUND = 2.5  # percent, on every one of the four
AMOUNTS = (0.03, 0.06, 0.10)


def matted(rgb, face):
    return matte(rgb, face.box)


def outline(rgb, alpha=None):
    """Outline and matte; both None where there is no face or no matte."""
    found = faces.find_faces(rgb)
    if not found:
        return None, None
    alpha = matted(rgb, found[0]) if alpha is None else alpha
    return (None if alpha is None else shape(alpha, found[0].box, found[0].landmarks)), alpha


def warp(source, below=0):
    """A function that warps a picture, with ``below`` rows of floor added first."""

    def apply(picture):
        picture = cv2.copyMakeBorder(picture, 0, below, 0, 0, cv2.BORDER_REPLICATE)
        y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
        at = [np.broadcast_to(v, x.shape).astype(np.float32) for v in source(x, y)]
        return cv2.remap(picture, *at, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)

    return apply


def untouched(rgb):
    high, wide = rgb.shape[:2]
    stored = io.BytesIO()
    Image.fromarray(rgb).save(stored, "JPEG", quality=60)
    yield "re-encoded (q60)", np.array(Image.open(stored))
    yield "half size", cv2.resize(rgb, (wide // 2, high // 2), interpolation=cv2.INTER_AREA)
    yield "cropped", np.ascontiguousarray(rgb[high // 60 : -high // 20, wide // 30 : -wide // 40])


def tampered(rgb, box, own):
    """Kind, amount and a function that warps a picture; a kind is left out where the part that it changes isn't shown."""
    middle, chin, face = box.left + box.width / 2, box.bottom + 0.1 * box.height, box.height
    waist = box.bottom + 3 * face
    crotch = own.marks.get("crotch", 0) * max(rgb.shape[0] / 1000, 1)

    def slimmed(by):
        return lambda x, y: (middle + (x - middle) / (1 - by * np.clip((y - chin) / (0.5 * face), 0, 1)), y)

    def drawn_in(by):
        return lambda x, y: (middle + (x - middle) / (1 - by * np.exp(-(((y - waist) / (0.9 * face)) ** 2))), y)

    def head(by):
        def source(x, y):
            neck = 1 + by * (1 - np.clip((y - chin) / (0.4 * face), 0, 1))
            return middle + (x - middle) / neck, np.where(y < chin, chin + (y - chin) / (1 + by), y)

        return source

    def legs(by):
        return lambda x, y: (x, np.where(y < crotch, y, crotch + (y - crotch) / (1 + by)))

    kinds = {"slimmed": slimmed, "head enlarged": head}
    if rgb.shape[0] > waist + 0.9 * face:
        kinds["waist drawn in"] = drawn_in
    for kind, source in kinds.items():
        for by in AMOUNTS:
            yield kind, by, warp(source(by))
    if {"crotch", "hem"} <= set(own.marks):
        for by in AMOUNTS:
            yield "legs lengthened", by, warp(legs(by), below=round(by * rgb.shape[0]))


def main() -> None:
    print(f"{date.today()}  {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    paths = sorted(PHOTOS.glob("*/*.jpg"))
    if QUICK:
        paths = [path for path in paths if path.name == "full-front.jpg"]
    pictures = {path: np.array(Image.open(path)) for path in paths}
    plates = {path: outline(rgb) for path, rgb in pictures.items()}
    told = defaultdict(list)
    for path, rgb in pictures.items():
        box = faces.find_faces(rgb)[0].box
        own, alpha = plates[path]
        hers = {other: plate for other, (plate, _) in plates.items() if other.parent == path.parent and plate}
        others = [plate for other, plate in hers.items() if other != path]
        told["another photograph", None].append((path, compare(own, others)))
        changed = [(kind, None, outline(copy)[0]) for kind, copy in untouched(rgb)]
        for kind, by, changes in tampered(rgb, box, own):
            anew = by == 0.06 and kind != "head enlarged"
            changed.append((kind, by, outline(changes(rgb), None if anew else changes(alpha))[0]))
        for kind, by, seen in changed:
            told[kind, by].append((path, compare(seen, list(hers.values()))))
            if by is not None:
                told[f"{kind}, other photographs", by].append((path, compare(seen, others)))
            values = " ".join("--" if m.value is None else f"{m.value:+.1f}" for m in told[kind, by][-1][1])
            print(f"{path.parent.name}/{path.stem:20} {kind:16} {by or 0:5.0%}  {values}", flush=True)
    print(f"\n{'':42}  pictures  told  over {BOUND} %  largest of width, length, reshape, head")
    for (kind, by), results in told.items():
        values = np.array([[np.nan if m.value is None else m.value for m in measured] for _, measured in results])
        some = ~np.isnan(values).all(axis=1)
        over = (np.abs(np.nan_to_num(values)) > BOUND).any(axis=1)
        filled = np.where(np.isnan(values), 0, values)
        extreme = filled[np.abs(filled).argmax(axis=0), range(values.shape[1])]
        label = kind if by is None else f"{kind} {by:.0%}"
        print(f"{label:42}  {len(values):8} {some.sum():5} {over.sum():10}  " + " ".join(f"{v:+5.1f}" for v in extreme))


if __name__ == "__main__":
    main()
