"""The meter: photographs to plates, and a finished picture's likeness to them. Implements `ports.Meter`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from ..domain.errors import CaptureRefused
from ..domain.fidelity import Measurement
from ..domain.twin import Backdrop, Box, PlateFacts
from ..ports import Capture, Enrolled, Plate
from . import skin
from .captures import decode
from .faces import SCORE_FLOOR, Face, embed, find_faces
from .matte import estimated_person, extent, matte

# Width of the detected face in pixels (brows to chin, ear to ear): under it the embedding is guesswork.
MIN_FACE = 64
# Focus of the face (see `focus`): studio portraits read 6 to 20, a blur of 2 % of the face's width brings them under 3.
MIN_FOCUS = 3.0
# L* of the brightest tenth of the face's middle; share of it with two channels clipped.
MIN_LIGHT = 24.0
MAX_CLIPPED = 0.2
# The embedding's authors say 0.6; look-alikes get nearer than that, one person in one programme does not get so far.
SAME_PERSON = 0.55
# Correlation of grey thumbnails. The same photograph re-encoded, resized or brightened stays above it; two frames of a
# burst don't, because the face is compared by itself as well.
SAME_PHOTO = 0.995
_THUMBNAIL = 192


@dataclass(frozen=True)
class _Reading:
    """What the first look at a photograph leaves behind: no pixels but a grey thumbnail (float32, square) and where
    the face is in it (rows, columns)."""

    path: Path
    face: Face
    embedding: np.ndarray
    skin_lab: np.ndarray
    sharpness: float
    thumbnail: np.ndarray
    face_window: tuple[slice, slice]


class DlibMeter:
    """`ports.Meter` with dlib's faces, CIELAB skin and closed-form mattes; deterministic, on the CPU, no download."""

    def enroll(self, captures: Sequence[Path], progress: Callable[[str], None]) -> Enrolled:
        """Make plates of the usable photographs, in the order given.

        Two passes, so that no more than one photograph that isn't a plate is in memory and no refused one is matted:
        first every photograph is judged by itself, then against the others (duplicates, other people), then mattes
        are made. Raises CaptureRefused ``capture.none`` when nothing is left, with all the reasons.
        """
        refused: dict[Path, CaptureRefused] = {}
        readings: list[_Reading] = []
        for path in captures:
            progress(f"{path.name}: reading")
            try:
                reading = _read(path)
                _refuse_duplicate(reading, readings)
            except CaptureRefused as error:
                refused[path] = error
            else:
                readings.append(reading)
        for reading in _other_people(readings):
            name = reading.path.name
            refused[reading.path] = CaptureRefused(
                "capture.other_person",
                f"the face in {name} is not the one in the other photographs",
                f"remove {name} if it shows somebody else; else use one with a more frontal face and simpler light",
            )
        plates = []
        for reading in readings:
            if reading.path not in refused:
                progress(f"{reading.path.name}: cutting out")
                plates.append(_plate(reading))
        told = tuple((path.name, refused[path]) for path in captures if path in refused)
        if not plates:
            files = ", ".join(f"{name}: {error.diagnosis}" for name, error in told) or "there are no photographs"
            raise CaptureRefused(
                "capture.none", f"no photograph can be used ({files})", also=tuple(error.reason for _, error in told)
            )
        return Enrolled(tuple(plates), told)

    def measure(self, rgb_srgb: np.ndarray, plates: Sequence[Plate]) -> Sequence[Measurement]:
        """``identity.distance``, ``skin.delta_e`` and ``skin.delta_l`` against the nearest plate.

        In a picture with several faces (a street scene) hers is the one nearest to a plate. Values are None, with the
        reason, when there is no face or no lit skin to read.
        """
        names = ("identity.distance", "skin.delta_e", "skin.delta_l")
        if not plates:
            return tuple(Measurement(name, None, "there is no plate to compare with") for name in names)
        faces = _faces_to_measure(rgb_srgb)
        if not faces:
            return tuple(Measurement(name, None, "no face was found in the picture") for name in names)
        distance, face, plate = min(
            (
                (float(np.linalg.norm(vector - plate.embedding)), face, plate)
                for face, vector in ((face, embed(rgb_srgb, face)) for face in faces)
                for plate in plates
            ),
            key=lambda candidate: candidate[0],
        )
        nearest = f"nearest to plate {plate.facts.photo}"
        identity = Measurement(names[0], distance, nearest)
        colour = skin.lit_skin(rgb_srgb, face.landmarks)
        if colour is None:
            note = "too little lit skin shows in the face"
            return identity, Measurement(names[1], None, note), Measurement(names[2], None, note)
        return (
            identity,
            Measurement(names[1], float(skin.delta_e2000(colour, plate.skin_lab)), nearest),
            Measurement(names[2], float(colour[0] - plate.skin_lab[0]), nearest),
        )

    def faces(self, rgb_srgb: np.ndarray) -> Sequence[Box]:
        """Where faces are in a picture, largest first; people in a scene count as well."""
        boxes = [face.box for face in _faces_to_measure(rgb_srgb)]
        return tuple(sorted(boxes, key=lambda box: (-box.width * box.height, box.left, box.top)))

    def own_distances(self, plates: Sequence[Plate]) -> Sequence[float]:
        """Embedding distances between every two plates of hers; empty for one plate."""
        return tuple(float(np.linalg.norm(a.embedding - b.embedding)) for a, b in combinations(plates, 2))


def _faces_to_measure(rgb_srgb: np.ndarray) -> list[Face]:
    """What may be her face. Where nothing is surely a face, doubtful ones are taken too: another scene behind a turned
    head can lower the detector's score, and a badge taken for a face is far from her plates anyway."""
    for floor in (SCORE_FLOOR, -0.3):
        faces = [face for face in find_faces(rgb_srgb, floor) if face.box.width >= MIN_FACE // 2]
        if faces:
            return faces
    return []


def focus(rgb_srgb: np.ndarray, face: Box) -> float:
    """How sharp a face is: the strongest second derivatives over its contrast, in percent, at a width of 128 pixels.

    Relative to the face's own size and contrast, so that neither megapixels nor make-up count. A high percentile
    instead of the usual variance: smooth skin is not a fault, soft eyelids are.
    """
    box = face.clipped(rgb_srgb.shape[1], rgb_srgb.shape[0])
    grey = cv2.cvtColor(
        np.ascontiguousarray(rgb_srgb[box.top : box.bottom, box.left : box.right]), cv2.COLOR_RGB2GRAY
    ).astype(np.float32)
    shrink = box.width > 128
    grey = cv2.resize(grey, (128, 128), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)
    contrast = float(np.percentile(grey, 97) - np.percentile(grey, 3))
    curvature = np.abs(cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 0.7), cv2.CV_32F))[2:-2, 2:-2]
    return float(np.percentile(curvature, 98)) / max(contrast, 8.0) * 100


def _read(path: Path) -> _Reading:
    capture = decode(path)
    name, rgb = capture.name, capture.rgb_srgb
    face = _only_face(capture)
    if face.box.width < MIN_FACE:
        raise CaptureRefused(
            "capture.too_small", f"the face in {name} is {face.box.width} pixels wide; {MIN_FACE} is the least"
        )
    light, clipped = skin.face_light(rgb, face.landmarks)
    if light < MIN_LIGHT:
        raise CaptureRefused(
            "capture.dark", f"the face in {name} is underexposed (its brightest part is L* {light:.0f})"
        )
    if clipped > MAX_CLIPPED:
        raise CaptureRefused("capture.bright", f"{clipped:.0%} of the face in {name} is burnt out")
    sharpness = focus(rgb, face.box)
    if sharpness < MIN_FOCUS:
        raise CaptureRefused(
            "capture.blurred", f"the face in {name} is not sharp (focus {sharpness:.1f}; {MIN_FOCUS:g} is the least)"
        )
    colour = skin.lit_skin(rgb, face.landmarks)
    if colour is None:
        raise CaptureRefused(
            "capture.no_face",
            f"too little of the face in {name} shows to read her skin",
            "use one with the face uncovered",
        )
    thumbnail, window = _thumbnail(rgb, face.box)
    return _Reading(path, face, embed(rgb, face), colour, sharpness, thumbnail, window)


def _only_face(capture: Capture) -> Face:
    faces = find_faces(capture.rgb_srgb)
    if not faces:
        raise CaptureRefused("capture.no_face", f"no face was found in {capture.name}")
    if len(faces) > 1:
        raise CaptureRefused("capture.several_faces", f"there are {len(faces)} faces in {capture.name}")
    return faces[0]


def _thumbnail(rgb_srgb: np.ndarray, face: Box) -> tuple[np.ndarray, tuple[slice, slice]]:
    high, wide = rgb_srgb.shape[:2]
    grey = cv2.cvtColor(np.ascontiguousarray(rgb_srgb), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.float32)
    box = face.clipped(wide, high)
    rows = slice(box.top * _THUMBNAIL // high, -(-box.bottom * _THUMBNAIL // high))
    columns = slice(box.left * _THUMBNAIL // wide, -(-box.right * _THUMBNAIL // wide))
    return cv2.GaussianBlur(small, (0, 0), 1.0), (rows, columns)


def _refuse_duplicate(reading: _Reading, earlier: Sequence[_Reading]) -> None:
    everything = np.s_[:, :]
    for other in earlier:
        # The face at the same place in both: detected boxes of one photograph at two sizes differ by some pixels.
        if all(
            _correlation(reading.thumbnail[window], other.thumbnail[window]) > SAME_PHOTO
            for window in (everything, reading.face_window)
        ):
            raise CaptureRefused(
                "capture.duplicate",
                f"{reading.path.name} is the same photograph as {other.path.name}",
                f"remove {reading.path.name}",
            )


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-6))


def _other_people(readings: Sequence[_Reading]) -> list[_Reading]:
    """Those too far from the face in the middle of all: whoever most photographs show. The first wins a draw."""
    if len(readings) < 2:
        return []
    vectors = np.stack([reading.embedding for reading in readings])
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
    middle = int(np.argmin(np.round(np.median(distances, axis=1), 6)))
    return [reading for reading, distance in zip(readings, distances[middle], strict=True) if distance > SAME_PERSON]


def _plate(reading: _Reading) -> Plate:
    rgb = decode(reading.path).rgb_srgb
    high, wide = rgb.shape[:2]
    alpha = matte(rgb, reading.face.box)
    facts = PlateFacts(
        id=_plate_id(rgb, reading.path.stem),
        photo=reading.path.stem,
        width=wide,
        height=high,
        face=reading.face.box,
        person=estimated_person(reading.face.box, wide, high) if alpha is None else extent(alpha),
        backdrop=Backdrop.BUSY if alpha is None else Backdrop.PLAIN,
        sharpness=round(reading.sharpness, 3),
    )
    return Plate(facts, rgb, alpha, reading.face.landmarks, reading.embedding, reading.skin_lab)


def _plate_id(rgb_srgb: np.ndarray, stem: str) -> str:
    digest = hashlib.sha256(f"{rgb_srgb.shape}\n{stem}\n".encode())
    digest.update(np.ascontiguousarray(rgb_srgb))
    return digest.hexdigest()[:16]
