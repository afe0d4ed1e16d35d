"""Finding faces and telling one person from another, with dlib on the CPU.

The detector is dlib's HOG detector (King, "Max-Margin Object Detection", 2015), part of dlib itself (BSL-1.0). The
five-point landmarks and the 128-number embedding come from the two files of ``face_recognition_models`` that are
dedicated to the public domain (CC0). The 68-point predictor in the same distribution may not be used commercially and
is never opened.
"""

from __future__ import annotations

import importlib.util
import threading
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from ..domain.errors import StateError
from ..domain.twin import Box
from ..ports import Face

LANDMARKS_FILE = "shape_predictor_5_face_landmarks.dat"
EMBEDDING_FILE = "dlib_face_recognition_resnet_model_v1.dat"
# What `embed` computes: embeddings of another version don't compare.
EMBEDDING = "dlib-resnet-1, mirrored"
LICENCES = {LANDMARKS_FILE: "CC0-1.0", EMBEDDING_FILE: "CC0-1.0", "dlib": "BSL-1.0"}

# Below this the detector also sees faces in badges, prints and folds (a mission patch scores 0.12, people 0.5 to 1.5).
SCORE_FLOOR = 0.3
_DETECT_SIDE = 1600
# dlib's networks keep their activations in the object: one thread at a time.
_LOCK = threading.Lock()


def model_path(name: str) -> Path:
    """Where a weight file lies. Only the two CC0 files may be asked for: raises ValueError for any other name,
    StateError ``engine.failed`` when the distribution is not installed."""
    if name not in (LANDMARKS_FILE, EMBEDDING_FILE):
        raise ValueError(f"{name} is not one of the weight files whose licence allows commercial use")
    # Importing the distribution fails where setuptools has no pkg_resources any more; its files are all we need.
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise StateError("engine.failed", "face_recognition_models is not installed", "pip install twinbook again")
    return Path(spec.submodule_search_locations[0]) / "models" / name


def find_faces(rgb_srgb: np.ndarray, floor: float = SCORE_FLOOR, *, large: bool = False) -> tuple[Face, ...]:
    """All faces of people in a picture that score at least ``floor``, best first.

    Detection runs on a copy of at most 1600 pixels a side. Where nothing is found it is tried again at twice the size
    (faces from 40 pixels) and at half (faces that fill the frame); small pictures begin at twice, unless the face in them is
    known to be ``large`` (over 80 pixels).
    """
    high, wide = rgb_srgb.shape[:2]
    scale = min(1.0, _DETECT_SIDE / max(high, wide))
    copy = _resized(rgb_srgb, scale)
    with _LOCK:
        first = 1 if max(copy.shape) < 800 and not large else 0
        found, zoom = _detect(copy, first, floor), 1.0
        if not found:
            found = _detect(copy, 1 - first, floor)
        if not found:
            found, zoom = _detect(_resized(copy, 0.5), 0, floor), 0.5
        faces = []
        for rectangle, score in found:
            rectangle = _scaled(rectangle, 1 / zoom)
            shape = _landmarker()(copy, rectangle)
            points = np.array([(p.x, p.y) for p in shape.parts()], np.float32) / scale
            box = Box(
                round(rectangle.left() / scale),
                round(rectangle.top() / scale),
                max(round(rectangle.width() / scale), 1),
                max(round(rectangle.height() / scale), 1),
            )
            faces.append(Face(box.clipped(wide, high), points, score))
    return tuple(sorted(faces, key=lambda f: -f.score))


def chip(rgb_srgb: np.ndarray, face: Face) -> np.ndarray:
    """The face turned upright and cut out as the embedding wants it: uint8 (150, 150, 3). Deterministic."""
    import dlib

    scale = min(1.0, _DETECT_SIDE / max(rgb_srgb.shape[:2]))
    copy = _resized(rgb_srgb, scale)
    points = dlib.points([dlib.point(round(x), round(y)) for x, y in (face.landmarks * scale).tolist()])
    b = face.box
    rectangle = dlib.rectangle(*(round(v * scale) for v in (b.left, b.top, b.right - 1, b.bottom - 1)))
    return dlib.get_face_chip(copy, dlib.full_object_detection(rectangle, points), 150, 0.25)


def embed(rgb_srgb: np.ndarray, face: Face) -> np.ndarray:
    """128 float64 whose Euclidean distance is small for one person (customarily under 0.6). Deterministic.

    Of the face and of its mirror image, averaged: light from the other side and a mirrored picture change nothing, and
    pictures of one person come a tenth nearer.
    """
    cut = chip(rgb_srgb, face)
    with _LOCK:
        both = [_embedder().compute_face_descriptor(side) for side in (cut, np.ascontiguousarray(cut[:, ::-1]))]
    return np.mean(np.array(both, np.float64), axis=0)


@cache
def _detector():
    import dlib

    return dlib.get_frontal_face_detector()


@cache
def _landmarker():
    import dlib

    return dlib.shape_predictor(str(model_path(LANDMARKS_FILE)))


@cache
def _embedder():
    import dlib

    return dlib.face_recognition_model_v1(str(model_path(EMBEDDING_FILE)))


def _detect(rgb: np.ndarray, upsample: int, floor: float) -> list[tuple[object, float]]:
    rectangles, scores, _ = _detector().run(rgb, upsample, min(floor, 0.0))
    return [(r, float(s)) for r, s in zip(rectangles, scores, strict=True) if s >= floor]


def _resized(rgb: np.ndarray, scale: float) -> np.ndarray:
    if scale >= 1:
        return np.ascontiguousarray(rgb)
    size = max(round(rgb.shape[1] * scale), 1), max(round(rgb.shape[0] * scale), 1)
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def _scaled(rectangle: object, factor: float):
    import dlib

    if factor == 1:
        return rectangle
    r = rectangle
    return dlib.rectangle(*(round(v * factor) for v in (r.left(), r.top(), r.right(), r.bottom())))
