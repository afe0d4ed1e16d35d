"""The built-in studio backdrops, drawn rather than photographed: seamless paper, one soft light, a floor.

Everything is linear light. Paper is a diffuse reflectance; what makes it look like paper in a studio is the light on
it: a pool behind her shoulders, fall-off towards the corners, and, when the floor is in the picture, a brighter floor
that rolls up into the wall.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...domain.twin import PlateFacts
from ...vision.skin import to_linear


@dataclass(frozen=True)
class Paper:
    """``colour`` is sRGB where the light is full; ``fall`` is what is lost towards the corners (0 to 1); ``floor`` is
    the floor's light relative to the wall's."""

    colour: str
    fall: float
    floor: float


PAPERS = {
    "warm-grey": Paper("#c9c2b9", 0.40, 1.10),
    "cool-grey": Paper("#bcc2c8", 0.42, 1.10),
    "white": Paper("#f4f3f1", 0.12, 1.02),
    "sand": Paper("#d9c4a3", 0.34, 1.08),
    "sage": Paper("#a9b39b", 0.38, 1.10),
    "terracotta": Paper("#b9694a", 0.42, 1.10),
    "night": Paper("#2b3140", 0.62, 1.25),
}


def studio_scene(name: str, facts: PlateFacts) -> np.ndarray:
    """A backdrop for this plate: linear light float32 (h, w, 3). ``name`` is one of `domain.brief.STUDIO_SCENES`."""
    paper = PAPERS[name]
    high, wide = facts.height, facts.width
    colour = to_linear(np.array([int(paper.colour[i : i + 2], 16) for i in (1, 3, 5)], np.uint8))
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    # The pool of light sits behind her shoulders, a little to the side of the key.
    cx = facts.face.left + facts.face.width * 0.5 - 0.10 * wide
    cy = facts.face.bottom + 0.8 * facts.face.height
    reach = 0.85 * float(np.hypot(wide, high))
    distance = np.hypot((x - cx) / reach, (y - cy) / (1.1 * reach))
    light = 1 - paper.fall * _smooth(distance / 0.95)
    if full_length(facts):
        light = _with_floor(light, facts, paper, y, x)
    # A lens loses light to the corners (cos⁴ law, weakly).
    radius = np.hypot((x - wide / 2) / wide, (y - high / 2) / high)
    light *= 1 - 0.10 * np.clip(radius / 0.71, 0, 1) ** 3
    scene = light[..., None] * colour
    # Light that fell off also reached the paper by way of the room: it comes back a little less saturated.
    grey = scene @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    lost = np.clip(1 - light, 0, 1)[..., None] * 0.15
    return (scene * (1 - lost) + grey[..., None] * lost).astype(np.float32)


def full_length(facts: PlateFacts) -> bool:
    """Whether she stands in the picture with her feet: the person ends above its lower edge."""
    return facts.person.bottom < facts.height - 0.012 * facts.height and facts.person.height > 4.5 * facts.face.height


def floor_line(facts: PlateFacts) -> float:
    """The row where wall meets floor: behind her calves for a camera at chest height."""
    return facts.person.bottom - 0.115 * facts.person.height


def _with_floor(light: np.ndarray, facts: PlateFacts, paper: Paper, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    line, figure = floor_line(facts), facts.person.height
    on_floor = _smooth((y - (line - 0.05 * figure)) / (0.11 * figure))
    # The roll of the paper turns away from the light and is a shade darker than both.
    cove = np.exp(-(((y - line) / (0.045 * figure)) ** 2)) * 0.05
    centre = facts.person.left + facts.person.width / 2
    near = 1 - 0.22 * _smooth(np.abs(x - centre) / (0.9 * facts.width))
    depth = np.clip((y - line) / max(facts.height - line, 1), 0, 1)
    floor = float(light[int(min(line, facts.height - 1)), int(np.clip(centre, 0, facts.width - 1))]) * paper.floor
    floor = floor * near * (1 - 0.10 * depth)
    return (light * (1 - on_floor) + floor * on_floor) * (1 - cove)


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
