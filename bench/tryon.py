"""How near a garment put on from its packshot comes to the garment really worn: ``python bench/tryon.py``.

The truth is rendered (bench/figures/tryon): one body, pose, camera and light in garment A and in garment B, and packshots
of B lying flat, on a ghost mannequin and on a hanger. Each is put on over A and compared with B worn, within the union of
both garments: SSIM (Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 13,
2004) and GMSD, the deviation of gradient magnitude similarity, 0 for the same picture (Xue et al., "Gradient magnitude
similarity deviation", IEEE TIP 23, 2014), both on lightness at half size; what is left of A, as a share of its area; and
the colour of B's dyes against the packshot's, ΔE2000. The peer is what is commonly done without a network: a thin-plate
spline (Bookstein 1989) on the same marks, laid over the plate. There is no packshot of the trousers: theirs is cut
from the picture of them worn, which is easier, so that only what is left of the old ones counts; and the pair is enlarged,
because faces in it are too small to be enrolled. QUICK=1 takes one packshot and no trousers.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy.interpolate import RBFInterpolator

from twinbook.engines.composite import packshot as packshots
from twinbook.engines.composite.figure_marks import find
from twinbook.engines.composite.fitting import fitted, worn
from twinbook.engines.composite.garment_marks import read
from twinbook.engines.composite.tryon import TriedOn, tried_on
from twinbook.ports import Plate
from twinbook.vision import DlibMeter
from twinbook.vision.cloth import garment_share
from twinbook.vision.garment import compare, statistics
from twinbook.vision.skin import lab

TRUTH = Path(__file__).resolve().parent / "figures" / "tryon"
QUICK = os.environ.get("QUICK") == "1"
PEERS = []
PACKSHOTS = ("flat",) if QUICK else ("flat", "ghost", "hanger")


def picture(name: str) -> np.ndarray:
    return np.asarray(Image.open(TRUTH / name).convert("RGB"))


def mask(name: str) -> np.ndarray:
    return np.asarray(Image.open(TRUTH / name).convert("L")) > 127


def plate_of(rgb_srgb: np.ndarray) -> Plate:
    with tempfile.TemporaryDirectory() as folder:
        Image.fromarray(rgb_srgb).save(Path(folder) / "plate.png")
        return DlibMeter().enroll([Path(folder) / "plate.png"], lambda said: None).plates[0]


def ssim_and_gmsd(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> tuple[float, float]:
    a, b = (cv2.pyrDown(lab(rgb)[..., 0].astype(np.float32)) * 2.55 for rgb in (one, other))
    inside = cv2.resize(where.astype(np.uint8), a.shape[::-1], interpolation=cv2.INTER_AREA) > 0

    def blur(v: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(v, (11, 11), 1.5)

    ma, mb = blur(a), blur(b)
    va, vb, vab = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ssim = (2 * ma * mb + c1) * (2 * vab + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))

    def slope(v: np.ndarray) -> np.ndarray:
        return np.hypot(cv2.Scharr(v, cv2.CV_32F, 1, 0), cv2.Scharr(v, cv2.CV_32F, 0, 1)) / 16

    ga, gb = slope(a), slope(b)
    similar = (2 * ga * gb + 170) / (ga * ga + gb * gb + 170)
    return float(ssim[inside].mean()), float(similar[inside].std())


def left_over(made: np.ndarray, plate: np.ndarray, truth: np.ndarray, old: np.ndarray) -> float:
    """The share of the old garment that still looks like it, where the truth doesn't."""
    same = np.linalg.norm(lab(made) - lab(plate), axis=2) < 5
    other = np.linalg.norm(lab(truth) - lab(plate), axis=2) > 10
    return float((same & other & old).sum() / old.sum())


def by_spline(plate: Plate, shot: np.ndarray) -> np.ndarray:
    """The peer: the same marks through a thin-plate spline, laid over the plate."""
    garment = read(packshots.cut_out(shot), "top")
    figure = find(plate)
    share = garment_share(plate, "top") * (plate.alpha > 127)
    ends = fitted(garment, figure, worn(share, figure, "top")).ends
    names = {"outer": "cuff_outer", "inner": "cuff_inner"}
    pairs = [
        (garment.marks[f"{name}_{side}"], ends[f"{names.get(name, name)}_{side}"])
        for side in ("left", "right")
        for name in ("collar", "shoulder", "outer", "inner", "armpit", "hem")
    ]
    pairs.append((garment.marks["collar_front"], ends["collar_front"]))
    source, target = (np.array(side) for side in zip(*pairs, strict=True))
    high, wide = plate.alpha.shape
    y, x = np.mgrid[0:high, 0:wide]
    at = RBFInterpolator(target, source, kernel="thin_plate_spline")(np.stack([x.ravel(), y.ravel()], 1))
    where = at.reshape(high, wide, 2).astype(np.float32)
    cloth = cv2.remap(garment.rgb_srgb, where, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    alpha = np.where(garment.inside, 0, garment.alpha).astype(np.uint8)
    cover = cv2.remap(alpha, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)[..., None] / 255
    return (plate.rgb_srgb * (1 - cover) + cloth * cover + 0.5).astype(np.uint8)


def dye_off(made: TriedOn, shot: np.ndarray) -> float:
    cut = packshots.cut_out(shot)
    found = compare(statistics(made.rgb_srgb, made.garment > 0.9), statistics(cut.rgb_srgb, cut.alpha > 250))
    return next(m.value for m in found if m.name == "garment.delta_e")


def main() -> int:
    plate, truth = plate_of(picture("mira-tee-a.jpg")), picture("mira-tee-b.jpg")
    old = mask("mira-tee-a-garment-mask.png")
    union = old | mask("mira-tee-b-garment-mask.png")
    rows = []
    print(f"{'packshot':16}{'SSIM':>8}{'spline':>8}{'GMSD':>8}{'spline':>8}{'left':>8}{'spline':>8}{'ΔE':>7}")
    for name in PACKSHOTS:
        shot = picture(f"mira-tee-b-{name}.jpg")
        made, peer = tried_on(plate, shot, "top"), by_spline(plate, shot)
        ours, theirs = ssim_and_gmsd(made.rgb_srgb, truth, union), ssim_and_gmsd(peer, truth, union)
        left = [left_over(rgb, plate.rgb_srgb, truth, old) for rgb in (made.rgb_srgb, peer)]
        rows.append((*ours, *theirs, *left, dye_off(made, shot)))
        print(
            f"{name:16}{ours[0]:8.3f}{theirs[0]:8.3f}{ours[1]:8.3f}{theirs[1]:8.3f}"
            f"{left[0]:8.2%}{left[1]:8.2%}{rows[-1][-1]:7.2f}"
        )
    worst_left = max(row[4] for row in rows)
    if not QUICK:
        trousers = of_trousers()
        worst_left = max(worst_left, trousers)
        print(f"{'trousers':16}{'':32}{trousers:8.2%}")
    means = np.mean(rows, axis=0)
    figures = [
        ("ssim ahead of spline", means[0] - means[2], "> 0", means[0] > means[2]),
        ("gmsd below spline", means[3] - means[1], "> 0", means[3] > means[1]),
        ("left of the old garment, worst", worst_left, "<= 0.01", worst_left <= 0.01),
        ("dye, delta E 2000, worst", max(row[6] for row in rows), "<= 3", max(row[6] for row in rows) <= 3),
    ]
    for name, value, goal, met in figures:
        print(f"figure: {name} = {value:.4f} (goal {goal}) {'ok' if met else '… short'}")
    return 0


def of_trousers() -> float:
    worn_a, truth = (enlarged(picture(f"mira-trousers-{which}.jpg")) for which in "ab")
    old, cover = (enlarged(mask(f"mira-trousers-{which}-garment-mask.png")) for which in "ab")
    rows, columns = np.flatnonzero(cover.any(axis=1)), np.flatnonzero(cover.any(axis=0))
    here = np.s_[rows[0] - 8 : rows[-1] + 9, columns[0] - 8 : columns[-1] + 9]
    made = tried_on(plate_of(worn_a), np.dstack([truth, cover.astype(np.uint8) * 255])[here], "bottom")
    return left_over(made.rgb_srgb, worn_a, truth, old)


def enlarged(picture: np.ndarray) -> np.ndarray:
    if picture.dtype == bool:
        return cv2.resize(picture.astype(np.float32), None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR) > 0.5
    return cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)


if __name__ == "__main__":
    sys.exit(main())
