"""Plates of the rendered figures that the benches measure by: alpha, face and eyes are known, not detected."""

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from twinbook.domain.twin import Backdrop, Box, PlateFacts
from twinbook.ports import Plate
from twinbook.vision.regions import label_map
from twinbook.vision.skin import lab

FIGURES = Path(__file__).resolve().parents[1] / "bench" / "figures"


def rendered_plate(name: str, paper=(196, 194, 190), larger=1.0) -> Plate:
    """The figure before ``paper``, ``larger`` than it was rendered, with its label map."""
    (about,) = [p for p in json.loads((FIGURES / "index.json").read_text())["pictures"] if p["file"] == f"{name}.webp"]
    rgba = np.asarray(Image.open(FIGURES / about["file"]).convert("RGBA"))
    rgba = cv2.resize(rgba, None, fx=larger, fy=larger, interpolation=cv2.INTER_CUBIC)
    alpha = rgba[..., 3].copy()
    cover = rgba[..., 3:].astype(np.float32) / 255
    rgb = (rgba[..., :3] * cover + np.float32(paper) * (1 - cover) + 0.5).astype(np.uint8)
    x, y, wide, high = (round(larger * v) for v in about["face_box"])
    face = Box(x, y + high - wide, wide, wide)  # a detector's box is square and ends at the chin
    rows, columns = np.flatnonzero(alpha.max(axis=1) > 64), np.flatnonzero(alpha.max(axis=0) > 64)
    person = Box(int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    (lx, ly), (rx, ry) = ((round(larger * x), round(larger * y)) for x, y in about["eyes"])
    half = abs(lx - rx) / 4
    points = [(lx + half, ly), (lx - half, ly), (rx - half, ry), (rx + half, ry), ((lx + rx) / 2, ly + 0.33 * high)]
    cheek = rgb[round(ly + 0.2 * high) : round(ly + 0.3 * high), rx:lx].reshape(-1, 3)
    skin = np.median(lab(cheek), axis=0)
    facts = PlateFacts(name, name, rgb.shape[1], rgb.shape[0], face, person, Backdrop.PLAIN, 5.0)
    regions = label_map(rgb, alpha, face, np.float32(points), skin)
    return Plate(facts, rgb, alpha, np.float32(points), np.zeros(128), skin, regions=regions)
