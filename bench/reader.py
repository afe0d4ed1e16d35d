"""What the reader's comparison finds and what it leaves alone, and how well fingerprints part pictures: ``python bench/reader.py``.

Every picture is taken through harmless changes, of which none may count as an alteration, and through lightened and darkened
skin and a pasted face, of which every one must be found where it is. QUICK=1 takes fewer. ``--photos FOLDER`` takes photographs of
your own, each with a face in it.
"""

from __future__ import annotations

import argparse
import io
import itertools
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage import data

from twinbook.domain.alteration import Change, Place
from twinbook.domain.fingerprint import BITS, LEAST_QUALITY, SAME
from twinbook.domain.twin import Box
from twinbook.reader.comparison import compare_pictures
from twinbook.reader.features import LEAST_INLIERS, count_inliers, pack_features
from twinbook.reader.pdq import dihedral
from twinbook.vision.faces import find_faces

PEERS: list[str] = []
QUICK = os.environ.get("QUICK") == "1"
DEMO = Path(__file__).resolve().parents[1] / "examples" / "demo" / "photos"
DISTINCT = (
    "astronaut",
    "coffee",
    "chelsea",
    "rocket",
    "camera",
    "coins",
    "moon",
    "page",
    "text",
    "brick",
    "grass",
    "gravel",
)


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(file))


def coded(picture: np.ndarray, kind: str, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def scaled(picture: np.ndarray, factor: float) -> np.ndarray:
    return cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def toned(picture: np.ndarray, contrast: float, offset: float) -> np.ndarray:
    return np.clip((picture.astype(float) - 128) * contrast + 128 + offset, 0, 255).astype(np.uint8)


def cropped(picture: np.ndarray, area: float) -> np.ndarray:
    side = math.sqrt(area)
    high, wide = (round(length * side) for length in picture.shape[:2])
    top, left = (picture.shape[0] - high) // 3, (picture.shape[1] - wide) // 2
    return np.ascontiguousarray(picture[top : top + high, left : left + wide])


CLEAN: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "q75": lambda p: jpeg(p, 75),
    "q50": lambda p: jpeg(p, 50),
    "half q75": lambda p: jpeg(scaled(p, 0.5), 75),
    "half q50": lambda p: jpeg(scaled(p, 0.5), 50),
    "webp 60": lambda p: coded(p, "WEBP", 60),
    "avif 50": lambda p: coded(p, "AVIF", 50),
    "contrast": lambda p: toned(p, 1.25, 0),
    "brighter": lambda p: toned(p, 1.0, 18),
    "gamma": lambda p: (255 * (p / 255) ** 0.8).round().astype(np.uint8),
    "mirrored": lambda p: np.ascontiguousarray(p[:, ::-1]),
    "crop 75 %": lambda p: jpeg(cropped(p, 0.75), 75),
    "crop 50 %": lambda p: jpeg(cropped(p, 0.5), 75),
}


def relit(picture: np.ndarray, face: Box, amount: float) -> np.ndarray:
    """The face's ellipse moved by ``amount`` of L*, with a soft edge."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    mask = np.zeros(picture.shape[:2], np.float32)
    centre = (face.left + face.width // 2, face.top + face.height // 2)
    cv2.ellipse(mask, centre, (face.width // 2, face.height // 2), 0, 0, 360, 1, -1)
    lab[..., 0] += amount * cv2.GaussianBlur(mask, (0, 0), face.width / 12)
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255, 0, 255).astype(np.uint8)


def patched(picture: np.ndarray, face: Box) -> np.ndarray:
    changed = picture.copy()
    other = cv2.resize(data.astronaut()[30:250, 120:330], (face.width, face.height), interpolation=cv2.INTER_AREA)
    changed[face.top : face.bottom, face.left : face.right] = other
    return changed


def photographs(folder: Path | None) -> dict[str, tuple[np.ndarray, Box]]:
    files = sorted(folder.iterdir()) if folder else sorted(DEMO.glob("*/*-front.jpg"))
    found = {}
    for file in files[: 2 if QUICK else None]:
        with Image.open(file) as image:
            picture = np.asarray(image.convert("RGB"))
        faces = find_faces(picture)
        if faces:
            found[f"{file.parent.name}/{file.stem}"] = picture, faces[0].box
    return found


def located(found, place: Place, change: Change, face: Box) -> bool:
    """Whether the largest alteration is the one that was made, and at least half of its box and of the face's are shared."""
    if found is None or not found.alterations:
        return False
    first = found.alterations[0]
    shared = first.box.overlap(face)
    sizes = [box.width * box.height for box in (first.box, face)]
    return (first.place, first.change) == (place, change) and shared >= 0.5 * max(sizes)


def measure_alterations(pictures: dict[str, tuple[np.ndarray, Box]]) -> None:
    clean, false_alarms, seconds = 0, [], []
    for name, (picture, _) in pictures.items():
        for what, change in CLEAN.items():
            started = time.perf_counter()
            likeness = compare_pictures(change(picture), picture)
            seconds.append(time.perf_counter() - started)
            clean += 1
            if likeness is None or likeness.altered_share:
                false_alarms.append(f"{name} {what}")
    print(f"figure: harmless changes called altered: {len(false_alarms)} of {clean}", *false_alarms[:5])
    print(f"figure: seconds a comparison, median: {np.median(seconds):.2f}")
    after = {
        "q80": lambda p: jpeg(p, 80),
        "half q60": lambda p: jpeg(scaled(p, 0.5), 60),
        "crop 75 %": CLEAN["crop 75 %"],
    }
    made = {
        "skin lighter by 7": (lambda p, f: relit(p, f, 7), Place.FACE, Change.LIGHTER),
        "skin lighter by 5": (lambda p, f: relit(p, f, 5), Place.FACE, Change.LIGHTER),
        "skin darker by 7": (lambda p, f: relit(p, f, -7), Place.FACE, Change.DARKER),
        "face patch": (patched, Place.FACE, Change.REPLACED),
    }
    for what, (change, place, kind) in made.items():
        for way, coding in after.items():
            told = []
            for picture, face in pictures.values():
                told.append((compare_pictures(coding(change(picture, face)), picture), face))
            seen = sum(likeness is not None and likeness.altered_share > 0 for likeness, _ in told)
            right = sum(located(likeness, place, kind, face) for likeness, face in told)
            print(f"figure: {what}, then {way}: seen {seen}, named and located {right} of {len(told)}")


def measure_fingerprints(pictures: dict[str, tuple[np.ndarray, Box]]) -> None:
    every = {name: picture for name, (picture, _) in pictures.items()}
    for name in DISTINCT:
        found = getattr(data, name)()
        every[name] = np.stack([found] * 3, axis=-1) if found.ndim == 2 else found[..., :3]
    hashes = {name: dihedral(picture) for name, picture in every.items()}
    hashes = {name: eight for name, eight in hashes.items() if eight[0].quality >= LEAST_QUALITY}
    apart = np.array([v.distance(b[0]) for a, b in itertools.combinations(hashes.values(), 2) for v in a])
    share, variance = apart.mean() / BITS, apart.var() / BITS**2
    free = share * (1 - share) / variance
    chance = sum(math.comb(round(free), k) for k in range(round(free) * SAME // BITS + 1)) / 2 ** round(free)
    print(
        f"figure: distance of {len(apart)} pairs of {len(hashes)} unrelated pictures: mean {apart.mean():.1f}, least {apart.min()}"
    )
    print(f"figure: as many independent bits as: {free:.0f}; chance of {SAME} or fewer for one pair: {chance:.0e}")
    ways = {
        **CLEAN,
        "crop 90 %": lambda p: jpeg(cropped(p, 0.9), 75),
        "crop 25 %": lambda p: jpeg(cropped(p, 0.25), 75),
    }
    kept = {name: pack_features(picture) for name, picture in every.items() if name in hashes}
    for what, change in ways.items():
        close, fitting = 0, 0
        for name in hashes:
            found = change(every[name])
            close += min(v.distance(hashes[name][0]) for v in dihedral(found)) <= SAME
            views = (found, np.ascontiguousarray(found[:, ::-1]))
            fitting += max(count_inliers(pack_features(view), kept[name]) for view in views) >= LEAST_INLIERS
        print(f"figure: {what}: found by fingerprint {close}, by features {fitting} of {len(hashes)}")
    false_fits = sum(count_inliers(kept[a], kept[b]) >= LEAST_INLIERS for a, b in itertools.permutations(kept, 2))
    print(
        f"figure: pairs of different pictures whose features fit (photographs of one person in one light do): {false_fits} of {len(kept) * (len(kept) - 1)}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, help="a folder of photographs of your own, each with a face")
    pictures = photographs(parser.parse_args().photos)
    if not pictures:
        print("no photograph has a face in it", file=sys.stderr)
        return 1
    print(f"{len(pictures)} photographs: {', '.join(pictures)}")
    measure_fingerprints(pictures)
    measure_alterations(pictures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
