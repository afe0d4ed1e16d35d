"""Whether the face in a picture is hers, and whether its skin is: against her plates, one picture at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..domain.fidelity import Measurement, Untold
from ..domain.twin import Box
from ..ports import Face, FaceEmbedder, Plate
from . import identity, skin
from .face_chip import covered_parts
from .faces import SCORE_FLOOR, find_faces
from .views import find_profile, head_angles

# Width of the detected face in pixels, and degrees by which it may be turned, for its embedding to say who it is.
LEAST_FACE, MOST_YAW = 44, 48.0
_NEAR_FACE = 200  # pixels of a face's width that is looked for where it must be


@dataclass(frozen=True)
class Hers:
    """Her face in a picture: the one nearest to her plates. ``plate`` is the nearest of them."""

    face: Face
    plate: Plate
    distance: float


def faces_near(rgb_srgb: np.ndarray, near: Box) -> list[Face]:
    """Faces about a place, in a tenth of the time that the whole picture takes; empty where none is surely one."""
    place = near.grown(0.8).clipped(rgb_srgb.shape[1], rgb_srgb.shape[0])
    if min(place.width, place.height) < LEAST_FACE:
        return []
    cut = np.ascontiguousarray(rgb_srgb[place.top : place.bottom, place.left : place.right])
    scale = min(1.0, _NEAR_FACE / near.width)
    size = max(round(cut.shape[1] * scale), 1), max(round(cut.shape[0] * scale), 1)
    small = cv2.resize(cut, size, interpolation=cv2.INTER_AREA) if scale < 1 else cut
    found = []
    for face in find_faces(small, large=True):
        parts = (face.box.left, face.box.top, face.box.width, face.box.height)
        box = Box(*(round(part / scale) for part in parts)).shifted(-place.left, -place.top)
        corner = np.float32([place.left, place.top])
        found.append(Face(box, (face.landmarks / scale + corner).astype(np.float32), face.score))
    return found


def faces_in(rgb_srgb: np.ndarray) -> list[Face]:
    """What may be her face. Where nothing is surely a face, doubtful ones are taken too: another scene behind a turned
    head can lower the detector's score, and a badge taken for a face is far from her plates anyway."""
    for floor in (SCORE_FLOOR, -0.3):
        faces = [face for face in find_faces(rgb_srgb, floor) if face.box.width >= LEAST_FACE // 2]
        if faces:
            return faces
    return []


def find_her(
    rgb_srgb: np.ndarray, plates: Sequence[Plate], embedder: FaceEmbedder, near: Box | None = None
) -> Hers | None:
    """In a picture with several faces (a street scene) hers is the one nearest to her plates, which must all be
    recognisable. Looked for ``near`` a place first, where it is known. None when no face is found."""
    vectors = identity.embedded(plates)
    best = None
    for face in (faces_near(rgb_srgb, near) if near else []) or faces_in(rgb_srgb):
        vector = embedder.embed(rgb_srgb, face)
        distance = identity.score(vector, vectors)
        if best is None or distance < best.distance:
            best = Hers(face, plates[int(np.argmin(np.linalg.norm(vectors - vector, axis=1)))], distance)
    return best


def identified(rgb_srgb: np.ndarray, hers: Hers | None, generated: bool) -> list[Measurement]:
    """``identity.distance``, and of a generated face ``identity.copy``. What an embedding can't tell is not guessed."""
    name = "identity.distance"
    if hers is None:
        if find_profile(rgb_srgb) is not None:
            return [Measurement(name, None, "only a head in profile was found", Untold.UNCLEAR)]
        return [Measurement(name, None, "no face was found in the picture")]
    face = hers.face
    yaw = head_angles(face.landmarks)[0]
    covered = covered_parts(rgb_srgb, face.landmarks, yaw)
    unclear = ""
    if face.box.width < LEAST_FACE:
        unclear = f"the face is {face.box.width} pixels wide; {LEAST_FACE} is the least"
    elif abs(yaw) > MOST_YAW:
        unclear = f"the face is turned by {abs(yaw):.0f} degrees; {MOST_YAW:.0f} is the most"
    elif covered:
        unclear = f"of the face {' and '.join(covered)} {'is' if len(covered) == 1 else 'are'} covered"
    if unclear:
        return [Measurement(name, None, unclear, Untold.UNCLEAR, (face.box,))]
    found = [Measurement(name, hers.distance, f"nearest to plate {hers.plate.facts.photo}", where=(face.box,))]
    if generated:
        copied = identity.copied(rgb_srgb, face, hers.plate)
        note = f"of the face's fine structure is that of capture {hers.plate.facts.photo}"
        found.append(Measurement("identity.copy", copied, note, where=(face.box,)))
    return found


def skin_against_plate(rgb_srgb: np.ndarray, hers: Hers | None) -> list[Measurement]:
    """``skin.delta_e`` and ``skin.delta_l`` of lit face skin against the nearest plate's, in whatever light each was taken;
    the notes name the direction, and tell hue, ITA and the nearest Monk swatch before and after."""
    names = ("skin.delta_e", "skin.delta_l")
    if hers is None:
        return [Measurement(name, None, "no face was found in the picture") for name in names]
    where = (hers.face.box,)
    now, then = skin.lit_skin(rgb_srgb, hers.face.landmarks), hers.plate.skin_lab
    if now is None:
        note = "too little lit skin shows in the face"
        return [Measurement(name, None, note, Untold.UNCLEAR, where) for name in names]
    shift = float(now[0] - then[0])
    photo = hers.plate.facts.photo
    tones = ", ".join(
        f"{name} {before:.0f}{unit} → {after:.0f}{unit}"
        for name, unit, before, after in (
            ("hue", "°", skin.hue(then), skin.hue(now)),
            ("ITA", "°", skin.ita(then), skin.ita(now)),
            ("Monk", "", skin.monk(then), skin.monk(now)),
        )
    )
    word = "lighter" if shift > 0 else "darker"
    return [
        Measurement(names[0], float(skin.delta_e2000(now, then)), f"against plate {photo}: {tones}", where=where),
        Measurement(names[1], shift, f"{word} than on plate {photo}", where=where),
    ]
