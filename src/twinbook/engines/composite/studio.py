"""The built-in studio backdrops, drawn rather than photographed: paper or a wall, the light on it, a floor.

Everything is linear light. Paper is a diffuse reflectance; what makes it look like paper in a studio is the light on
it: a pool behind the shoulders, fall-off towards the corners, and, when the floor is in the picture, a brighter floor
that rolls up into the wall. Windows, leaves and blinds are what a lamp throws through them: soft, because it is near.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...vision.skin import to_linear
from .placement import Setting

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Paper:
    """``colour`` is sRGB where the light is full; ``fall`` is what is lost towards the corners (0 to 1); ``floor`` is
    the floor's light relative to the wall's. ``second`` is the colour at the foot, for two lamps with coloured gels;
    ``pattern`` what the light is thrown through (`_PATTERNS`)."""

    colour: str
    fall: float
    floor: float
    second: str = ""
    pattern: str = ""


PAPERS = {
    "warm-grey": Paper("#c9c2b9", 0.40, 1.10),
    "cool-grey": Paper("#bcc2c8", 0.42, 1.10),
    "white": Paper("#f4f3f1", 0.12, 1.02),
    "sand": Paper("#d9c4a3", 0.34, 1.08),
    "sage": Paper("#a9b39b", 0.38, 1.10),
    "terracotta": Paper("#b9694a", 0.42, 1.10),
    "night": Paper("#2b3140", 0.62, 1.25),
    "gradient-dawn": Paper("#b9c6d6", 0.18, 1.03, second="#e3c3b4"),
    "gradient-dusk": Paper("#4f5877", 0.24, 1.04, second="#c08b7b"),
    "gradient-mist": Paper("#dfe3e4", 0.16, 1.02, second="#9fb0ae"),
    "window": Paper("#d6cdc1", 0.22, 1.04, pattern="window"),
    "leaves": Paper("#d3c7b6", 0.20, 1.04, pattern="leaves"),
    "blinds": Paper("#cbbfb0", 0.24, 1.04, pattern="blinds"),
}
_SHADE = 0.50  # of the light that reaches the wall where the lamp doesn't
_WARM, _COOL = np.float32([1.03, 1.0, 0.95]), np.float32([0.97, 1.0, 1.05])


def studio_scene(name: str, setting: Setting) -> np.ndarray:
    """A backdrop for this picture: linear light float32 (h, w, 3). ``name`` is one of `domain.brief.STUDIO_SCENES`."""
    paper = PAPERS[name]
    high, wide = setting.height, setting.width
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    # The pool of light sits behind the shoulders, a little to the side of the key.
    cx = setting.face.left + setting.face.width * 0.5 - 0.10 * wide
    cy = setting.face.bottom + 0.8 * setting.head
    reach = 0.85 * float(np.hypot(wide, high))
    distance = np.hypot((x - cx) / reach, (y - cy) / (1.1 * reach))
    light = 1 - paper.fall * _smooth(distance / 0.95)
    if setting.standing:
        light = _with_floor(light, setting, paper, y, x)
    # A lens loses light to the corners (cos⁴ law, weakly).
    radius = np.hypot((x - wide / 2) / wide, (y - high / 2) / high)
    light *= 1 - 0.10 * np.clip(radius / 0.71, 0, 1) ** 3
    light *= _unevenness(high, wide)
    scene = light[..., None] * _colours(paper, setting, x, y)
    if paper.pattern:
        # Thrown on the wall, and weaker where the floor turns away from the lamp.
        through = _PATTERNS[paper.pattern](setting)
        if setting.standing:
            through = through * (1 - 0.65 * _smooth((y - floor_line(setting)) / (0.10 * setting.person.height)))
        lit = through[..., None]
        scene = scene * (_SHADE * _COOL * (1 - lit) + 1.0 * _WARM * lit)
    # Light that fell off also reached the paper by way of the room: it comes back a little less saturated.
    grey = scene @ _LUMINANCE
    lost = np.clip(1 - light, 0, 1)[..., None] * 0.15
    return (scene * (1 - lost) + grey[..., None] * lost).astype(np.float32)


def floor_line(setting: Setting) -> float:
    """The row where wall meets floor: behind the calves for a camera at chest height."""
    return setting.person.bottom - 0.115 * setting.person.height


def _linear(colour: str) -> np.ndarray:
    return to_linear(np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.uint8))


def _colours(paper: Paper, setting: Setting, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One colour, or two lamps that cross: what each adds, in light, goes over into the other a little aslant."""
    first = _linear(paper.colour)
    if not paper.second:
        return first
    slant = 0.16 * (x / setting.width - 0.5)
    share = _smooth(y / setting.height * 1.1 - 0.05 + slant)[..., None]
    return first * (1 - share) + _linear(paper.second) * share


def _with_floor(light: np.ndarray, setting: Setting, paper: Paper, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    line, figure = floor_line(setting), setting.person.height
    on_floor = _smooth((y - (line - 0.05 * figure)) / (0.11 * figure))
    # The roll of the paper turns away from the light and is a shade darker than both.
    cove = np.exp(-(((y - line) / (0.045 * figure)) ** 2)) * 0.05
    centre = setting.person.left + setting.person.width / 2
    near = 1 - 0.22 * _smooth(np.abs(x - centre) / (0.9 * setting.width))
    depth = np.clip((y - line) / max(setting.height - line, 1), 0, 1)
    floor = float(light[int(min(line, setting.height - 1)), int(np.clip(centre, 0, setting.width - 1))]) * paper.floor
    floor = floor * near * (1 - 0.10 * depth)
    return (light * (1 - on_floor) + floor * on_floor) * (1 - cove)


def _unevenness(high: int, wide: int) -> np.ndarray:
    """Paper hangs in faint waves and no lamp is even: a few thousandths, broad. float32 (h, w) about 1."""
    random = np.random.default_rng(0x9A9E)
    out = np.zeros((high, wide), np.float32)
    for cells, strength in ((3, 0.008), (7, 0.004)):
        coarse = random.standard_normal((cells + 1, cells)).astype(np.float32)
        out += strength * cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC)
    return 1 + np.clip(out, -0.02, 0.02)


# --- what light is thrown through -------------------------------------------------------------------------------------


def _window(setting: Setting) -> np.ndarray:
    """A window of two by four panes, thrown aslant from the left and above: float32 (h, w), 0 shade to 1 light."""
    unit = _span(setting)
    pane_x, pane_y, bar = 0.21, 0.235, 0.028
    shapes = []
    for row in range(4):
        for column in range(2):
            left, top = column * (pane_x + bar), row * (pane_y + bar)
            corners = [(left, top), (left + pane_x, top), (left + pane_x, top + pane_y), (left, top + pane_y)]
            shapes.append(np.float32(corners))
    centre = np.float32([_middle(setting)[0] + 0.10 * unit, _middle(setting)[1] - 0.02 * unit])
    middle = np.float32([pane_x + bar / 2, 2 * pane_y + 1.5 * bar])
    slant = np.float32([[1.0, 0.0], [0.42, 1.06]])
    return _thrown(setting, [((shape - middle) @ slant.T) * unit + centre for shape in shapes], 0.010 * unit)


def _blinds(setting: Setting) -> np.ndarray:
    """Slats, a hand apart, softer the farther they are from the window: float32 (h, w)."""
    unit = _span(setting)
    x, y = _middle(setting)
    shapes = []
    for slat in range(-9, 10):
        top = slat * 0.075
        corners = np.float32([(-0.46, top), (0.46, top + 0.10), (0.46, top + 0.139), (-0.46, top + 0.037)])
        shapes.append(corners * unit + np.float32([x + 0.02 * unit, y]))
    return _thrown(setting, shapes, 0.009 * unit)


def _leaves(setting: Setting) -> np.ndarray:
    """Branches before a lamp, some near the wall and some far from it: float32 (h, w)."""
    unit = _span(setting)
    x, y = _middle(setting)
    random = np.random.default_rng(0x1EAF)
    out = np.ones((setting.height, setting.width), np.float32)
    # Branches come in from the upper corners and hang towards the middle: where faces are, mostly light is left.
    for depth, (softness, count, density) in enumerate(((0.007, 5, 0.55), (0.018, 4, 0.45))):
        shapes = []
        for _ in range(count):
            side = -1 if random.random() < 0.65 else 1
            at = np.array([x + side * unit * random.uniform(0.30, 0.62), y - unit * random.uniform(0.30, 0.66)])
            heading = np.radians(random.uniform(35, 80)) if side < 0 else np.radians(random.uniform(100, 145))
            for step in range(13):
                heading += random.normal(0, 0.07)
                at = at + unit * 0.045 * np.array([np.cos(heading), np.sin(heading)])
                size = unit * random.uniform(0.055, 0.10) * (1 - 0.03 * step)
                for turn in (-1, 1):
                    shapes.append(
                        _leaf(at, heading + turn * random.uniform(0.5, 1.1), size, random.uniform(0.16, 0.30))
                    )
        out *= 1 - density * _thrown(setting, shapes, (softness + 0.004 * depth) * unit)
    return out


def _leaf(at: np.ndarray, heading: float, length: float, width: float) -> np.ndarray:
    """A pointed leaf as a polygon, float32 (n, 2)."""
    t = np.linspace(0, 1, 10)
    half = width * length * np.sin(np.pi * t**0.8) * 0.9
    along = np.concatenate([t, t[::-1]]) * length
    across = np.concatenate([half, -half[::-1]])
    cos, sin = np.cos(heading), np.sin(heading)
    return np.column_stack([at[0] + along * cos - across * sin, at[1] + along * sin + across * cos]).astype(np.float32)


_PATTERNS = {"window": _window, "leaves": _leaves, "blinds": _blinds}


def _span(setting: Setting) -> float:
    """What the light covers, in pixels: somewhat more than the picture's shorter side, or a standing figure's half."""
    return 1.15 * min(setting.width, setting.height)


def _middle(setting: Setting) -> tuple[float, float]:
    """Beside the heads, away from the key: where light that passes them would fall."""
    face = setting.face
    return face.left + face.width / 2, face.top + 1.2 * setting.head


def _thrown(setting: Setting, shapes: list[np.ndarray], softness: float) -> np.ndarray:
    """Polygons as light, float32 (h, w), 0 to 1, with a penumbra: drawn at a quarter, because nothing in it is sharp.

    A lamp has a size: the penumbra is a disc's, twice, so that its edges have no corner."""
    quarter = 4
    high, wide = -(-setting.height // quarter), -(-setting.width // quarter)
    mask = np.zeros((high, wide), np.uint8)
    for shape in shapes:
        cv2.fillPoly(mask, [np.round(shape / quarter * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(softness / quarter, 1.0))
    # Some of the light is scattered by glass and dust on its way.
    soft = 0.88 * soft + 0.12 * cv2.GaussianBlur(soft, (0, 0), max(6 * softness / quarter, 3.0))
    return np.clip(cv2.resize(soft, (setting.width, setting.height), interpolation=cv2.INTER_CUBIC), 0, 1)


def _smooth(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def grain(shape: tuple[int, int], spread: float, seed: int) -> np.ndarray:
    """Film-like grain, float32 (h, w, 3): normal, a little soft, mostly luminance; ``spread`` in sRGB levels."""
    random = np.random.default_rng(0x7B00C + seed)
    luminance = random.standard_normal(shape, np.float32)[..., None]
    colour = random.standard_normal((*shape, 3), np.float32)
    noise = cv2.GaussianBlur(0.85 * luminance + 0.35 * colour, (0, 0), 0.55)
    return noise * (spread / max(float(noise.std()), 1e-6))
