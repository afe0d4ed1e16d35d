"""The meter: photographs to plates, and a finished picture's likeness to them. Implements `ports.Meter`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ..domain.capture import Verdict
from ..domain.fidelity import MEASURES, Calibration, Finding, Measurement, Untold
from ..domain.twin import Backdrop, Box, Framing, PlateFacts
from ..ports import Asked, CaptureSession, Enrolled, FaceEmbedder, Plate
from . import body, captures, enrolment, hands, identity
from .annotation import TALLEST, Note, annotated
from .dressed import dressed, dressed_anew, garment, garment_mask_of
from .impostors import load_impostors
from .likeness import Hers, faces_in, find_her, identified, skin_against_plate
from .matte import matte
from .neural_matte import NeuralMatte
from .parametric_body import FittedBody, ParametricBody
from .picture import banding, halo, quality, sharpness
from .redressed import redressed_where
from .regions import Region, label_map, scaled
from .registration import Registration, register
from .skin import lab
from .tampering import departures
from .views import head_angles

# What a registered picture tells better than a face by itself: the same figure with the picture's light taken out.
_UNDER_ONE_LIGHT = {"skin.shift_e": "skin.delta_e", "skin.shift_l": "skin.delta_l"}

# L* between a garment's old and new colour from which on its folds can't be followed pixel by pixel.
_FAR_DYED = 30.0
# Longest side that photographs of a watch list are read at, in pixels: a face is recognised by far less.
_WATCHED = 1600


class DlibMeter:
    """`ports.Meter` with dlib's faces, CIELAB skin and closed-form mattes; deterministic, on the CPU, no download.

    ``embedder`` tells people apart: another one is a drop-in, with an impostor pool of its own (float64 (n, d)).
    ``font`` is the TrueType file that annotations are written in; ``matte_model`` an ONNX file of the user's own that
    enrolment asks for a rough matte (see `neural_matte`).
    """

    maker = enrolment.MAKER

    def __init__(
        self,
        embedder: FaceEmbedder | None = None,
        pool: np.ndarray | None = None,
        font: bytes | None = None,
        matte_model: Path | None = None,
    ) -> None:
        self._font = font
        self._likely = NeuralMatte(matte_model).likely if matte_model else None
        self._embedder = embedder or identity.DlibEmbedder()
        self._watched: dict[object, tuple[Plate, ...]] = {}
        self._pool = load_impostors().embeddings if embedder is None else pool

    def session(self, *, compare: bool = True) -> CaptureSession:
        """A new capture session, judged photograph by photograph."""
        return enrolment.DlibSession(self._embedder, compare=compare)

    def enroll(
        self,
        captures: Sequence[Path],
        progress: Callable[[str], None],
        keep: Callable[[Plate], None] | None = None,
        *,
        tell: Callable[[Verdict], None] = lambda verdict: None,
        named: Collection[str] = (),
    ) -> Enrolled:
        """Make plates of the best photographs: see `enrolment`."""
        return enrolment.enroll(captures, self._embedder, progress, keep, tell=tell, named=named, likely=self._likely)

    def measure(self, rgb_srgb: np.ndarray, plates: Sequence[Plate], asked: Asked) -> Sequence[Measurement]:
        """Who it is, then what became of her: against the plate that it was made from, or against all of them."""
        known = [plate for plate in plates if plate.recognisable]
        if not known:
            note = "none of her plates shows her face"
            names = ("identity.distance", "skin.delta_e", "skin.delta_l")
            return tuple(Measurement(name, None, note, Untold.UNCLEAR) for name in names)
        source = next((plate for plate in plates if plate.facts.id == asked.plate), None)
        laid = _laid(rgb_srgb, source) if source is not None else None
        place = _carried(source.facts.face, laid) if laid is not None else None
        alpha = _matte_of(rgb_srgb, source, laid) if laid is not None else None
        if asked.mannequin and source is not None:
            place = place or source.facts.face
            alpha = matte(rgb_srgb, place)
        # dlib's network lets no other Python run, but what OpenCV does can be done beside it.
        with ThreadPoolExecutor(2) as aside:
            shapes = aside.submit(_against_source, rgb_srgb, source, laid, place, asked) if source is not None else None
            cloth = aside.submit(_dyed_cloth, rgb_srgb, alpha, source, laid, place, asked) if laid is not None else None
            rim = aside.submit(halo, rgb_srgb, alpha) if laid is not None else None
            hers = find_her(rgb_srgb, known, self._embedder, place)
            taken = [*identified(rgb_srgb, hers, generated=source is None), *skin_against_plate(rgb_srgb, hers)]
            if source is None and hers is not None:
                alpha = matte(rgb_srgb, hers.face.box)
                taken += _generated(rgb_srgb, hers, alpha, plates)
            taken += _quality(rgb_srgb, alpha, hers, source)
            taken.append(replace(rim.result() if rim else halo(rgb_srgb, alpha), untold=Untold.OUTSIDE))
            taken += shapes.result() if shapes else []
            taken += cloth.result() if cloth else []
            if asked.mannequin:
                taken += _by_mannequin(hers, alpha, source, plates)
        return tuple({m.name: m for m in taken}.values())  # what is measured later, and better, replaces the first look

    def calibrate(self, plates: Sequence[Plate]) -> Calibration:
        return identity.calibration(plates, self._pool)

    def distance(self, rgb_srgb: np.ndarray, plates: Sequence[Plate]) -> float | None:
        known = [plate for plate in plates if plate.recognisable]
        hers = find_her(rgb_srgb, known, self._embedder) if known else None
        return hers.distance if hers else None

    def apart(self, plates: Sequence[Plate], others: Sequence[Plate]) -> float | None:
        known = identity.embedded(others)
        if not len(known):
            return None
        return min((identity.score(plate.embedding, known) for plate in plates if plate.recognisable), default=None)

    def templates(self, picture: Path | np.ndarray) -> Sequence[Plate]:
        if isinstance(picture, np.ndarray):
            return self._templates(picture, "picture")
        about = picture.stat() if picture.is_file() else None
        key = (picture, about.st_size, about.st_mtime_ns) if about else None
        if key is None or key not in self._watched:
            found = self._templates(captures.decode(picture, longest=_WATCHED).rgb_srgb, picture.name)
            self._watched[key] = found  # a watch list is asked again for every picture
        return self._watched[key]

    def _templates(self, rgb_srgb: np.ndarray, name: str) -> tuple[Plate, ...]:
        nothing = np.empty((0, 0, 3), np.uint8)
        whole = Box(0, 0, rgb_srgb.shape[1], rgb_srgb.shape[0])
        found = []
        for at, face in enumerate(faces_in(rgb_srgb)):
            facts = PlateFacts(
                f"{name}-{at}", name, whole.width, whole.height, face.box, whole, Backdrop.BUSY, 0.0, maker=self.maker
            )
            vector = self._embedder.embed(rgb_srgb, face)
            found.append(Plate(facts, nothing, None, face.landmarks, vector, np.zeros(3)))
        return tuple(found)

    def annotate(self, rgb_srgb: np.ndarray, findings: Sequence[Finding]) -> tuple[np.ndarray, Box]:
        told = [f for f in findings if f.measurement.value is not None or not f.ok]
        drawn = annotated(rgb_srgb, [_note(finding) for finding in told], font=self._font)
        shrink = min(1.0, TALLEST / rgb_srgb.shape[0])
        return drawn, Box(0, 0, round(rgb_srgb.shape[1] * shrink), round(rgb_srgb.shape[0] * shrink))

    def faces(self, rgb_srgb: np.ndarray) -> Sequence[Box]:
        """Where faces are in a picture, largest first; people in a scene count as well."""
        boxes = [face.box for face in faces_in(rgb_srgb)]
        return tuple(sorted(boxes, key=lambda box: (-box.width * box.height, box.left, box.top)))


def _note(finding: Finding) -> Note:
    measured, bound = finding.measurement, finding.bound
    measure = MEASURES[measured.name]
    value = "can't be told" if measured.value is None else f"{round(measured.value, 3):.3g} {measure.unit}".rstrip()
    limit = bound.limit if bound.review is None else bound.review
    where = measured.where[0] if measured.where and not finding.ok else None
    said = f"{measure.meaning[0].upper()}{measure.meaning[1:]}: {value}" + (
        f". {measured.note}" if not finding.ok else ""
    )
    return Note(said, finding.outcome.value, where, f"at most {limit:.3g} ({bound.set_by})")


def _quality(
    rgb_srgb: np.ndarray, alpha: np.ndarray | None, hers: Hers | None, source: Plate | None
) -> list[Measurement]:
    """How good it is as a picture, but for the rim along her outline."""
    face = hers.face.box if hers else None
    before = None
    if source is not None and face is not None:
        before = sharpness(source.rgb_srgb, source.facts.face, face.width)
    found = [*quality(rgb_srgb, alpha, face, before), banding(rgb_srgb)]
    return [replace(m, untold=Untold.OUTSIDE) for m in found]


def _laid(rgb_srgb: np.ndarray, source: Plate) -> Registration | None:
    if not len(source.landmarks):
        return None
    return register(rgb_srgb, source.rgb_srgb, source.alpha, source.landmarks)


def _matte_of(rgb_srgb: np.ndarray, source: Plate, laid: Registration | None) -> np.ndarray | None:
    """Her matte in the picture: her plate's own, carried over. The engine's word for it isn't asked."""
    if laid is None or source.alpha is None:
        return None
    size = rgb_srgb.shape[1], rgb_srgb.shape[0]
    return cv2.warpAffine(source.alpha, np.linalg.inv(laid.matrix)[:2], size, flags=cv2.INTER_LINEAR)


def _carried(face: Box, laid: Registration) -> Box:
    """Where the plate's face is in the picture."""
    corners = np.float64([[face.left, face.top, 1], [face.right, face.bottom, 1]]) @ np.linalg.inv(laid.matrix).T
    (left, top), (right, bottom) = np.sort(corners[:, :2], axis=0)
    return Box(round(left), round(top), max(round(right - left), 1), max(round(bottom - top), 1))


def _against_source(
    rgb_srgb: np.ndarray, source: Plate, laid: Registration | None, place: Box | None, asked: Asked
) -> list[Measurement]:
    """What departs from the plate that the picture was made from."""
    if laid is None:
        note = f"the picture can't be laid onto plate {source.facts.photo}, which it is said to be made from"
        return [Measurement("body.departure", None, note, Untold.UNCLEAR)]
    found = []
    where = (place,) if place else ()
    dyed = None
    if asked.recolor is not None and source.regions is not None:
        mask = garment_mask_of(source.regions, asked.recolor.region).astype(np.uint8)
        high, wide = source.rgb_srgb.shape[:2]
        dyed = cv2.resize(mask, (wide, high), interpolation=cv2.INTER_NEAREST) > 0
    if asked.mannequin:
        dyed = _below_head(source)
    anew = None if asked.redressed is None else redressed_where(source, laid, asked.redressed)
    unfollowed = None
    if asked.recolor is not None and dyed is not None and _far_dyed(source, dyed, asked.recolor.to):
        # White made black keeps too few of its folds to tell where each went.
        unfollowed = redressed_where(source, laid, asked.recolor.region)
    for m in departures(rgb_srgb, source, laid, dyed, anew, unfollowed).measurements:
        if m.name in _UNDER_ONE_LIGHT:
            if m.value is not None:
                found.append(replace(m, name=_UNDER_ONE_LIGHT[m.name], where=where))
        elif m.name != "garment.shift_e" or (asked.recolor is None and (anew is None or m.value is not None)):
            untold = Untold.UNCLEAR if m.untold is Untold.UNCLEAR else Untold.OUTSIDE
            found.append(replace(m, untold=untold, where=where if m.name.startswith("face.") else ()))
    return found


def _dyed_cloth(
    rgb_srgb: np.ndarray,
    alpha: np.ndarray | None,
    source: Plate,
    laid: Registration,
    place: Box | None,
    asked: Asked,
) -> list[Measurement]:
    """A dyed garment against the plate's, in the colour that it was to get."""
    if asked.recolor is None or source.regions is None:
        return []
    region, dye = asked.recolor.region, asked.recolor.to
    now = dressed_anew(rgb_srgb, alpha, place, source, laid, region, dye)
    found = []
    for m in garment(now, dressed(source.rgb_srgb, source.regions), laid, region, dye):
        if m.name == "garment.pattern" and "print" in m.note:  # irregular ones: the dye goes over what is printed
            m = replace(m, value=None, note="the garment was dyed, with what is printed on it")
        found.append(replace(m, untold=Untold.OUTSIDE))
    return found


def _far_dyed(source: Plate, dyed: np.ndarray, to: str) -> bool:
    """Whether a garment was to become much lighter or darker than it is on the plate."""
    if not dyed.any():
        return False
    target = lab(np.array([int(to[i : i + 2], 16) for i in (1, 3, 5)], np.uint8))
    return abs(float(target[0]) - float(np.median(lab(source.rgb_srgb[dyed][::37])[:, 0]))) > _FAR_DYED


def _by_mannequin(
    hers: Hers | None, alpha: np.ndarray | None, source: Plate | None, plates: Sequence[Plate]
) -> list[Measurement]:
    """The outline of a mannequin that bears her head, against her measurements: it is nobody's ideal, but hers."""
    fitted = _measured_body(plates)
    if hers is None or alpha is None or source is None or fitted is None:
        why = "the figure can't be told from this backdrop" if fitted else "she wasn't measured: no mannequin is hers"
        return [Measurement(name, None, why, Untold.UNCLEAR) for name in body.NAMES]
    figure = body.shape(alpha, hers.face.box, hers.face.landmarks, head_angles(hers.face.landmarks)[0])
    yaw = source.facts.yaw or 0.0
    turned = min(0.6 * abs(yaw), 15.0) if abs(yaw) > 8 else 0.0  # as engines turn one under a turned head
    full = [plate for plate in plates if plate.facts.framing is Framing.FULL and plate.recognisable]
    head = None
    if figure is not None and "sole" in figure.marks and full:
        own = min(full, key=lambda plate: abs(plate.facts.yaw or 0.0))
        scale = alpha.shape[0] / min(alpha.shape[0], body.MOST_ROWS)
        here = body.head_size(hers.face.landmarks, figure.marks["sole"] * scale, yaw, fitted, bare=True)
        there = body.head_size(own.landmarks, own.facts.person.bottom, own.facts.yaw or 0.0, fitted, bare=False)
        head = 100 * (here / there - 1)
    return [replace(m, untold=Untold.UNCLEAR) for m in body.against_measurements(figure, fitted, turned, head)]


def _below_head(source: Plate) -> np.ndarray | None:
    """What of a plate isn't in a picture of a mannequin: all but face and hair, bool (h, w)."""
    if source.regions is None:
        return None
    high, wide = source.rgb_srgb.shape[:2]
    labels = cv2.resize(source.regions, (wide, high), interpolation=cv2.INTER_NEAREST)
    rows = np.arange(high)[:, None] > source.facts.face.bottom - 0.1 * source.facts.face.height
    face = source.facts.face
    aside = np.abs(np.arange(wide)[None] - face.left - face.width / 2) > 0.55 * face.width
    # Beside the neck hair is judged; before it, hair and the neck's shade are too alike.
    body = rows & ((labels != Region.HAIR) | ~aside) & (labels != Region.FACE)
    return body | (labels == Region.BACKGROUND)  # another scene of nearly the same grey isn't another light


def _generated(
    rgb_srgb: np.ndarray, hers: Hers, alpha: np.ndarray | None, plates: Sequence[Plate]
) -> list[Measurement]:
    """Her outline and hands in a picture that was made from no plate: against those of her plates and her own
    measurements."""
    if alpha is None:
        note = "she can't be told from this backdrop"
        return [Measurement(name, None, note, Untold.UNCLEAR) for name in (*body.NAMES, hands.NAME)]
    turn = head_angles(hers.face.landmarks)[0]
    outlines = [
        body.shape(plate.alpha, plate.facts.face, plate.landmarks, plate.facts.yaw)
        for plate in plates
        if plate.alpha is not None and plate.recognisable
    ]
    found = body.compare(
        body.shape(alpha, hers.face.box, hers.face.landmarks, turn),
        [outline for outline in outlines if outline is not None],
        _measured_body(plates),
    )
    labels = label_map(rgb_srgb, alpha, hers.face.box, hers.face.landmarks, hers.plate.skin_lab)
    face = scaled(hers.face.box, labels.shape[1] / rgb_srgb.shape[1])
    return [
        *(replace(m, untold=Untold.UNCLEAR) for m in found),
        replace(hands.hands(labels, face), untold=Untold.OUTSIDE),
    ]


def _measured_body(plates: Sequence[Plate]) -> FittedBody | None:
    """The body fitted to what she is measured at (``cm.`` in the plates' ``shape``), None without her height."""
    taken = {name[3:]: value for plate in plates for name, value in plate.shape.items() if name.startswith("cm.")}
    try:
        return ParametricBody.load().fit(taken)
    except ValueError:  # no height, or a number that isn't a body's: she is held to her plates alone
        return None
