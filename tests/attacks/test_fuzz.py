"""Mutated JPEG, PNG, WebP and AVIF files: the reader never crashes, hangs, or takes a gigabyte, and calls none of them intact."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from twinbook.domain.provenance import FileKind, Marking, ReleaseId, SourceType
from twinbook.domain.twin import Box

HERE = Path(__file__).parent
BATCH = 1000  # files a process; what one leaves behind doesn't add up over all
BUDGET = float(
    os.environ.get("FUZZ_SECONDS", "600")
)  # for the long one; all 20,000 take seven minutes where nothing else runs


@pytest.fixture(scope="module")
def corpus(sealer, certificate, tmp_path_factory):
    """A released copy of each kind, small enough that thousands can be read."""
    folder = tmp_path_factory.mktemp("corpus")
    picture = np.ascontiguousarray(cv2.resize(data.astronaut()[:, 64:448], (336, 448)))
    for kind in FileKind:
        marking = Marking(
            ReleaseId("9f3c01a7d24b"), "web-3x4", "AI MODIFIED", (), Box(0, 0, 336, 448),
            SourceType.COMPOSITE_SYNTHETIC, ("scene",), "composite", "1.0", "Autumn", "Nordlight", "a" * 64, "b" * 64,
            "2026-11-22T12:00:00Z", 0.03, file=kind,
        )  # fmt: skip
        (folder / f"released{kind.suffix}").write_bytes(sealer.seal(picture, marking).data)
    (folder / "anchors.pem").write_text(certificate.anchors_pem)
    return folder


def run(corpus, first, count, seconds):
    """What a process says of this many files. A crash of native code is one of the process: its status isn't 0."""
    path = os.pathsep.join([str(HERE), *filter(None, sys.path)])
    command = [sys.executable, str(HERE / "fuzzing.py"), str(corpus), str(first), str(count), str(seconds)]
    ended = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, timeout=seconds + 300
    )
    assert ended.returncode == 0, f"files {first} to {first + count}: {ended.returncode}\n{ended.stderr[-2000:]}"
    return json.loads(ended.stdout)


def check(told):
    assert told["wrong"] == []
    assert told["slowest"] < 5.0
    assert told["peak"] < 2**30


@pytest.mark.timeout(600)
def test_mutated_files_that_are_always_tried(corpus):
    told = run(corpus, 0, 150, 240)
    check(told)
    assert told["done"] >= 40  # on however busy a machine
    assert told["outcomes"].get("refused", 0) > 0


@pytest.mark.slow
@pytest.mark.timeout(int(BUDGET) + 900)
def test_twenty_thousand_mutated_files(corpus):
    import time

    until, done = time.monotonic() + BUDGET, 0
    for first in range(1000, 21_000, BATCH):
        left = until - time.monotonic()
        if left <= 0:
            break
        told = run(corpus, first, BATCH, left)
        check(told)
        done += told["done"]
    print(f"{done} mutated files")
    assert done >= 300  # on however busy a machine
