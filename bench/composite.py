"""How good the mattes are: ``make bench NAME=composite``.

Figures whose alpha is known (bench/figures, rendered) are put before backdrops made here: plain paper, gradients,
seamless paper with her own shadow on it; every second one with the paper's and the sensor's noise and JPEG 85. Mixed in
linear light, as a camera does. Errors are those of Rhemann et al. ("A perceptually motivated online benchmark for
image matting", 2009), over the whole picture, since nobody is given a trimap but the oracle: SAD and gradient error in
thousands, MSE times a thousand; and the colour error of what is hers where she is partly transparent, ΔE*ab weighted by
alpha. An average hides a bite, so the largest connected piece that is wrong by more than a half is told as well, as a share
of her area. Beside: GrabCut with a feathered edge, given the rectangle that her face suggests, and pymatting's closed form
with an oracle's trimap, made from the true alpha; and rembg with a network of the user's own: ``--rembg-model FILE``, or
TWINBOOK_REMBG_MODEL. QUICK=1 takes small pictures and a few cases.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from twinbook.domain.twin import Box
from twinbook.engines.composite.scene import own_colours
from twinbook.vision.faces import find_faces
from twinbook.vision.matte import cut, estimated_person
from twinbook.vision.skin import linear_to_lab, to_linear, to_srgb

PEERS = ["rembg", "pooch", "jsonschema"]  # pymatting and OpenCV are there already
FIGURES = Path(__file__).resolve().parent / "figures"
QUICK = os.environ.get("QUICK") == "1"
HIGH = 480 if QUICK else 720
PAPERS = {
    "white": (243, 243, 241),
    "grey": (205, 204, 202),
    "beige": (222, 205, 182),
    "green": (120, 160, 120),
    "blue": (120, 150, 190),
    "dark": (70, 72, 78),
}
KINDS = ("plain", "gradient", "seamless")
# Tops of these colours before papers of these: what is nearest to being lost.
PALE = ("white", "grey", "beige")
# From which share of her area a piece that is wrong is a bite.
BITE = 0.005
SHEER = "sheer"


@dataclass(frozen=True)
class Case:
    """A figure before a backdrop: uint8 sRGB, the true alpha (float32) and her own colours (linear light), where her
    face is, and what the figure is; ``pale`` when it wears a top like one of the papers."""

    name: str
    rgb: np.ndarray
    alpha: np.ndarray
    own: np.ndarray | None
    face: Box
    skin: str
    hair: str
    sheer: bool
    pale: bool = False


def figures() -> list[dict]:
    """The index's figures with an alpha of their own, those with a face in them."""
    if not (FIGURES / "index.json").exists():
        return []
    listed = json.loads((FIGURES / "index.json").read_text(encoding="utf-8"))["pictures"]
    return [entry for entry in listed if entry.get("kind", "figure") == "figure" and entry.get("face_box")]


def opened(entry: dict, high: int | None = None) -> tuple[np.ndarray, np.ndarray, Box]:
    """A figure's own colours in linear light, its alpha, and its face, at a height in pixels."""
    with Image.open(FIGURES / entry["file"]) as image:
        pixels = np.asarray(image.convert("RGBA"))
    alpha = pixels[..., 3].astype(np.float32) / 255
    linear = to_linear(np.ascontiguousarray(pixels[..., :3])).astype(np.float32)
    scale = (high or pixels.shape[0]) / pixels.shape[0]
    if scale != 1:
        size = round(pixels.shape[1] * scale), high
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        mixed = cv2.resize(linear * alpha[..., None], size, interpolation=method)
        alpha = cv2.resize(alpha, size, interpolation=method)
        linear = np.where(alpha[..., None] > 1e-3, mixed / np.maximum(alpha, 1e-3)[..., None], 0)
    left, top, wide, tall = (round(value * scale) for value in entry["face_box"])
    return linear, alpha, Box(left, top, wide, tall)


def backdrop(kind: str, paper: str, alpha: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A backdrop in linear light, float32 (h, w, 3); on seamless paper she casts a soft shadow."""
    high, wide = alpha.shape
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    y, x = y / high, x / wide
    light = np.ones(alpha.shape, np.float32)
    if kind == "plain":
        light = 1 - 0.06 * np.hypot(x - 0.5, y - 0.5)
    elif kind == "gradient":
        light = 1 - 0.5 * (y * random.uniform(0.5, 1) + (x - 0.5) * random.uniform(-0.3, 0.3))
    else:
        light = (1 - 0.2 * np.abs(x - 0.4)) * (1 - 0.12 / (1 + np.exp(-(y - 0.8) * 30)))
        drop = np.float32([[1, 0, 0.04 * high], [0, 1, 0.015 * high]])
        shadow = cv2.GaussianBlur(cv2.warpAffine(alpha, drop, (wide, high)), (0, 0), 0.025 * high)
        light = light * (1 - random.uniform(0.2, 0.45) * shadow)
    return to_linear(np.uint8(PAPERS[paper])).astype(np.float32) * light[..., None].astype(np.float32)


def photographed(
    own: np.ndarray, alpha: np.ndarray, behind: np.ndarray, random: np.random.Generator, rough: bool
) -> np.ndarray:
    """The picture a camera takes of it, uint8 sRGB; ``rough`` with noise and as a JPEG of quality 85."""
    mixed = own * alpha[..., None] + behind * (1 - alpha[..., None])
    coded = to_srgb(mixed).astype(np.float32)
    if not rough:
        return np.clip(coded + random.normal(0, 0.4, coded.shape), 0, 255).round().astype(np.uint8)
    fibres = cv2.GaussianBlur(random.normal(0, 2, alpha.shape).astype(np.float32), (0, 0), 1.0) * (1 - alpha)
    noisy = coded + fibres[..., None] + random.normal(0, 1.5, coded.shape)
    file = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).round().astype(np.uint8)).save(file, "JPEG", quality=85)
    return np.asarray(Image.open(file))


def whole_pictures() -> Iterator[Case]:
    """The index's opaque pictures of people with an alpha beside them: white on white, black on black, before and after
    another garment. What her own colours are behind the edge isn't known."""
    listed = json.loads((FIGURES / "index.json").read_text(encoding="utf-8"))["pictures"]
    for entry in listed:
        if entry["kind"] not in ("backdrop", "tryon") or not (entry.get("alpha") and entry.get("face_box")):
            continue
        rgb = np.asarray(Image.open(FIGURES / entry["file"]).convert("RGB"))
        alpha = np.asarray(Image.open(FIGURES / entry["alpha"]).convert("L")).astype(np.float32) / 255
        found = find_faces(rgb)
        face = found[0].box if found else Box(*entry["face_box"])
        name = f"{Path(entry['file']).stem} / as rendered"
        yield Case(name, rgb, alpha, None, face, entry["skin"], entry["hair"].split(",")[-1].strip(), False)


def cases() -> Iterator[Case]:
    """All of them: each figure before a backdrop of every kind, its paper drawn by a seed, then pale tops before pale
    papers, and the whole pictures."""
    if not QUICK:
        yield from whole_pictures()
    entries = figures()
    if QUICK:
        entries = entries[:: max(len(entries) // 4, 1)][:4]
    for entry in entries:
        own, alpha, face = opened(entry, HIGH)
        random = np.random.default_rng(zlib.crc32(entry["file"].encode()))
        for kind in random.permutation(KINDS)[: 1 if QUICK else len(KINDS)]:
            yield _case(entry, own, alpha, face, str(kind), str(random.choice(list(PAPERS))), random)
    for entry in entries[:1] if QUICK else [entry for entry in figures() if "white tee" in entry["garment"]]:
        own, alpha, face = opened(entry, HIGH)
        random = np.random.default_rng(zlib.crc32(f"{entry['file']} pale".encode()))
        for top in PALE:
            worn = dyed(own, alpha, face, top)
            for paper in PALE if not QUICK else PALE[:2]:
                yield _case(entry, worn, alpha, face, str(random.choice(KINDS)), paper, random, top)


def _case(
    entry: dict,
    own: np.ndarray,
    alpha: np.ndarray,
    face: Box,
    kind: str,
    paper: str,
    random: np.random.Generator,
    top: str = "",
) -> Case:
    rough = bool(random.random() < 0.5)
    rgb = photographed(own, alpha, backdrop(kind, paper, alpha, random), random, rough)
    found = find_faces(rgb)
    worn = f", {top} top" if top else ""
    return Case(
        f"{Path(entry['file']).stem}{worn} / {kind} {paper}{' rough' if rough else ''}",
        rgb,
        alpha,
        own,
        found[0].box if found else face,
        entry["skin"],
        entry["hair"].split(",")[-1].strip(),
        SHEER in entry.get("garment", ""),
        bool(top),
    )


def dyed(own: np.ndarray, alpha: np.ndarray, face: Box, top: str) -> np.ndarray:
    """A figure's colours (linear light) with its white tee dyed in a paper's colour: pale and nearly without hue, below
    the chin."""
    if top == "white":
        return own
    seen = linear_to_lab(np.clip(own, 0, 1))
    tee = ((seen[..., 0] > 60) & (np.hypot(seen[..., 1], seen[..., 2]) < 14) & (alpha > 0)).astype(np.uint8)
    tee[: face.bottom] = 0
    tee = cv2.morphologyEx(cv2.morphologyEx(tee, cv2.MORPH_OPEN, np.ones((3, 3))), cv2.MORPH_CLOSE, np.ones((7, 7)))
    share = cv2.GaussianBlur(tee.astype(np.float32), (0, 0), 1.0)[..., None]
    tint = to_linear(np.uint8(PAPERS[top])) / to_linear(np.uint8(PAPERS["white"]))
    return (own * (1 - share + share * tint)).astype(np.float32)


@dataclass(frozen=True)
class Taken:
    """What came of a case: everybody's errors by name, ours without where there is no matte; our code and largest hole."""

    case: Case
    row: dict[str, np.ndarray]
    code: str
    hole: float


# --- who cuts ---------------------------------------------------------------------------------------------------


def by_grabcut(case: Case) -> np.ndarray:
    """What OpenCV's tutorial does, with the rectangle of a standing person with this face, and a feathered edge."""
    high, wide = case.alpha.shape
    box = estimated_person(case.face, wide, high)
    mask = np.zeros((high, wide), np.uint8)
    rect = max(box.left, 1), max(box.top, 1), min(box.width, wide - 2), min(box.height, high - 2)
    cv2.setRNGSeed(7)
    bgr = np.ascontiguousarray(case.rgb[..., ::-1])
    cv2.grabCut(bgr, mask, rect, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_RECT)
    hers = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.float32)
    return cv2.GaussianBlur(hers, (0, 0), 1.2)


def by_oracle(case: Case) -> np.ndarray:
    """pymatting's closed form with a trimap that nobody has in life: from the true alpha, ten pixels wide."""
    from pymatting import estimate_alpha_cf

    reach = 2 * round(10 * HIGH / 720) + 1
    kernel = np.ones((reach, reach), np.uint8)
    trimap = np.full(case.alpha.shape, 0.5)
    trimap[cv2.erode((case.alpha > 0.99).astype(np.uint8), kernel, borderValue=1) > 0] = 1
    trimap[cv2.dilate((case.alpha > 0.01).astype(np.uint8), kernel) == 0] = 0
    return estimate_alpha_cf(case.rgb / 255.0, trimap).astype(np.float32)


def by_rembg() -> Callable[[Case], np.ndarray] | None:
    """rembg's cut with the network that the caller names; None without one, or without rembg."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rembg-model", default=os.environ.get("TWINBOOK_REMBG_MODEL", ""))
    file = parser.parse_args().rembg_model
    if not file:
        return None
    try:
        from rembg import new_session, remove
    except ImportError:
        return None
    session = new_session("u2net_custom", model_path=file)
    return lambda case: np.asarray(remove(case.rgb, session=session, only_mask=True)).astype(np.float32) / 255


# --- how well ---------------------------------------------------------------------------------------------------


def errors(alpha: np.ndarray, case: Case, own: np.ndarray) -> np.ndarray:
    """SAD, MSE, gradient and colour error."""
    off = alpha - case.alpha
    gradient = (_slope(alpha.astype(np.float32)) - _slope(case.alpha)) ** 2
    edge = (case.alpha > 0.05) & (case.alpha < 0.98)
    if case.own is None:
        return np.array([np.abs(off).sum() / 1000, (off * off).mean() * 1000, gradient.sum() / 1000, np.nan])
    colours = np.linalg.norm(linear_to_lab(to_linear(own)[edge]) - linear_to_lab(case.own[edge]), axis=1)
    weight = case.alpha[edge]
    colour = float((colours * weight).sum() / max(float(weight.sum()), 1e-6))
    return np.array([np.abs(off).sum() / 1000, (off * off).mean() * 1000, gradient.sum() / 1000, colour])


def largest_hole(alpha: np.ndarray, true: np.ndarray) -> float:
    """The largest connected piece where alpha (both 0 to 1) is wrong by more than a half, as a share of her area."""
    off = (np.abs(alpha - true) > 0.5).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(off)
    largest = int(stats[1:, cv2.CC_STAT_AREA].max()) if count > 1 else 0
    return largest / max(int((true > 0.5).sum()), 1)


def _slope(alpha: np.ndarray) -> np.ndarray:
    """Gradient magnitude by derivatives of a Gaussian of 1.4 pixels, as in the paper."""
    t = np.arange(-5, 6, dtype=np.float64)
    bell = np.exp(-t * t / (2 * 1.4**2))
    bell /= bell.sum()
    steep = -t * bell / 1.4**2
    return np.hypot(cv2.sepFilter2D(alpha, cv2.CV_64F, steep, bell), cv2.sepFilter2D(alpha, cv2.CV_64F, bell, steep))


def ml_colours(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    from pymatting import estimate_foreground_ml

    return (np.clip(estimate_foreground_ml(rgb / 255.0, alpha.astype(np.float64)), 0, 1) * 255 + 0.5).astype(np.uint8)


COST = """
import json, resource, sys, time
sys.path.insert(0, {bench!r})
import numpy as np, cv2
import composite as bench
from twinbook.vision.matte import cut
cv2.setNumThreads(1)
entry = next(e for e in bench.figures() if e["framing"] in ("waist", "full"))
high = round(({pixels} * entry["size"][1] / entry["size"][0]) ** 0.5)
own, alpha, face = bench.opened(entry, high)
random = np.random.default_rng(1)
rgb = bench.to_srgb(own * alpha[..., None] + bench.backdrop("plain", "grey", alpha, random) * (1 - alpha[..., None]))
del own, alpha
small = cv2.resize(rgb, None, fx=600 / high, fy=600 / high, interpolation=cv2.INTER_AREA)
cut(small, bench.Box(*(round(v * 600 / high) for v in (face.left, face.top, face.width, face.height))))  # compiles
# Her photograph, her colours and her alpha in floats were larger than anything that follows: count from a fork.
import os
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    resident = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
    import threading
    peak, stop = [resident()], threading.Event()
    def watch():
        while not stop.wait(0.02):
            peak[0] = max(peak[0], resident())
    threading.Thread(target=watch, daemon=True).start()
    started = time.process_time()
    found = cut(rgb, face)
    taken = time.process_time() - started
    stop.set()
    os.write(writer, json.dumps({{"megapixels": rgb.shape[0] * rgb.shape[1] / 1e6, "seconds": taken, "peak_mb": peak[0], "code": found.code}}).encode())
    os._exit(0)
os.waitpid(child, 0)
print(os.read(reader, 4096).decode())
"""


def cost(pixels: int) -> dict[str, float]:
    """Time and peak memory of one matte, in a process of its own."""
    script = COST.format(bench=str(Path(__file__).resolve().parent), pixels=pixels)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    cv2.setNumThreads(1)
    ours_name, grab_name, oracle_name, neural_name = names = (
        "Twinbook",
        "GrabCut + feather",
        "closed form, oracle's trimap",
        "rembg",
    )
    neural = by_rembg()
    taken: list[Taken] = []
    for case in cases():
        found = cut(case.rgb, case.face)
        mattes = {grab_name: by_grabcut(case), oracle_name: by_oracle(case)}
        if neural is not None:
            mattes[neural_name] = neural(case)
        row = {name: errors(alpha, case, ml_colours(case.rgb, alpha)) for name, alpha in mattes.items()}
        hole = float("nan")
        if found.alpha is not None:
            ours = found.alpha.astype(np.float32) / 255
            row[ours_name] = errors(ours, case, own_colours(case.rgb, found.alpha))
            hole = largest_hole(ours, case.alpha)
        taken.append(Taken(case, row, found.code, hole))
        values = row.get(ours_name, np.full(4, np.nan))
        print(
            f"{case.name:58s} {' '.join(f'{value:7.2f}' for value in values)} hole {hole:.4f}",
            f"| {' '.join(f'{v:7.2f}' for v in row[oracle_name])} {found.code} {'; '.join(found.doubts)}",
            flush=True,
        )
    kept = [one for one in taken if not one.code]
    made = [one for one in taken if ours_name in one.row]
    groups = {"all": kept, "all, the refused ones as they were before they were doubted": made}
    for field in ("skin", "hair"):
        for value in sorted({getattr(one.case, field) for one in kept}):
            groups[f"{field} {value}"] = [one for one in kept if getattr(one.case, field) == value]
    groups["pale tops before pale papers"] = [one for one in kept if one.case.pale]
    groups = {group: members for group, members in groups.items() if members}
    print(
        f"\n| group ({len(kept)} of {len(taken)} cut, {len(taken) - len(made)} without any matte, the rest doubted) | who "
        "| SAD | MSE | gradient | colour | SAD to the oracle's | MSE |\n|---|---|---|---|---|---|---|---|"
    )
    for group, members in groups.items():
        oracle = _means(one.row[oracle_name] for one in members)
        for name in names if neural is not None else names[:3]:
            means = _means(one.row[name] for one in members)
            ratios = means[:2] / np.maximum(oracle[:2], 1e-3)
            told = " | ".join(f"{v:.2f}" for v in (*means, *ratios))
            print(f"| {group} ({len(members)}) | {name} | {told} |")
    if neural is None:
        print("| all | rembg | not run: name a network with --rembg-model | | | | | |")
    print()
    for label, members in (("", kept), ("_of_all", made)):
        ratios = np.array([one.row[ours_name] / np.maximum(one.row[oracle_name], 1e-3) for one in members])
        _goal(f"matte.sad_to_oracle{label}", float(np.median(ratios[:, 0])), 1.3)
        _goal(f"matte.mse_to_oracle{label}", float(np.median(ratios[:, 1])), 1.3)
    ahead = [one.row[ours_name][0] / max(one.row[grab_name][0], 1e-3) for one in kept]
    _goal("matte.sad_to_grabcut", float(np.median(ahead)), 1.0)
    worst = max(
        float(np.mean([one.row[ours_name][k] for one in m]) / np.mean([one.row[grab_name][k] for one in m]))
        for m in groups.values()
        for k in (0, 1, 2)
    )
    _goal("matte.worst_group_to_grabcut", worst, 1.0)
    bad = [one for one in kept if one.row[ours_name][0] > 3 * max(one.row[oracle_name][0], 1.0)]
    _goal("matte.wrong_and_not_refused", float(len(bad)), 0.0)
    _goal("matte.bitten_and_not_refused", float(sum(one.hole > BITE for one in kept)), 0.0)
    solid = [one.code for one in taken if not one.case.sheer and not one.case.pale]
    _goal("matte.refused_of_opaque", sum(code != "" for code in solid) / max(len(solid), 1), 0.15)
    pale = [one.code for one in taken if one.case.pale]
    print(f"figure: matte.refused_of_pale = {sum(code != '' for code in pale) / max(len(pale), 1):.2f}")
    sizes = (3, 12) if QUICK else (3, 12, 24)
    costs = [cost(size * 1_000_000) for size in sizes]
    print("\n| megapixels | seconds of processor time | peak memory, MB |\n|---|---|---|")
    for spent in costs:
        print(f"| {spent['megapixels']:.1f} | {spent['seconds']:.1f} | {spent['peak_mb']:.0f} |")
    for size, spent in zip(sizes[1:], costs[1:], strict=True):
        growth = (spent["seconds"] / costs[0]["seconds"]) / (spent["megapixels"] / costs[0]["megapixels"])
        _goal(f"matte.growth_3_to_{size}", growth, 1.1)


def _means(rows: Iterable[np.ndarray]) -> np.ndarray:
    columns = np.array(list(rows)).T
    return np.array([column[~np.isnan(column)].mean() if not np.isnan(column).all() else np.nan for column in columns])


def _goal(name: str, value: float, goal: float) -> None:
    print(f"figure: {name} = {value:.2f} (goal {goal:g}) {'ok' if value <= goal else 'short'}")


if __name__ == "__main__":
    main()
