"""What the watermark costs and survives, beside a peer in the same run: ``python bench/seal.py``.

QUICK=1 measures fewer and smaller pictures in under a minute. Photographs are scikit-image's, upsampled, so they are
softer than native fashion photographs: take the figures as a comparison, and measure your own with ``--photos FOLDER``.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage import data

from twinbook.domain.errors import StateError
from twinbook.domain.provenance import ReleaseId
from twinbook.reader.watermark import read_watermark
from twinbook.seal.watermark import embed

PEERS = ["blind-watermark", "PyWavelets"]
QUICK = os.environ.get("QUICK") == "1"
SIZE = (900, 1200) if QUICK else (1200, 1600)
RELEASE = ReleaseId("9f3c01a7d24b")
BITS = np.array([RELEASE.number >> (47 - i) & 1 for i in range(48)], bool)


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(file))


def scaled(picture: np.ndarray, factor: float) -> np.ndarray:
    return cv2.resize(
        picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    )


def lit(picture: np.ndarray, factor: float) -> np.ndarray:
    return np.clip(picture * factor, 0, 255).astype(np.uint8)


DISTORTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "q75": lambda p: jpeg(p, 75),
    "q50": lambda p: jpeg(p, 50),
    "50 %": lambda p: scaled(p, 0.5),
    "150 %": lambda p: scaled(p, 1.5),
    "+10 %": lambda p: lit(p, 1.1),
    "-10 %": lambda p: lit(p, 0.9),
    "50 % q75": lambda p: jpeg(scaled(p, 0.5), 75),
}
PROMISED = ("q75", "50 %", "150 %", "+10 %", "-10 %")


def filled(picture: np.ndarray) -> np.ndarray:
    width, height = SIZE
    high, wide = picture.shape[:2]
    cut_w, cut_h = min(wide, round(high * width / height)), min(high, round(wide * height / width))
    left, top = (wide - cut_w) // 2, (high - cut_h) // 2
    cut = np.ascontiguousarray(picture[top : top + cut_h, left : left + cut_w])
    method = cv2.INTER_AREA if cut_w > width else cv2.INTER_CUBIC
    return cv2.resize(cut, (width, height), interpolation=method)


def studio(colour: tuple[int, int, int]) -> np.ndarray:
    """A flat backdrop with a vignette and a little sensor noise, nobody on it: the hardest picture in fashion."""
    width, height = SIZE
    y, x = np.mgrid[:height, :width]
    vignette = ((x - width / 2) ** 2 + (y - height / 2) ** 2) / height**2 * 40
    noise = np.random.default_rng(1).normal(0, 0.7, (height, width, 1))
    return np.clip(np.float32(colour) - vignette[..., None] + noise, 0, 255).astype(np.uint8)


def pictures(folder: Path | None) -> dict[str, np.ndarray]:
    if folder is not None:
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
        return {file.stem: filled(np.asarray(Image.open(file).convert("RGB"))) for file in files}
    found = {"astronaut": filled(data.astronaut()), "studio grey": studio((212, 208, 203))}
    if not QUICK:
        found |= {"coffee": filled(data.coffee()), "chelsea": filled(data.chelsea())}
        found |= {"studio dark": studio((62, 64, 70)), "plain grey": np.full((*SIZE[::-1], 3), 128, np.uint8)}
    return found


class Twinbook:
    name = "twinbook"

    def embed(self, picture: np.ndarray) -> np.ndarray:
        return embed(picture, RELEASE).rgb_srgb

    def accuracy(self, picture: np.ndarray, _: tuple[int, int]) -> float:
        """All or nothing: the CRC lets no half-read id through. Where nothing is read, half the bits are right."""
        return 1.0 if read_watermark(picture).release == RELEASE else 0.5


class BlindWatermark:
    """The peer gets what it asks for: 48 bits, its default strength, and the original size to scale back to."""

    name = "blind-watermark"

    def __init__(self) -> None:
        package = importlib.import_module("blind_watermark")
        package.bw_notes.close()
        self._kind = package.WaterMark

    def embed(self, picture: np.ndarray) -> np.ndarray:
        marker = self._kind(password_img=1, password_wm=1)
        marker.read_img(img=cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        marker.read_wm(BITS.tolist(), mode="bit")
        return cv2.cvtColor(np.clip(np.rint(marker.embed()), 0, 255).astype(np.uint8), cv2.COLOR_BGR2RGB)

    def accuracy(self, picture: np.ndarray, size: tuple[int, int]) -> float:
        if (picture.shape[1], picture.shape[0]) != size:
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
        marker = self._kind(password_img=1, password_wm=1)
        bits = marker.extract(embed_img=cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), wm_shape=48, mode="bit")
        return float(((np.asarray(bits) > 0.5) == BITS).mean())


def psnr(before: np.ndarray, after: np.ndarray) -> float:
    return 10 * float(np.log10(255**2 / max(np.mean((before.astype(float) - after) ** 2), 1e-9)))


def measure(method: Twinbook | BlindWatermark, photographs: dict[str, np.ndarray]) -> dict[str, list[float]]:
    columns: dict[str, list[float]] = {key: [] for key in ("psnr", "embed s", "decode s", *DISTORTIONS)}
    for name, picture in photographs.items():
        started = time.perf_counter()
        try:
            marked = method.embed(picture)
        except StateError as error:
            print(f"{method.name:16} {name:14} refused: {error.diagnosis}")
            continue
        columns["embed s"].append(time.perf_counter() - started)
        columns["psnr"].append(psnr(picture, marked))
        started = time.perf_counter()
        method.accuracy(marked, SIZE)
        columns["decode s"].append(time.perf_counter() - started)
        for distortion, apply in DISTORTIONS.items():
            columns[distortion].append(method.accuracy(apply(marked), SIZE))
        numbers = " ".join(f"{columns[key][-1]:8.2f}" for key in columns)
        print(f"{method.name:16} {name:14} {numbers}", flush=True)
    means = " ".join(f"{np.mean(values):8.2f}" if values else "       -" for values in columns.values())
    print(f"{method.name:16} {'mean':14} {means}\n", flush=True)
    return columns


def figure(name: str, value: float, goal: float, *, above: bool) -> None:
    met = value >= goal if above else value <= goal
    print(f"figure: {name} = {value:.2f} (goal {'>=' if above else '<='} {goal:g}) {'ok' if met else 'short'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, help="a folder of photographs to measure instead")
    photographs = pictures(parser.parse_args().photos)
    cv2.setNumThreads(1)
    print(f"{len(photographs)} pictures at {SIZE[0]}x{SIZE[1]}; share of 48 bits read right, 0.5 is chance\n")
    print(f"{'':16} {'':14} " + " ".join(f"{key:>8}" for key in ("psnr", "embed s", "decode s", *DISTORTIONS)))
    embed(next(iter(photographs.values())), RELEASE)  # tables are computed once
    ours = measure(Twinbook(), photographs)
    try:
        peer = measure(BlindWatermark(), dict(list(photographs.items())[:1]) if QUICK else photographs)
    except ImportError as error:
        peer = None
        print(f"{PEERS[0]} is not importable here ({error}); `make bench NAME=seal` installs it beside Twinbook\n")
    if not ours["psnr"]:
        sys.exit("no picture could be marked")
    figure("watermark lowest PSNR, dB", min(ours["psnr"]), 42, above=True)
    figure("watermark mean PSNR, dB", float(np.mean(ours["psnr"])), 44, above=True)
    promised = [value == 1.0 for key in PROMISED for value in ours[key]]
    figure("watermark read after each promised distortion, share", float(np.mean(promised)), 1.0, above=True)
    figure("watermark read at quality 50, share", float(np.mean([v == 1.0 for v in ours["q50"]])), 0.9, above=True)
    figure("watermark embed, s", float(np.median(ours["embed s"])), 0.5, above=False)
    figure("watermark decode, s", float(np.median(ours["decode s"])), 0.5, above=False)
    if peer is not None:
        lead = float(np.mean(ours["q75"])) - float(np.mean(peer["q75"]))
        figure("watermark bit accuracy at quality 75 over blind-watermark", lead, 0.0, above=True)


if __name__ == "__main__":
    main()
