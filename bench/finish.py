"""What the whole seal costs at 2048x3072, beside the naive chain and the floor: ``python bench/finish.py``.

The naive chain puts well-known tools one after the other: RivaGAN at native size (the ONNX weights inside the
invisible-watermark wheel, run without torch), a label drawn with Pillow, JPEG, exiftool for the metadata, c2pa for the
manifest. The floor is what nobody can go below: decode, encode, sign. QUICK=1 halves both sides of the picture.
"""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from twinbook.domain.provenance import Marking, ReleaseId, SourceType
from twinbook.domain.twin import Box
from twinbook.keys.certificates import create_signing_certificate
from twinbook.ports import CopyCode
from twinbook.seal import ImageSealer
from twinbook.seal.manifest import Signing, definition, sign

PEERS = ["invisible-watermark", "onnxruntime", "flatbuffers", "protobuf", "packaging"]
SIZE = (1024, 1536) if os.environ.get("QUICK") == "1" else (2048, 3072)
ROUNDS = 3
LABEL = "AI MODIFIED"
RELEASE = ReleaseId("9f3c01a7d24b")
CODE = CopyCode(bytes(range(32)), "9f3c01a7d24b/web-2x3")


def source() -> bytes:
    """A photograph of a person as a JPEG of this size; upsampled, which changes what the marks cost by little."""
    picture = data.astronaut()[:, 85:427]
    large = cv2.resize(picture, SIZE, interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(1).normal(0, 2, large.shape)
    file = io.BytesIO()
    Image.fromarray(np.clip(large + noise, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


def decoded(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


def encoded(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


def marking() -> Marking:
    width, height = SIZE
    face = Box(round(0.35 * width), round(0.18 * height), round(0.3 * width), round(0.25 * height))
    return Marking(
        release=RELEASE,
        format="web-2x3",
        label=LABEL,
        faces=(face,),
        person=Box(0, 0, width, height),
        source_type=SourceType.COMPOSITE_SYNTHETIC,
        operations=("scene", "recolor"),
        engine="composite",
        engine_version="1",
        title="bench",
        credit="bench",
        license="a" * 64,
        consent="b" * 64,
        created="2026-11-27T12:00:00+00:00",
        label_share=0.03,
        plates=("c" * 64,),
    )


class Chain:
    """The naive chain. Raises ImportError or OSError where one of its tools isn't there."""

    def __init__(self, signing: Signing) -> None:
        import onnxruntime

        found = importlib.util.find_spec("imwatermark")
        if found is None or shutil.which("exiftool") is None:
            raise ImportError("invisible-watermark or exiftool")
        weights = Path(next(iter(found.submodule_search_locations))) / "rivagan_encoder.onnx"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._encoder = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
        self._bits = np.float32([[RELEASE.number >> i & 1 for i in range(32)]])
        self._signing = signing

    def __call__(self, file: bytes) -> bytes:
        picture = decoded(file)
        # As imwatermark's rivaGan.py does: one frame, -1 to 1.
        frame = (np.float32(picture) / 127.5 - 1).transpose(2, 0, 1)[None, :, None]
        (marked,) = self._encoder.run(None, {"frame": frame, "data": self._bits})
        marked = np.clip(marked[0, :, 0].transpose(1, 2, 0), -1, 1)
        image = Image.fromarray(np.uint8((marked + 1) * 127.5))
        font = ImageFont.load_default(round(0.03 * SIZE[0]))
        ImageDraw.Draw(image).text(
            (SIZE[0] * 0.75, SIZE[1] * 0.03), LABEL, fill="white", font=font, stroke_width=2, stroke_fill="black"
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "copy.jpg"
            path.write_bytes(encoded(np.asarray(image)))
            tags = [
                f"-XMP-iptcExt:DigitalSourceType={SourceType.COMPOSITE_SYNTHETIC.uri}",
                "-XMP-dc:Title=bench",
                "-XMP-photoshop:Credit=bench",
                "-XMP-xmpRights:Marked=True",
            ]
            subprocess.run(["exiftool", "-q", "-overwrite_original", *tags, path], check=True, timeout=120)
            manifest = definition(marking(), LABEL, Box(0, 0, 1, 1), "1", "rivaGan")
            return sign(path.read_bytes(), "image/jpeg", manifest, self._signing)


def measured(name: str, make: Callable[[bytes], bytes], file: bytes, rounds: int) -> tuple[float, float]:
    """The best of some rounds: wall-clock seconds, and seconds of processor time (children too)."""
    best: list[tuple[float, float]] = []
    for _ in range(rounds):
        before, started = os.times(), time.perf_counter()
        made = make(file)
        wall, after = time.perf_counter() - started, os.times()
        best.append((wall, sum(after[:4]) - sum(before[:4])))
    wall, processor = min(best)
    print(
        f"{name:12} {wall:7.2f} s  {processor:7.2f} s of a core  {1 / wall:6.2f} images/s  {len(made) / 1e6:5.2f} MB",
        flush=True,
    )
    return wall, processor


def figure(name: str, value: float, goal: float, *, above: bool) -> None:
    met = value >= goal if above else value <= goal
    print(f"figure: {name} = {value:.2f} (goal {'>=' if above else '<='} {goal:g}) {'ok' if met else 'short'}")


def main() -> None:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        certificate = create_signing_certificate(Path(folder), "Bench", datetime.now(UTC))
    signing = Signing(certificate.chain_pem, certificate.private_key_pem)
    sealer, file = ImageSealer(certificate.chain_pem, certificate.private_key_pem), source()
    small = Image.fromarray(decoded(file)).resize((512, 768))
    sealer.seal(np.asarray(small), replace(marking(), faces=()))  # tables and the typeface are read once

    def floor(given: bytes) -> bytes:
        manifest = definition(marking(), LABEL, Box(0, 0, 1, 1), "1", "none")
        return sign(encoded(decoded(given)), "image/jpeg", manifest, signing)

    print(f"{SIZE[0]}x{SIZE[1]}, from a JPEG to a JPEG, one at a time, each on one thread")
    floor_wall, _ = measured("floor", floor, file, ROUNDS)
    ours_wall, ours_core = measured(
        "twinbook", lambda given: sealer.seal(decoded(given), marking(), CODE).data, file, ROUNDS
    )
    figure("the seal, s of a core an image", ours_core, 2.5, above=False)
    print(f"the seal takes {ours_wall / floor_wall:.1f} times the floor")
    try:
        chain = Chain(signing)
    except (ImportError, OSError) as error:
        print(f"the naive chain isn't here ({error}); `make bench NAME=finish` installs it beside Twinbook")
        return
    chain_wall, _ = measured("naive chain", chain, file, 1)
    figure("images a second, times the naive chain", chain_wall / ours_wall, 3, above=True)


if __name__ == "__main__":
    main()
