"""Putting her in front of something else: the scene made to fit the plate, and the composite itself.

Foreground colours are estimated by multi-level estimation (Germer et al., "Fast multi-level foreground estimation",
2020), so that no backdrop is left in the hair; everything is added up in linear light.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...domain.twin import PlateFacts
from ...vision.backdrop import behind
from ...vision.skin import lab_to_linear, to_linear, to_srgb
from .studio import full_length, grain

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


def fitted_scene(scene_rgb_srgb: np.ndarray, facts: PlateFacts) -> np.ndarray:
    """A photograph of a place, as the plate's camera would have seen it: linear light float32 (h, w, 3).

    It covers the plate's canvas. A full figure gets the picture's lower edge, where the floor is, under her feet. The
    closer the camera is to her, the larger and the softer the place behind her.
    """
    closeness = float(np.clip((facts.face.height / facts.height - 0.08) / 0.27, 0, 1))
    zoom = 1.0 if full_length(facts) else 1.0 + 0.25 * closeness
    high, wide = scene_rgb_srgb.shape[:2]
    scale = max(facts.width / wide, facts.height / high) * zoom
    size = max(round(wide * scale), facts.width), max(round(high * scale), facts.height)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(np.ascontiguousarray(scene_rgb_srgb[..., :3]), size, interpolation=method)
    left = (size[0] - facts.width) // 2
    spare = size[1] - facts.height
    top = spare if full_length(facts) else round(spare * 0.4)
    linear = to_linear(picture[top : top + facts.height, left : left + facts.width])
    # Never quite as sharp as she is: the plane of focus goes through her eyes.
    blur = facts.height * (0.0008 + 0.010 * closeness)
    return _defocused(linear, blur)


def composite(
    rgb_srgb: np.ndarray,
    alpha: np.ndarray,
    facts: PlateFacts,
    scene: np.ndarray,
    seed: int = 0,
    own_srgb: np.ndarray | None = None,
) -> np.ndarray:
    """Her, from the plate, in front of ``scene`` (linear light float32 (h, w, 3)): uint8 sRGB (h, w, 3).

    Where alpha is 255 the plate's pixels stay as they are, bit for bit. Where the figure stands on a floor, the
    shadow she cast in the studio falls on the scene's floor. ``own_srgb`` stands in for `own_colours` of the plate
    when they have been changed on the way (another colourway).
    """
    if own_srgb is None:
        own_srgb = own_colours(rgb_srgb, alpha)
    opaque = alpha == 255
    cover = alpha.astype(np.float32)[..., None] / 255
    foreground = to_linear(own_srgb)
    scene = _grained(scene, rgb_srgb, alpha, seed)
    if full_length(facts):
        scene = scene * _shadow(rgb_srgb, alpha, facts)[..., None]
    wrapped = _wrapped(foreground, alpha, scene, facts)
    mixed = to_srgb(wrapped * cover + scene * (1 - cover))
    mixed[opaque] = own_srgb[opaque]
    return mixed


def own_colours(rgb_srgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Her own colours, also where backdrop shines through: uint8 sRGB (h, w, 3), the plate's where alpha is 255."""
    from pymatting.foreground.estimate_foreground_ml import estimate_foreground_ml

    out = rgb_srgb.copy()
    edge = (alpha > 0) & (alpha < 255)
    if not edge.any():
        return out
    rows, columns = np.flatnonzero(edge.any(axis=1)), np.flatnonzero(edge.any(axis=0))
    # Estimated in coded values: there a step means the same in dark hair as in a pale sleeve.
    window = np.s_[max(rows[0] - 24, 0) : rows[-1] + 25, max(columns[0] - 24, 0) : columns[-1] + 25]
    coded = rgb_srgb[window].astype(np.float32) / 255
    own = estimate_foreground_ml(
        coded, alpha[window].astype(np.float32) / 255, n_small_iterations=6, n_big_iterations=2
    )
    own = (np.clip(own, 0, 1) * 255 + 0.5).astype(np.uint8)
    # Beyond her outline too, a little: whoever works on these colours next looks at neighbours.
    hers = alpha[window] == 255
    out[window] = np.where(hers[..., None], rgb_srgb[window], own)
    return out


def _grained(scene: np.ndarray, rgb_srgb: np.ndarray, alpha: np.ndarray, seed: int) -> np.ndarray:
    """The scene with the plate's grain on it, and at least enough to keep a gradient from banding."""
    grey = cv2.cvtColor(rgb_srgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.2))[alpha == 0]
    spread = float(np.clip(1.4826 * np.median(detail) * 1.15, 0.6, 4.0)) if detail.size else 1.0
    coded = np.where(scene <= 0.0031308, scene * 12.92, 1.055 * np.power(np.maximum(scene, 1e-6), 1 / 2.4) - 0.055)
    coded = np.clip(coded + grain(scene.shape[:2], spread, seed) / 255, 0, 1)
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _wrapped(foreground: np.ndarray, alpha: np.ndarray, scene: np.ndarray, facts: PlateFacts) -> np.ndarray:
    """A trace of the scene's light on the soft edge, as a lens would spread it; opaque pixels don't take part."""
    sigma = max(0.012 * facts.face.height, 1.5)
    spread = cv2.GaussianBlur(scene, (0, 0), 3 * sigma)
    share = 0.18 * (1 - alpha.astype(np.float32)[..., None] / 255)
    return foreground * (1 - share) + spread * share


def _shadow(rgb_srgb: np.ndarray, alpha: np.ndarray, facts: PlateFacts) -> np.ndarray:
    """How much of the light reaches the floor, float32 (h, w), 1 where all does.

    The shadow in the plate is the true one, so it is taken over: the plate's floor divided by the backdrop without
    her. A narrow contact shadow is added where soles meet the floor, because a matte always ends a little above.
    """
    high, wide = alpha.shape
    figure, feet = facts.person.height, facts.person.bottom
    linear = to_linear(rgb_srgb) @ _LUMINANCE
    clean = np.clip(lab_to_linear(behind(rgb_srgb, alpha).lab(wide, high)), 1e-3, None).astype(np.float32) @ _LUMINANCE
    free = cv2.erode((alpha < 8).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    ratio = np.clip(linear / clean, 0.15, 1.0)
    # Under and beside the soles the ratio is continued from the floor around them.
    sigma = max(0.006 * figure, 1.5)
    total = cv2.GaussianBlur(free, (0, 0), sigma)
    ratio = np.where(total > 0.02, cv2.GaussianBlur(ratio * free, (0, 0), sigma) / np.maximum(total, 1e-3), 1.0)
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    centre = facts.person.left + facts.person.width / 2
    zone = _ramp((y - (feet - 0.13 * figure)) / (0.05 * figure)) * (1 - _ramp((y - feet) / (0.09 * figure)))
    zone *= 1 - _ramp((np.abs(x - centre) - 0.25 * figure) / (0.12 * figure))
    cast = 1 - zone * (1 - np.clip(ratio * 1.03, 0, 1))
    soles = np.zeros((high, wide), np.float32)
    band = slice(max(round(feet - 0.035 * figure), 0), min(feet + 1, high))
    soles[band] = alpha[band].astype(np.float32) / 255
    drop = np.float32([[1, 0, 0], [0, 1, 0.006 * figure]])
    soles = cv2.warpAffine(soles, drop, (wide, high))
    tight = cv2.GaussianBlur(soles, (0, 0), 0.006 * figure, sigmaY=0.003 * figure)
    wide_shadow = cv2.GaussianBlur(soles, (0, 0), 0.03 * figure, sigmaY=0.010 * figure)
    contact = (1 - 0.45 * np.clip(tight * 1.2, 0, 1)) * (1 - 0.28 * np.clip(wide_shadow * 1.6, 0, 1))
    return np.minimum(cast, 1) * contact


def _defocused(linear: np.ndarray, radius: float) -> np.ndarray:
    """Blurred by a disc, as a lens does it, in linear light."""
    if radius < 0.7:
        return linear
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return cv2.filter2D(linear, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)


def _ramp(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
