"""Dyeing, measured: is the colour met, do the folds stay, is she untouched? ``python bench/colour.py``

24 colours (the ColorChecker's, as sRGB) on six garments: the demo people's tees and trousers and rendered figures in a
white and a black tee. Beside: plain replacement of hue and saturation (HSV), transfer of the mean in Lab (Reinhard et
al. 2001, with the cloth's own spread, as a colour has none) and multiplying grey cloth with the colour. All get the same
mask.

The mid-tone is read from what came out: of the garment without its rim, the median of the pixels whose own luminance
lies between its 35th and 65th percentile. Folds are the band of log-luminance between 1.5 and 12 pixels, before
against after. QUICK=1: three garments, eight colours.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from twinbook.domain.twin import Backdrop, Box, PlateFacts
from twinbook.engines.composite.recolor import recoloured
from twinbook.ports import Plate
from twinbook.vision import DlibMeter
from twinbook.vision.cloth import garment_alpha
from twinbook.vision.dressed import garment_mask_of
from twinbook.vision.regions import Region, label_map
from twinbook.vision.skin import delta_e2000, lab, linear_to_lab, to_linear

PEERS = []
QUICK = os.environ.get("QUICK") == "1"
ROOT = Path(__file__).resolve().parents[1]
DEMO, FIGURES = ROOT / "examples" / "demo" / "photos", ROOT / "bench" / "figures"
COLOURS = [
    "#735244",
    "#c29682",
    "#627a9d",
    "#576c43",
    "#8580b1",
    "#67bdaa",
    "#d67e2c",
    "#505ba6",
    "#c15a63",
    "#5e3c6c",
    "#9dbc40",
    "#e0a32e",
    "#383d96",
    "#469449",
    "#af363c",
    "#e7c71f",
    "#bb5695",
    "#0885a1",
    "#f3f3f2",
    "#c8c8c8",
    "#a0a0a0",
    "#7a7a79",
    "#555555",
    "#343434",
]
# What fashion asks for beyond the chart: told, and held to no goal.
EXTREMES = ["#fafaf7", "#101010", "#141d3f"]
GARMENTS = [
    ("mira", "waist-front", "top"),
    ("figure", "mira-long-waist-white", "top"),
    ("figure", "sami-coils-waist-black", "top"),
    ("mira", "full-front", "bottom"),
    ("sami", "waist-threequarter", "top"),
    ("sami", "full-front", "bottom"),
]
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def plate_of(who: str, name: str) -> Plate:
    if who != "figure":
        return DlibMeter().enroll([DEMO / who / f"{name}.jpg"], lambda said: None).plates[0]
    (about,) = [p for p in json.loads((FIGURES / "index.json").read_text())["pictures"] if p["file"] == f"{name}.webp"]
    rgba = np.asarray(Image.open(FIGURES / about["file"]).convert("RGBA"))
    cover = rgba[..., 3:].astype(np.float32) / 255
    rgb = (rgba[..., :3] * cover + np.float32([196, 194, 190]) * (1 - cover) + 0.5).astype(np.uint8)
    x, y, wide, high = about["face_box"]
    face = Box(x, y + high - wide, wide, wide)  # a detector's box is square and ends at the chin
    rows, columns = np.flatnonzero(rgba[..., 3].max(axis=1) > 64), np.flatnonzero(rgba[..., 3].max(axis=0) > 64)
    person = Box(int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    (lx, ly), (rx, ry) = about["eyes"]
    half = abs(lx - rx) / 4
    points = [(lx + half, ly), (lx - half, ly), (rx - half, ry), (rx + half, ry), ((lx + rx) / 2, ly + 0.33 * high)]
    landmarks = np.float32(points)
    cheek = rgb[round(ly + 0.2 * high) : round(ly + 0.3 * high), rx:lx].reshape(-1, 3)
    skin = np.median(lab(cheek), axis=0)
    alpha = rgba[..., 3].copy()
    facts = PlateFacts(name, name, rgb.shape[1], rgb.shape[0], face, person, Backdrop.PLAIN, 5.0)
    regions = label_map(rgb, alpha, face, landmarks, skin)
    return Plate(facts, rgb, alpha, landmarks, np.zeros(128), skin, regions=regions)


# --- dyers ------------------------------------------------------------------------------------------------------


def _mixed(rgb: np.ndarray, dyed: np.ndarray, garment: np.ndarray) -> np.ndarray:
    share = garment[..., None]
    out = rgb * (1 - share) + np.clip(dyed, 0, 255) * share
    return np.where(share > 0.004, (out + 0.5).astype(np.uint8), rgb)


def hue_replaced(rgb: np.ndarray, garment: np.ndarray, to: str, _: np.ndarray) -> np.ndarray:
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    hsv[..., :2] = cv2.cvtColor(_rgb(to)[None, None], cv2.COLOR_RGB2HSV)[0, 0, :2]
    return _mixed(rgb, cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32), garment)


def lab_transferred(rgb: np.ndarray, garment: np.ndarray, to: str, _: np.ndarray) -> np.ndarray:
    values = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    values += lab(_rgb(to)).astype(np.float32) - values[garment > 0.9].mean(axis=0)
    return _mixed(rgb, cv2.cvtColor(values, cv2.COLOR_LAB2RGB) * 255, garment)


def multiplied(rgb: np.ndarray, garment: np.ndarray, to: str, _: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
    return _mixed(rgb, grey / 255 * _rgb(to), garment)


DYERS: dict[str, Callable[[np.ndarray, np.ndarray, str, np.ndarray], np.ndarray]] = {
    "twinbook": recoloured,
    "HSV hue": hue_replaced,
    "Lab transfer": lab_transferred,
    "multiply": multiplied,
}


# --- measures ---------------------------------------------------------------------------------------------------


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)


def off_target(dyed: np.ndarray, core: np.ndarray, to: str) -> float:
    linear = to_linear(dyed[core]).astype(np.float64)
    light = linear @ _LUMINANCE
    low, high = np.percentile(light, (35, 65))
    middle = np.median(linear[(light >= low) & (light <= high)], axis=0)
    return float(delta_e2000(linear_to_lab(middle), lab(_rgb(to))))


def folds(rgb: np.ndarray, core: np.ndarray) -> np.ndarray:
    light = np.log(to_linear(rgb) @ _LUMINANCE.astype(np.float32) + 1e-3) * core
    weight = core.astype(np.float32)

    def mean(sigma: float) -> np.ndarray:
        return cv2.GaussianBlur(light, (0, 0), sigma) / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)

    return (mean(1.5) - mean(12.0))[core]


def main() -> None:
    garments, colours = (GARMENTS[:3], COLOURS[::3]) if QUICK else (GARMENTS, COLOURS)
    off: dict[str, list[float]] = {name: [] for name in DYERS}
    alike: dict[str, list[float]] = {name: [] for name in DYERS}
    extremes: list[tuple[str, str, float, float]] = []
    touched = outside = 0
    print(f"{'garment':38} {'dyer':13} {'ΔE median':>9} {'ΔE worst':>9} {'folds median':>13} {'folds worst':>12}")
    for who, name, region in garments:
        plate = plate_of(who, name)
        garment = garment_alpha(plate, region)
        high, wide = garment.shape
        mask = cv2.resize(
            garment_mask_of(plate.regions, region).astype(np.uint8), (wide, high), interpolation=cv2.INTER_NEAREST
        )
        if region == "bottom":  # the label map takes uppers of shoes for cloth: undyed they would count as lost folds
            mask[garment_alpha(plate, "shoes") > 0.05] = 0
        core = cv2.erode(mask, np.ones((13, 13), np.uint8)) > 0
        skin = np.isin(plate.regions, (Region.FACE, Region.SKIN)).astype(np.uint8)
        skin = (
            cv2.erode(cv2.resize(skin, (wide, high), interpolation=cv2.INTER_NEAREST), np.ones((13, 13), np.uint8)) > 0
        )
        before = folds(plate.rgb_srgb, core)
        for dyer, dye in DYERS.items():
            here_off, here_alike = [], []
            for to in (*colours, *(EXTREMES if dyer == "twinbook" else ())):
                out = dye(plate.rgb_srgb, garment, to, plate.alpha)
                found = off_target(out, core, to), float(np.corrcoef(before, folds(out, core))[0, 1])
                if to in EXTREMES:
                    extremes.append((f"{who} {name} {region}", to, *found))
                    continue
                here_off.append(found[0])
                here_alike.append(found[1])
                if dyer == "twinbook":
                    changed = (out != plate.rgb_srgb).any(axis=2)
                    touched += int((changed & skin).sum())
                    outside += int((changed & (garment == 0)).sum())
            off[dyer] += here_off
            alike[dyer] += here_alike
            print(
                f"{f'{who} {name} {region}':38} {dyer:13} {np.median(here_off):9.2f} {max(here_off):9.2f} "
                f"{np.median(here_alike):13.3f} {min(here_alike):12.3f}"
            )
    print("\nblack, white and navy beyond the chart: ΔE of the mid-tone, folds")
    for garment_name, to, error, correlation in extremes:
        print(f"{garment_name:38} {to} {error:6.2f} {correlation:6.3f}")
    print()
    for dyer in list(DYERS)[1:]:
        print(
            f"peer {dyer}: ΔE median {np.median(off[dyer]):.2f}, 95th percentile {np.percentile(off[dyer], 95):.2f}, "
            f"folds median {np.median(alike[dyer]):.3f}, worst {min(alike[dyer]):.3f}"
        )
    mine = off["twinbook"]
    garments_kept = [np.median(part) for part in np.array_split(np.array(alike["twinbook"]), len(garments))]
    print(f"folds of the worst garment in its worst colour: {min(alike['twinbook']):.3f}")
    for label, value, goal, ok in (
        ("mid-tone ΔE2000, median", np.median(mine), "<= 2", np.median(mine) <= 2),
        ("mid-tone ΔE2000, 95th percentile", np.percentile(mine, 95), "<= 5", np.percentile(mine, 95) <= 5),
        (
            "folds kept, worst garment (median of its colours)",
            min(garments_kept),
            ">= 0.95",
            min(garments_kept) >= 0.95,
        ),
        ("pixels of skin changed", touched, "0", touched == 0),
        ("pixels outside the garment changed", outside, "0", outside == 0),
    ):
        print(f"figure: {label} = {value:.3g} (goal {goal}) {'ok' if ok else '… short'}")


if __name__ == "__main__":
    main()
