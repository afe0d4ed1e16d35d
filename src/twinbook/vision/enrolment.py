"""Enrolment: what each photograph is good for, and plates of the best ones.

Two passes. The first looks at every photograph, reduced, and keeps numbers and a grey thumbnail of it; the second opens
those that were chosen, at full size and one at a time. Memory follows the largest photograph, never their number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from scipy.fft import dctn
from scipy.spatial.distance import cdist

from ..domain import capture as rules
from ..domain.capture import Look, Note, Verdict
from ..domain.errors import CaptureRefused, Reason, reason
from ..domain.twin import Backdrop, Box, PlateFacts, View
from ..ports import Capture, Enrolled, Face, FaceEmbedder, Plate
from . import skin, views
from .body import shape
from .captures import decode, painted_mask
from .face_chip import covered_parts, face_shade
from .faces import find_faces
from .matte import Cut, cut, estimated_person, extent, outline
from .regions import label_map
from .screen import grid_strength

# Raise with every change after which plates of the same photographs would come out differently.
MAKER = "plates 4"

# Longest side of the first look. Faces are searched at 1600; a full-length figure's face needs some more to be judged.
LOOK_SIDE = 2400
# Plates above this are kept at this size: no engine takes more, and a 50-megapixel file shouldn't be lost to that.
PLATE_PIXELS = 40_000_000
# The embedding's authors say 0.6; look-alikes get nearer than that, one person in one programme does not get so far.
SAME_PERSON = 0.55
# Correlation of grey thumbnails. The same photograph re-encoded, resized or brightened stays above it; two frames of a
# burst don't, because the face is compared by itself as well.
SAME_PHOTO = 0.995
# Bits of 63 by which two perceptual hashes may differ for the photographs to be compared at all.
_HASH_REACH = 12
_THUMBNAIL = 192
# CIEDE2000 up to which a profile's clothes, hair and skin count as those of another photograph.
_SAME_CLOTHES, _SAME_HAIR, _SAME_SKIN = 10.0, 12.0, 10.0


@dataclass(frozen=True)
class Reading:
    """What the first look at a photograph leaves behind. ``thumbnail`` is grey, uint8, square; ``window`` is where the
    face is in it (rows, columns); ``face`` is in pixels of the file, None for a profile; ``embedding`` is None where
    faces aren't compared; ``outfit`` holds CIELAB of clothes below the chin, hair and skin."""

    path: Path
    look: Look
    box: Box
    face: Face | None
    embedding: np.ndarray | None
    skin_lab: np.ndarray
    outfit: np.ndarray
    thumbnail: np.ndarray
    window: tuple[slice, slice]
    hash: int


class DlibSession:
    """`ports.CaptureSession`. Without ``compare`` faces are found and judged, but no template is computed."""

    def __init__(self, embedder: FaceEmbedder | None, *, compare: bool = True) -> None:
        self._embedder = embedder if compare else None
        self._photos: list[Path] = []
        self._first: dict[Path, Verdict] = {}
        self._readings: dict[Path, Reading] = {}

    def add(self, photo: Path) -> Verdict:
        if photo in self._first:
            return self._first[photo]
        self._photos.append(photo)
        try:
            reading = read(photo, self._embedder)
            _refuse_duplicate(reading, self._usable())
        except CaptureRefused as error:
            verdict = Verdict(photo.name, None, (Note(error.reason),))
        else:
            self._readings[photo] = reading
            verdict = Verdict(photo.name, reading.look, rules.judge(reading.look))
        self._first[photo] = verdict
        return self._among_all()[photo] if verdict.usable else verdict

    def verdicts(self) -> tuple[Verdict, ...]:
        among = self._among_all()
        return tuple(among[photo] for photo in self._photos)

    def reading(self, photo: Path) -> Reading:
        return self._readings[photo]

    def _usable(self) -> Iterator[Reading]:
        return (reading for photo, reading in self._readings.items() if self._first[photo].usable)

    def _among_all(self) -> dict[Path, Verdict]:
        """Every verdict with what only the others can tell: another person, a profile that doesn't match."""
        usable = list(self._usable())
        recognised = [reading for reading in usable if reading.embedding is not None]
        others = {reading.path for reading in _other_people(recognised)}
        hers = [reading for reading in usable if reading.face is not None and reading.path not in others]
        told = dict(self._first)
        for reading in usable:
            name = reading.path.name
            if reading.path in others:
                stranger = reason(
                    "capture.other_person",
                    f"the face in {name} is not the one in the other photographs",
                    f"remove {name} if it shows somebody else; else use one with a more frontal face and simpler light",
                )
                told[reading.path] = Verdict(name, reading.look, (Note(stranger),))
            elif reading.look.view is View.PROFILE:
                look = replace(reading.look, matched=_matches(reading, hers))
                told[reading.path] = Verdict(name, look, rules.judge(look))
        return told


def enroll(
    captures: Sequence[Path],
    embedder: FaceEmbedder,
    progress: Callable[[str], None],
    keep: Callable[[Plate], None] | None = None,
    *,
    tell: Callable[[Verdict], None] = lambda verdict: None,
    named: Collection[str] = (),
    likely: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Enrolled:
    """`ports.Meter.enroll`. ``likely`` gives a rough matte of a picture, for what colours don't decide."""
    session = DlibSession(embedder)
    for number, path in enumerate(captures, 1):
        progress(f"{path.name}: reading ({number} of {len(captures)})")
        tell(session.add(path))
    verdicts = rules.choose(session.verdicts(), named)
    if not any(verdict.kept for verdict in verdicts):
        raise _none(verdicts)
    plates: list[Plate] = []
    facts: list[PlateFacts] = []
    final = list(verdicts)
    for index, (path, verdict) in enumerate(zip(captures, verdicts, strict=True)):
        if not verdict.kept:
            continue
        progress(f"{path.name}: cutting out")
        try:
            plate, made = cut_plate(session.reading(path), likely)
        except CaptureRefused as error:  # only full size showed it, or the file changed meanwhile
            final[index] = Verdict(path.name, verdict.look, (Note(error.reason),))
            tell(final[index])
            continue
        if made.code == "matte.unsure":
            final[index] = replace(verdict, notes=(*verdict.notes, Note(_unsure(path.name, made))))
            tell(final[index])
        facts.append(plate.facts)
        (keep or plates.append)(plate)
    if not facts:
        raise _none(final)
    return Enrolled(tuple(facts), tuple(plates), tuple(refusals(final)), tuple(final))


def refusals(verdicts: Sequence[Verdict]) -> Iterator[tuple[str, CaptureRefused]]:
    """Why photographs can't be used: file name and error."""
    for verdict in verdicts:
        if not verdict.usable:
            why = verdict.notes[0].reason
            yield verdict.photo, CaptureRefused(why.code, why.diagnosis, why.remedy)


def _none(verdicts: Sequence[Verdict]) -> CaptureRefused:
    told = [(verdict.photo, verdict.notes[0].reason) for verdict in verdicts if verdict.notes]
    files = ", ".join(f"{name}: {why.diagnosis}" for name, why in told[:20]) or "there are no photographs"
    if len(told) > 20:
        files += f", and {len(told) - 20} more"
    return CaptureRefused("capture.none", f"no photograph can be used ({files})", also=tuple(why for _, why in told))


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


# --- the first look ---------------------------------------------------------------------------------------------


def read(path: Path, embedder: FaceEmbedder | None = None) -> Reading:
    """Look at one photograph; without an embedder no template is computed. Raises CaptureRefused for what can't be looked at: no picture, no face, several."""
    capture = decode(path, LOOK_SIDE)
    rgb = capture.rgb_srgb
    found = find_faces(rgb)
    if len(found) > 1:
        raise CaptureRefused("capture.several_faces", f"there are {len(found)} faces in {path.name}")
    if not found:
        return _read_profile(path, capture)
    (face,) = found
    yaw, pitch, roll = views.head_angles(face.landmarks)
    colour = skin.lit_skin(rgb, face.landmarks)
    light, clipped = skin.face_light(rgb, face.landmarks)
    if colour is None and light >= rules.MIN_LIGHT and clipped <= rules.MAX_CLIPPED:
        raise CaptureRefused(
            "capture.no_face",
            f"too little of the face in {path.name} shows to read her skin",
            "use one with the face uncovered",
        )
    person = outline(rgb, face.box)
    look = Look(
        photo=path.name,
        width=capture.width,
        height=capture.height,
        face=_enlarged(face.box, capture),
        view=rules.view_of(yaw),
        framing=views.framing(face.box, rgb.shape[1], rgb.shape[0], person),
        yaw=round(yaw, 1),
        pitch=round(pitch, 1),
        roll=round(roll, 1),
        hands=0 if colour is None else views.hands_seen(rgb, face.box, colour, person),
        light=round(light, 2),
        shade=round(face_shade(rgb, face.landmarks), 2),
        clipped=round(clipped, 4),
        focus=round(focus(rgb, face.box), 3),
        backdrop=Backdrop.BUSY if person is None else Backdrop.PLAIN,
        screen=round(grid_strength(rgb, face.box), 3),
        covered=covered_parts(rgb, face.landmarks, yaw),
    )
    thumbnail, window = _thumbnail(rgb, face.box)
    colour = np.zeros(3) if colour is None else colour
    return Reading(
        path=path,
        look=look,
        box=look.face,
        face=Face(look.face, (face.landmarks * capture.enlarge).astype(np.float32), face.score),
        embedding=embedder.embed(rgb, face) if embedder else None,
        skin_lab=colour,
        outfit=_outfit(rgb, face.box, colour, person),
        thumbnail=thumbnail,
        window=window,
        hash=_hash(thumbnail),
    )


def _read_profile(path: Path, capture: Capture) -> Reading:
    rgb = capture.rgb_srgb
    profile = views.find_profile(rgb)
    if profile is None:
        raise CaptureRefused("capture.no_face", f"no face was found in {path.name}")
    box = profile.box
    person = outline(rgb, box)
    colour = views.profile_skin(rgb, profile)
    look = Look(
        photo=path.name,
        width=capture.width,
        height=capture.height,
        face=_enlarged(box, capture),
        view=View.PROFILE,
        framing=views.framing(box, rgb.shape[1], rgb.shape[0], person),
        hands=views.hands_seen(rgb, box, colour, person),
        focus=round(focus(rgb, box), 3),
        backdrop=Backdrop.BUSY if person is None else Backdrop.PLAIN,
        screen=round(grid_strength(rgb, box), 3),
    )
    thumbnail, window = _thumbnail(rgb, box)
    outfit = _outfit(rgb, box, colour, person)
    return Reading(path, look, look.face, None, None, colour, outfit, thumbnail, window, _hash(thumbnail))


def _enlarged(box: Box, capture: Capture) -> Box:
    if capture.enlarge == 1:
        return box
    parts = (box.left, box.top, box.width, box.height)
    return Box(*(round(part * capture.enlarge) for part in parts)).clipped(capture.width, capture.height)


def _outfit(rgb_srgb: np.ndarray, face: Box, skin_lab: np.ndarray, person: np.ndarray | None) -> np.ndarray:
    """CIELAB (3, 3) of clothes on the chest, hair on the crown, and skin: what stays the same in a session. What can't
    be told, hair before a busy backdrop or a chest below the edge, is NaN."""
    high, wide = rgb_srgb.shape[:2]
    if person is None:
        mask, scale = np.ones((high, wide), bool), 1.0
        small = rgb_srgb
    else:
        scale = person.shape[0] / high
        small = cv2.resize(rgb_srgb, person.shape[::-1], interpolation=cv2.INTER_AREA)
        mask = cv2.erode(person.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    unit, bottom = face.height * scale, face.bottom * scale
    columns = slice(
        max(round((face.left - 0.2 * face.width) * scale), 0), round((face.right + 0.2 * face.width) * scale)
    )
    chest = slice(round(bottom + 0.75 * unit), round(bottom + 1.5 * unit))
    rows = np.flatnonzero(mask[: max(round(bottom), 1), columns].any(axis=1))
    top = int(rows[0]) if len(rows) else 0
    crown = slice(0, 0) if person is None else slice(round(top + 0.03 * unit), round(top + 0.18 * unit))
    colours = []
    for band in (chest, crown):
        pixels = small[band, columns][mask[band, columns]]
        colours.append(np.median(skin.lab(pixels), axis=0) if len(pixels) >= 20 else np.full(3, np.nan))
    return np.stack([*colours, skin_lab])


def _matches(profile: Reading, hers: Sequence[Reading]) -> bool | None:
    """Whether clothes, hair and skin of a profile are those of some photograph that was recognised; None without any."""
    if not hers:
        return None
    bounds = np.array([_SAME_CLOTHES, _SAME_HAIR, _SAME_SKIN])
    for other in hers:
        # Turned, she stands in other light: half of a difference in lightness is that.
        turned = profile.outfit.copy()
        turned[:, 0] = (turned[:, 0] + other.outfit[:, 0]) / 2
        differ = skin.delta_e2000(turned, other.outfit)
        told = ~np.isnan(differ)  # what one of them doesn't show can't speak against them, but two must agree
        if told.sum() >= 2 and (differ[told] <= bounds[told]).all():
            return True
    return False


def _thumbnail(rgb_srgb: np.ndarray, face: Box) -> tuple[np.ndarray, tuple[slice, slice]]:
    high, wide = rgb_srgb.shape[:2]
    grey = cv2.cvtColor(np.ascontiguousarray(rgb_srgb), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.float32)
    box = face.clipped(wide, high)
    rows = slice(box.top * _THUMBNAIL // high, -(-box.bottom * _THUMBNAIL // high))
    columns = slice(box.left * _THUMBNAIL // wide, -(-box.right * _THUMBNAIL // wide))
    return (cv2.GaussianBlur(small, (0, 0), 1.0) + 0.5).astype(np.uint8), (rows, columns)


def _hash(thumbnail: np.ndarray) -> int:
    """63 bits: which of the lowest frequencies (but the mean) are above their median. Light and size don't matter."""
    small = cv2.resize(thumbnail, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = dctn(small, norm="ortho")[:8, :8].ravel()[1:]
    return int("".join("1" if value > np.median(low) else "0" for value in low), 2)


def _refuse_duplicate(reading: Reading, earlier: Iterator[Reading]) -> None:
    everything = np.s_[:, :]
    for other in earlier:
        if (reading.hash ^ other.hash).bit_count() > _HASH_REACH:
            continue
        # The face at the same place in both: detected boxes of one photograph at two sizes differ by some pixels.
        if all(
            _correlation(reading.thumbnail[window], other.thumbnail[window]) > SAME_PHOTO
            for window in (everything, reading.window)
        ):
            raise CaptureRefused(
                "capture.duplicate",
                f"{reading.path.name} is the same photograph as {other.path.name}",
                f"remove {reading.path.name}",
            )


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(dtype=np.float64), other - other.mean(dtype=np.float64)
    return float((one * other).sum() / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-6))


def _other_people(readings: Sequence[Reading]) -> list[Reading]:
    """Those too far from the face in the middle of all: whoever most photographs show. The first wins a draw."""
    if len(readings) < 2:
        return []
    vectors = np.stack([reading.embedding for reading in readings])
    distances = cdist(vectors, vectors)
    middle = int(np.argmin(np.round(np.median(distances, axis=1), 6)))
    return [reading for reading, distance in zip(readings, distances[middle], strict=True) if distance > SAME_PERSON]


# --- plates -----------------------------------------------------------------------------------------------------


def make_plate(reading: Reading, likely: Callable[[np.ndarray], np.ndarray] | None = None) -> Plate:
    """The plate of `cut_plate`."""
    return cut_plate(reading, likely)[0]


def cut_plate(reading: Reading, likely: Callable[[np.ndarray], np.ndarray] | None = None) -> tuple[Plate, Cut]:
    """Open a chosen photograph at full size and cut her out, with the correction painted beside it, if there is one. A
    matte that can't be trusted is kept for measuring, and the backdrop said to be ``unsure``. Raises CaptureRefused ``capture.unreadable``, ``matte.mask``, and
    ``capture.screen``, for a grid that only full size shows."""
    rgb = decode(reading.path).rgb_srgb
    look, box, face = reading.look, reading.box, reading.face
    landmarks = np.zeros((0, 2), np.float32) if face is None else face.landmarks
    strength = grid_strength(rgb, box)
    if strength > rules.MAX_SCREEN:
        raise CaptureRefused("capture.screen", f"{look.photo} shows the grid of a screen or of a print")
    name = _plate_id(rgb, reading.path.stem)
    if rgb.shape[0] * rgb.shape[1] > PLATE_PIXELS:
        scale = (PLATE_PIXELS / (rgb.shape[0] * rgb.shape[1])) ** 0.5
        size = int(rgb.shape[1] * scale), int(rgb.shape[0] * scale)
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        box = Box(*(round(part * scale) for part in (box.left, box.top, box.width, box.height))).clipped(*size)
        landmarks = (landmarks * scale).astype(np.float32)
    high, wide = rgb.shape[:2]
    made = cut(rgb, box, painted_mask(reading.path, (wide, high)), None if likely is None else likely(rgb))
    alpha = made.alpha
    # Without a matte the plate serves as one before a busy backdrop does, whatever the reason.
    found = {"": Backdrop.PLAIN, "matte.unsure": Backdrop.UNSURE}
    backdrop = Backdrop.BUSY if alpha is None else found[made.code]
    facts = PlateFacts(
        id=name,
        photo=reading.path.stem,
        width=wide,
        height=high,
        face=box,
        person=estimated_person(box, wide, high) if alpha is None else extent(alpha),
        backdrop=backdrop,
        sharpness=look.focus,
        view=look.view,
        framing=look.framing,
        yaw=look.yaw,
        pitch=look.pitch,
        hands=look.hands,
        maker=MAKER,
    )
    embedding = np.zeros(0) if reading.embedding is None else reading.embedding
    body = views.body_skin(rgb, box, reading.skin_lab, alpha)
    regions, outline = None, None
    if len(landmarks):
        regions = label_map(rgb, alpha, box, landmarks, reading.skin_lab)
        outline = None if alpha is None else shape(alpha, box, landmarks, look.yaw)
    ratios = {} if outline is None else {**outline.widths, **outline.lengths}
    return Plate(facts, rgb, alpha, landmarks, embedding, reading.skin_lab, body, regions, ratios), made


def _unsure(name: str, made: Cut) -> Reason:
    return reason(
        "matte.unsure",
        f"the matte of {name} can't be trusted: {'; '.join(made.doubts)}",
        f"paint a correction ({Path(name).stem}.mask.png), or retake it before a backdrop unlike her clothes",
    )


def _plate_id(rgb_srgb: np.ndarray, stem: str) -> str:
    digest = hashlib.sha256(f"{rgb_srgb.shape}\n{stem}\n".encode())
    digest.update(np.ascontiguousarray(rgb_srgb))
    return digest.hexdigest()[:16]
