"""Her head on a mannequin of her own measurements.

The body is a plaster one, drawn from what she was measured at and from nothing else: never an ideal, never in the colour of
her skin. Head, hair and neck are her plate's own pixels, reduced at most; they end in a steel collar, as a display form
does, so that nobody takes the one for the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...domain.errors import EngineRefused
from ...domain.twin import Box, Framing, PlateFacts
from ...ports import Plate
from ...vision.body_mesh import BodyMesh, Mannequin
from ...vision.parametric_body import ParametricBody
from ...vision.skin import to_linear, to_srgb
from .neck import Collar, collared
from .plaster import Key, lit
from .portrait import Head, head_of, key_light
from .raster import rasterise, split, vertex_normals
from .studio import grain

MOST_HIGH = 3000  # pixels of the canvas, which is two thirds as wide
MOST_TURNED = 40.0  # degrees of a head that still sits on a body turned by 15
_BODY_TURN = 15.0
_FIGURE = 0.865  # of the canvas' height, from sole to crown
_SOLE = 0.945
_LENS = 85 / 36  # a portrait lens: its focal length over the longer side of the film
_NEAREST, _FARTHEST = 600.0, 800.0  # centimetres from camera to figure
_PLASTER = np.float32([0.735, 0.735, 0.725])
_GREY = np.float32([0.40, 0.405, 0.41])  # before white paper
_STEEL = np.float32([0.30, 0.30, 0.305])


@dataclass(frozen=True)
class BodyPoints:
    """Where the mannequin's landmarks are in the picture, pixels (x, y): pairs are its own right (picture left), then left.

    ``neck`` are the sides of the neck's base, ``shoulders`` the tips, ``armpits``; ``elbows``, ``wrists``, ``hips`` (the
    outline at the broadest), ``waist`` (the outline at the narrowest), ``knees``, ``ankles``; ``crotch`` is one point. ``scale`` is pixels a
    centimetre at the body's axis.
    """

    neck: tuple[tuple[float, float], tuple[float, float]]
    shoulders: tuple[tuple[float, float], tuple[float, float]]
    armpits: tuple[tuple[float, float], tuple[float, float]]
    elbows: tuple[tuple[float, float], tuple[float, float]]
    wrists: tuple[tuple[float, float], tuple[float, float]]
    waist: tuple[tuple[float, float], tuple[float, float]]
    hips: tuple[tuple[float, float], tuple[float, float]]
    knees: tuple[tuple[float, float], tuple[float, float]]
    ankles: tuple[tuple[float, float], tuple[float, float]]
    crotch: tuple[float, float]
    scale: float


@dataclass(frozen=True, eq=False)
class OnMannequin:
    """What was made: ``rgb_srgb`` uint8 (h, w, 3); ``alpha`` of head and body together, ``head`` of her own pixels alone
    (uint8 (h, w)); ``facts`` describe the picture as if it were a plate; ``points`` its body; ``body`` the fitted one."""

    rgb_srgb: np.ndarray
    alpha: np.ndarray
    head: np.ndarray
    altered: np.ndarray
    facts: PlateFacts
    points: BodyPoints
    body: Mannequin


def measurements_of(plate: Plate) -> dict[str, float]:
    """What she was measured at, in centimetres, by the words of her comp card. Raises EngineRefused
    ``engine.measurements``."""
    taken = {name[3:]: value for name, value in plate.shape.items() if name.startswith("cm.")}
    missing = [name for name in ("height", "waist", "hips") if name not in taken]
    if "bust" not in taken and "chest" not in taken:
        missing.insert(1, "bust or chest")
    if missing:
        raise EngineRefused(
            "engine.measurements", f"a mannequin is made of her own measurements: there is no {', no '.join(missing)}"
        )
    return taken


def on_mannequin(
    plate: Plate, ruler: Plate | None, scene: Callable[[PlateFacts], np.ndarray], seed: int = 0, pale: bool = False
) -> OnMannequin:
    """Her head from ``plate`` on a mannequin, before ``scene`` (from the picture's facts: linear light (h, w, 3)).

    ``ruler`` is a full-length plate of hers that says how large her head is against her; without one the statistical body
    does. ``pale`` takes grey plaster, for white paper. Raises EngineRefused ``engine.measurements``, ``engine.neck``.
    """
    measured = measurements_of(plate)
    try:
        fitted = ParametricBody.load().fit(measured)
    except ValueError as error:
        raise EngineRefused("engine.measurements", str(error)) from error
    body = BodyMesh.load().fit(fitted, measured)
    scale = _scale(plate, ruler, body)
    head = head_of(plate, scale, body)
    camera = _Camera.of(plate, scale, body, head)
    turned = _turned(body, plate.facts.yaw or 0.0)
    breadth = None if head.neck is None else head.neck / scale
    figure = collared(turned, camera.cut(head, turned), breadth)
    return _Picture(plate, head, camera, figure, body, turned, seed).painted(scene, _GREY if pale else _PLASTER)


def _scale(plate: Plate, ruler: Plate | None, body: Mannequin) -> float:
    """Pixels a centimetre has in the plate, at her face."""
    if ruler is None or len(ruler.landmarks) < 5 or ruler.facts.framing is not Framing.FULL:
        return _sizes(plate)["eyes"] / (2 * float(body.points["eye"][0]))
    shoes = 3.0
    tall = ruler.facts.person.bottom - float(ruler.landmarks[:4, 1].mean())
    own = tall / (float(body.points["eye"][2]) + shoes)
    here, there = _sizes(plate), _sizes(ruler)
    return own * float(np.exp(np.mean([np.log(here[name] / there[name]) for name in here])))


def _sizes(plate: Plate) -> dict[str, float]:
    """Lengths in her face, in pixels, that are hers however she looks: between the eyes, and from them to nose and crown."""
    points = plate.landmarks.astype(np.float64)
    one, other = points[0:2].mean(axis=0), points[2:4].mean(axis=0)
    turn = np.cos(np.radians(min(abs(plate.facts.yaw or 0.0), 45.0)))
    eyes = (one[1] + other[1]) / 2
    return {
        "eyes": float(np.linalg.norm(one - other)) / turn,
        "nose": float(points[4, 1] - eyes),
        "crown": float(eyes - plate.facts.person.top),
    }


def _turned(body: Mannequin, yaw: float) -> Mannequin:
    """The body turned as she is, by 15 degrees at most; what a head turns further, a neck does."""
    angle = np.radians(np.clip(0.6 * yaw, -_BODY_TURN, _BODY_TURN)) if abs(yaw) > 8 else 0.0
    c, s = np.cos(angle), np.sin(angle)
    around = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]])  # of row vectors
    return replace(body, vertices=body.vertices @ around, points={n: p @ around for n, p in body.points.items()})


@dataclass(frozen=True)
class _Camera:
    """A level camera with a shifted lens: ``focal`` in pixels, ``distance`` to the body's axis and ``height`` over the
    floor in centimetres, ``horizon`` and ``middle`` where the optical axis meets the canvas. ``reduce`` is what the plate's
    pixels are multiplied with, ``eye`` where the middle of her eyes comes to lie."""

    width: int
    height_px: int
    focal: float
    distance: float
    height: float
    horizon: float
    middle: float
    reduce: float

    @classmethod
    def of(cls, plate: Plate, scale: float, body: Mannequin, head: Head) -> _Camera:
        most = _FIGURE * MOST_HIGH / body.height
        out = min(scale, most)
        high = round(out * body.height / _FIGURE / 2) * 2
        facts = plate.facts
        distance = float(np.clip(_LENS * max(facts.width, facts.height) / scale, _NEAREST, _FARTHEST))
        eye_z, eye_y = float(body.points["eye"][2]), float(plate.landmarks[:4, 1].mean())
        level = float(np.clip(eye_z - (facts.height / 2 - eye_y) / scale, 0.5 * body.height, 0.72 * body.height))
        # The head's scale is that of its own depth, a little before the axis.
        focal = out * (distance + float(body.points["head"][1]))
        horizon = _SOLE * high - focal * level / distance
        wide = round(high / 3) * 2
        return cls(wide, high, focal, distance, level, horizon, wide / 2, out / scale)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (n, 2) and nearness (n,) of points (n, 3)."""
        deep = points[:, 1] + self.distance
        x = self.middle + self.focal * points[:, 0] / deep
        y = self.horizon - self.focal * (points[:, 2] - self.height) / deep
        return np.stack([x, y], axis=1), 1 / deep

    def rise(self, row: float, depth: float) -> float:
        """Height over the floor of what is seen in a row at a depth behind the axis."""
        return self.height + (self.horizon - row) * (depth + self.distance) / self.focal

    def placed(self, head: Head, body: Mannequin) -> np.ndarray:
        """From plate to canvas, (2, 3): her eyes at the body's height, the middle of her neck on its axis."""
        eye = self.project(np.array([[0.0, body.points["head"][1], body.points["eye"][2]]]))[0][0]
        neck = (body.points["neck01"] + body.points["neck03"]) / 2
        x = self.project(neck[None])[0][0, 0]
        down = eye[1] - self.reduce * head.eyes
        return np.array([[self.reduce, 0, x - self.reduce * head.axis], [0, self.reduce, down]])

    def cut(self, head: Head, body: Mannequin) -> float:
        """The height over the floor at which her neck ends in front, in centimetres."""
        row = self.placed(head, body)[1] @ [0, head.cut, 1]
        return self.rise(row, float(body.points["neck03"][1]) - 5.0)


class _Picture:
    """One picture on its way: everything is on the canvas, in linear light."""

    def __init__(
        self, plate: Plate, head: Head, camera: _Camera, figure: Collar, body: Mannequin, turned: Mannequin, seed: int
    ):
        self.plate, self.head, self.camera, self.figure = plate, head, camera, figure
        self.body, self.turned, self.seed = body, turned, seed
        self.place = camera.placed(head, turned)

    def painted(self, scene: Callable[[PlateFacts], np.ndarray], plaster: np.ndarray) -> OnMannequin:
        camera = self.camera
        key = key_light(self.plate)
        figure = self.figure
        triangles = figure.triangles
        light = lit(figure.vertices, triangles, self._head_proxy(), key)
        exposed = light.vertices * (1.02 / np.percentile(light.vertices[: len(self.body.vertices)], 95))
        body_rgb, body_alpha = self._plaster(exposed, key, plaster)
        head_rgb, head_alpha = self._head()
        covered = 1 - (1 - body_alpha) * (1 - head_alpha)
        alpha = np.rint(covered * 255).astype(np.uint8)
        facts = self._facts(alpha)
        ground = scene(facts) * self._on_floor(light)[..., None]
        noise = grain((camera.height_px, camera.width), 0.9, self.seed) / 255
        ground = _noisy(ground, noise)
        linear = body_rgb * body_alpha[..., None] + ground * (1 - body_alpha[..., None])
        linear = np.where(body_alpha[..., None] > 0, _noisy(linear, 0.8 * noise), linear)
        mixed = to_linear(head_rgb) * head_alpha[..., None] + linear * (1 - head_alpha[..., None])
        rgb = to_srgb(mixed)
        whole = head_alpha >= 1
        rgb[whole] = head_rgb[whole]
        untouched = whole if camera.reduce == 1 else np.zeros_like(whole)
        head = np.rint(head_alpha * 255).astype(np.uint8)
        return OnMannequin(rgb, alpha, head, ~untouched, facts, self._points(), self.body)

    def _head(self) -> tuple[np.ndarray, np.ndarray]:
        """Her own pixels on the canvas (uint8) and how much of each shows (float32), ended at the collar."""
        size = self.camera.width, self.camera.height_px
        rgb, alpha = self.head.rgb_srgb, self.head.alpha
        place = self.place.copy()
        if self.camera.reduce == 1:  # bit for bit
            place[:, 2] = np.round(place[:, 2])
            flags = cv2.INTER_NEAREST
        else:
            small = max(round(rgb.shape[1] * self.camera.reduce), 1), max(round(rgb.shape[0] * self.camera.reduce), 1)
            rgb = cv2.resize(rgb, small, interpolation=cv2.INTER_AREA)
            alpha = cv2.resize(alpha, small, interpolation=cv2.INTER_AREA)
            hair = cv2.resize(self.head.hair, small, interpolation=cv2.INTER_AREA)
            place = np.array([[1.0, 0, np.round(place[0, 2])], [0, 1.0, np.round(place[1, 2])]])
            flags = cv2.INTER_NEAREST
        hair = self.head.hair if self.camera.reduce == 1 else hair
        laid = cv2.warpAffine(rgb, place, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        cover = cv2.warpAffine(alpha, place, size, flags=flags)
        strands = cv2.warpAffine(hair, place, size, flags=flags)
        below = self._below_collar()
        return laid, np.clip(cover * (1 - below) + np.minimum(cover, strands) * below, 0, 1)

    def _below_collar(self) -> np.ndarray:
        """1 below the front of the collar's upper edge, 0 above, float32 (h, w); beside it, it goes on level."""
        xy, _ = self.camera.project(self.figure.front_edge)
        order = np.argsort(xy[:, 0], kind="stable")
        columns = np.arange(self.camera.width) + 0.5
        rows = np.interp(columns, xy[order, 0], xy[order, 1])
        # Beside the collar there is hair or nothing: her own shoulders stay away.
        aside = (columns < xy[:, 0].min()) | (columns > xy[:, 0].max())
        rows = np.where(aside, rows - 3.0 * self.camera.focal / self.camera.distance, rows)
        y = np.arange(self.camera.height_px, dtype=np.float32)[:, None] + 0.5
        return np.clip(y - rows[None].astype(np.float32) + 0.5, 0, 1)

    def _plaster(self, irradiance: np.ndarray, key: Key, plaster: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The figure in linear light (h, w, 3) and its cover (h, w), from twice the size."""
        fine = 2
        figure, camera = self.figure, self.camera
        xy, near = camera.project(figure.vertices)
        first = np.maximum(np.floor(xy.min(axis=0)).astype(int) - 2, 0)
        last = np.minimum(np.ceil(xy.max(axis=0)).astype(int) + 2, (camera.width, camera.height_px))
        wide, high = last - first
        raster = rasterise((xy - first) * fine, near, figure.triangles, wide * fine, high * fine)
        normals = vertex_normals(figure.vertices, figure.triangles)
        values = np.column_stack([irradiance, normals, figure.vertices, figure.steel, figure.arm, figure.inside])
        seen = raster.interpolated(figure.triangles, values)
        light, normal, at = seen[:, 0], seen[:, 1:4], seen[:, 4:7]
        normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
        steel, arm, inside = seen[:, 7:8], seen[:, 8], seen[:, 9]
        eye = np.float32([0, -camera.distance, camera.height]) - at
        eye /= np.linalg.norm(eye, axis=1, keepdims=True)
        half = eye + key.direction.astype(np.float32)
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        gloss = np.maximum((normal * half).sum(axis=1), 0)
        colour = plaster * (1 - steel) + _STEEL * steel
        shine = 0.025 * gloss**12 * (1 - steel[:, 0]) + steel[:, 0] * (0.45 * gloss**26 + 0.10 * gloss**4)
        # A cast figure is put together of parts: where they meet there is a fine dark line.
        width = max(0.10, 0.6 / (camera.focal / camera.distance))
        trunk, upper, lower = (np.abs(at[:, 2] - height) for height in figure.seams)
        seam = np.where(arm > 0.5, np.minimum(upper, lower), trunk)
        line = 1 - 0.45 * np.clip(1.5 - seam / width, 0, 1) * (1 - steel[:, 0])
        line = line * (1 - 0.85 * np.clip(inside, 0, 1))
        shaded = colour * (light * line)[:, None] + (shine * np.minimum(light, 1))[:, None]
        rgb = np.zeros((high * fine, wide * fine, 4), np.float32)
        rgb[raster.owner >= 0, :3], rgb[raster.owner >= 0, 3] = shaded, 1
        rgb = cv2.resize(rgb, (int(wide), int(high)), interpolation=cv2.INTER_AREA)
        canvas = np.zeros((camera.height_px, camera.width, 4), np.float32)
        canvas[first[1] : last[1], first[0] : last[0]] = rgb
        cover = canvas[..., 3]
        return canvas[..., :3] / np.maximum(cover, 1e-4)[..., None], cover

    def _head_proxy(self) -> tuple[np.ndarray, np.ndarray]:
        """An egg where her head is, to throw its shadow on the shoulders."""
        crown, chin = self.turned.points["crown"], self.turned.points["chin"]
        tall = crown[2] - chin[2]
        centre = np.array([0.0, self.turned.points["head"][1] - 0.5, (crown[2] + chin[2]) / 2])
        rings, around = 9, 16
        up = np.linspace(-1, 1, rings)
        turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
        wide = np.sqrt(np.maximum(1 - up**2, 0))[:, None]
        points = np.stack(
            [
                wide * np.cos(turn) * 0.34 * tall,
                wide * np.sin(turn) * 0.42 * tall,
                np.broadcast_to(up[:, None] * 0.5 * tall, (rings, around)),
            ],
            axis=-1,
        )
        i, j = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
        a, b = i * around + j, i * around + (j + 1) % around
        quads = np.stack([a, b, b + around, a + around], axis=-1).reshape(-1, 4)
        return points.reshape(-1, 3) + centre, split(quads)

    def _on_floor(self, light) -> np.ndarray:
        """How much of its light the floor keeps, float32 (h, w); 1 above the horizon."""
        camera = self.camera
        rows = np.arange(camera.height_px, dtype=np.float32) + 0.5
        below = np.maximum(rows - camera.horizon, 1e-3)
        deep = camera.focal * camera.height / below
        x = (np.arange(camera.width, dtype=np.float32) + 0.5 - camera.middle)[None] * (deep / camera.focal)[:, None]
        y = np.broadcast_to((deep - camera.distance)[:, None], x.shape)
        step = light.floor_x[1] - light.floor_x[0]
        # The softbox is one large light, not the lamps that stand for it: further from what throws it, a shadow is softer.
        sharp, soft = (cv2.GaussianBlur(light.floor, (0, 0), sigma) for sigma in (0.8, 5.0))
        away = np.hypot(light.floor_x[None], 1.3 * light.floor_y[:, None])
        share = np.clip((away - 12) / 30, 0, 1)
        kept = (sharp * (1 - share) + soft * share).astype(np.float32)
        u, v = (x - light.floor_x[0]) / step, (y - light.floor_y[0]) / step
        # Towards the edge of what was lit the shadow ends, and towards the wall, which the floor bends up into.
        fade = np.clip((100 - np.abs(x)) / 45, 0, 1) * np.clip((120 - y) / 90, 0, 1)
        found = cv2.remap(kept, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR, borderValue=1.0)
        return np.where(rows[:, None] > camera.horizon + 2, 1 - (1 - found) * fade, 1.0).astype(np.float32)

    def _facts(self, alpha: np.ndarray) -> PlateFacts:
        rows, columns = np.flatnonzero((alpha > 127).any(axis=1)), np.flatnonzero((alpha > 127).any(axis=0))
        person = Box(int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1))
        face, reduce = self.plate.facts.face, self.camera.reduce
        left, top = self.place @ [face.left, face.top, 1]
        box = Box(round(left), round(top), round(face.width * reduce), round(face.height * reduce))
        return replace(
            self.plate.facts,
            width=self.camera.width,
            height=self.camera.height_px,
            face=box,
            person=person,
            framing=Framing.FULL,
        )

    def _points(self) -> BodyPoints:
        return body_points(self.turned, self.body, self.camera.project, self.camera.focal / self.camera.distance)


def body_points(
    turned: Mannequin,
    body: Mannequin,
    project: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    scale: float,
) -> BodyPoints:
    """Landmarks of a mannequin on the canvas, from its joints and its outline."""
    angle_of = {name: point for name, point in turned.points.items()}
    mirrored = _mirrored_points(body, turned)

    def pair(name: str) -> tuple[tuple[float, float], tuple[float, float]]:
        found = project(np.stack([mirrored[name], angle_of[name]]))[0]
        return tuple(map(float, found[0])), tuple(map(float, found[1]))

    pixels = project(turned.vertices)[0]
    trunk = ~turned.arm

    def outline(height: float, reach: float = 1.2) -> tuple[tuple[float, float], tuple[float, float]]:
        near = np.flatnonzero(trunk & (np.abs(turned.vertices[:, 2] - height) < reach))
        left, right = near[pixels[near, 0].argmin()], near[pixels[near, 0].argmax()]
        return tuple(map(float, pixels[left])), tuple(map(float, pixels[right]))

    waist, hips = (turned.vertices[turned.rings[name], 2].mean() for name in ("waist", "hips"))
    shoulder = turned.points["upperarm01"]
    pit = shoulder[2] - 0.36 * (shoulder[2] - turned.points["lowerarm01"][2])
    middle = np.flatnonzero((np.abs(body.vertices[:, 0]) < 0.05) & (body.vertices[:, 2] > 0.3 * body.height))
    crotch = middle[body.vertices[middle, 2].argmin()]
    tips = turned.arm & (turned.vertices[:, 2] > shoulder[2] - 2)
    tips = np.flatnonzero(tips if tips.any() else turned.arm)
    return BodyPoints(
        neck=outline(float(turned.points["neck01"][2])),
        shoulders=tuple(
            tuple(map(float, pixels[tips[at]])) for at in (pixels[tips, 0].argmin(), pixels[tips, 0].argmax())
        ),
        armpits=outline(float(pit)),
        elbows=pair("lowerarm01"),
        wrists=pair("wrist"),
        waist=outline(float(waist)),
        hips=outline(float(hips)),
        knees=pair("lowerleg01"),
        ankles=pair("foot"),
        crotch=tuple(map(float, pixels[crotch])),
        scale=scale,
    )


def _mirrored_points(body: Mannequin, turned: Mannequin) -> Mapping[str, np.ndarray]:
    """The other one of each pair of joints, turned as the body is."""
    one, other = body.points["upperarm01"], turned.points["upperarm01"]
    angle = np.arctan2(other[1], other[0]) - np.arctan2(one[1], one[0])
    c, s = np.cos(angle), np.sin(angle)
    around = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]])
    return {name: (point * [-1, 1, 1]) @ around for name, point in body.points.items()}


def _noisy(linear: np.ndarray, noise: np.ndarray) -> np.ndarray:
    coded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.power(np.maximum(linear, 1e-6), 1 / 2.4) - 0.055)
    coded = np.clip(coded + noise, 0, 1)
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4).astype(np.float32)
