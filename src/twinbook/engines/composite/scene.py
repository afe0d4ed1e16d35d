"""Putting people in front of something else: a place made to fit them, and the composite itself.

Foreground colours are estimated by multi-level estimation (Germer et al., "Fast multi-level foreground estimation",
2020), so that no backdrop is left in the hair; everything is added up in linear light.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ...domain.errors import EngineRefused
from ...vision.skin import to_linear, to_srgb
from . import floor, light, optics
from .placement import Placed, Setting

# A scene's horizon may miss where the camera must have been by so much of the picture's height before it is told.
_TOLD = 0.06
# Of the picture's height: the radius of a point's blur at infinity in a full-length picture (50 mm, f/4, from 4 m).
_FARTHEST = 0.0022
_MOST_ZOOM = 1.7  # a larger detail of a scene than that shows its pixels


@dataclass(frozen=True)
class Layer:
    """One talent's plate on its way into a picture: her place, the plate (uint8 sRGB (h, w, 3)), her matte (uint8 (h, w)) and
    her own colours without the backdrop in them (`own_colours`, changed or not by what was done before)."""

    placed: Placed
    rgb_srgb: np.ndarray
    alpha: np.ndarray
    own_srgb: np.ndarray


def fitted_scene(
    scene_rgb_srgb: np.ndarray, setting: Setting, layers: Sequence[Layer] = ()
) -> tuple[np.ndarray, Mapping[str, str]]:
    """A photograph of a place as a camera would have seen it behind these people: linear light float32 (h, w, 3), and what
    was done to it, in words.

    It covers the picture, with its horizon where the camera was, so that whoever stands in it stands on its floor and
    is as high as people are. The closer the camera is to them, the larger and the softer the place. With ``layers`` it
    is brought to their light, and mirrored when it is lit from the other side. Raises EngineRefused ``engine.figure``
    when there is no floor under their feet.
    """
    picture = np.ascontiguousarray(scene_rgb_srgb[..., :3])
    told = {}
    hers = [light.side_of_her(layer.rgb_srgb, layer.alpha) for layer in layers]
    if hers:
        side, sides = light.side_of_scene(to_linear(picture)), float(np.mean(hers))
        if side * sides < 0 and min(abs(side), abs(sides)) > light.SIDED:
            if light.lettering(picture):
                told["light"] = "the scene is lit from the other side; with writing in it, it wasn't mirrored"
            else:
                picture, told["light"] = np.ascontiguousarray(picture[:, ::-1]), "the scene is mirrored"
    seen = floor.outlook(picture)
    told["horizon"] = seen.told
    closeness = float(np.clip((setting.head / setting.height - 0.08) / 0.27, 0, 1))
    size, left, top = _laid(picture.shape[:2], seen, setting, 1.0 if setting.standing else 1.0 + 0.25 * closeness)
    missed = abs(seen.horizon * size[1] - top - setting.horizon) / setting.height
    if missed > _TOLD:
        told["horizon"] += f"; it lies {missed:.0%} of the height from where the camera was"
    if setting.standing and seen.floor is not None:
        standing = setting.person.bottom
        if seen.floor * size[1] - top > standing - 0.02 * setting.person.height:
            raise EngineRefused("engine.figure", "the feet would be above where the floor of this scene begins")
    method = cv2.INTER_AREA if size[0] < picture.shape[1] else cv2.INTER_CUBIC
    picture = cv2.resize(picture, size, interpolation=method)
    picture = np.ascontiguousarray(picture[top : top + setting.height, left : left + setting.width])
    linear = to_linear(picture)
    if layers:
        linear = light.harmonised(linear, *_sampled(layers))
        linear = optics.softened(linear, optics.spread_of(picture), _sharpness(layers))
    if setting.standing and seen.floor is not None:
        horizon, edge = seen.horizon * size[1] - top, seen.floor * size[1] - top
        linear = optics.defocused_with_depth(
            linear, setting.height * _FARTHEST, horizon, edge, float(setting.person.bottom)
        )
        return linear, told
    # Never quite as sharp as they are: the plane of focus goes through the eyes.
    return optics.defocused(linear, setting.height * (0.0008 + 0.010 * closeness)), told


def _sharpness(layers: Sequence[Layer]) -> float | None:
    """How far the sharpest edges of the plates spread in the picture, pixels; None where they show none."""
    found = [(optics.spread_of(layer.rgb_srgb), layer.placed.scale) for layer in layers]
    known = [spread * scale for spread, scale in found if spread is not None]
    return float(np.mean(known)) if known else None


def _laid(
    shape: tuple[int, int], seen: floor.Outlook, setting: Setting, zoom: float
) -> tuple[tuple[int, int], int, int]:
    """The scene's size, and the corner of the picture in it. As little enlarged as puts its horizon right; no more than can
    be looked at."""
    high, wide = shape
    cover = max(setting.width / wide, setting.height / high) * zoom
    above, below = max(setting.horizon, 0), max(setting.height - setting.horizon, 0)
    needed = max(above / max(seen.horizon, 0.05), below / max(1 - seen.horizon, 0.05)) / high
    scale = min(max(cover, needed), cover * _MOST_ZOOM)
    size = max(round(wide * scale), setting.width), max(round(high * scale), setting.height)
    top = min(max(round(seen.horizon * size[1] - setting.horizon), 0), size[1] - setting.height)
    return size, (size[0] - setting.width) // 2, top


def _sampled(layers: Sequence[Layer]) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of the plates, linear light (n, 3), and which are of people."""
    pixels, hers = [], []
    for layer in layers:
        step = max(min(layer.alpha.shape) // 120, 1)
        pixels.append(to_linear(layer.rgb_srgb[::step, ::step]).reshape(-1, 3))
        hers.append((layer.alpha[::step, ::step] > 250).ravel())
    return np.concatenate(pixels), np.concatenate(hers)


@dataclass(frozen=True)
class Composed:
    """The picture, uint8 sRGB (h, w, 3); everybody's matte in it, uint8 (h, w); where it isn't a plate's own, bool (h, w)."""

    rgb_srgb: np.ndarray
    alpha: np.ndarray
    altered: np.ndarray


def composite(setting: Setting, layers: Sequence[Layer], scene: np.ndarray, seed: int = 0) -> Composed:
    """Everybody, from their plates, in front of ``scene`` (linear light float32 (h, w, 3)).

    Where a matte is 255 the plate's pixels stay as they are, bit for bit at scale 1, else as resampling leaves them.
    Where figures stand on a floor, the shadows they cast in the studio fall on the scene's floor.
    """
    shape = setting.height, setting.width
    plates = [optics.grain_of(layer.rgb_srgb, layer.alpha == 0, layer.placed.scale) for layer in layers]
    scene = optics.grained(scene, plates, seed)
    if setting.standing:
        for layer in layers:
            window, inner = _windows(layer.placed, shape)
            scene[window] *= _scaled(floor.shadow(layer.rgb_srgb, layer.alpha, layer.placed), layer.placed)[inner][
                ..., None
            ]
    by_talent = {layer.placed.talent: layer for layer in layers}
    sigma = max(0.012 * setting.head, 1.5)
    spread = _spread(scene, 3 * sigma)
    mixed, out = scene, to_srgb(scene)
    alpha, altered = np.zeros(shape, np.uint8), np.ones(shape, bool)
    for placed in setting.from_the_back:
        layer = by_talent[placed.talent]
        window, inner = _windows(placed, shape)
        own, plain, cover = (part[inner] for part in _resampled(layer))
        share = cover.astype(np.float32)[..., None] / 255
        # A trace of the scene's light on the soft edge, as a lens would spread it; opaque pixels don't take part.
        wrap = 0.18 * (1 - share)
        mixed[window] = (to_linear(own) * (1 - wrap) + spread[window] * wrap) * share + mixed[window] * (1 - share)
        touched = cover > 0
        out[window][touched] = to_srgb(mixed[window][touched])
        out[window][cover == 255] = own[cover == 255]
        altered[window][touched] = (out[window] != plain).any(axis=2)[touched]
        alpha[window] = np.maximum(alpha[window], cover)
    return Composed(out, alpha, altered)


def _spread(linear: np.ndarray, sigma: float) -> np.ndarray:
    """Blurred, from a smaller copy where the blur leaves nothing that would need more."""
    high, wide = linear.shape[:2]
    fewer = max(int(sigma / 4), 1)
    small = cv2.resize(linear, (max(wide // fewer, 1), max(high // fewer, 1)), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / fewer), (wide, high), interpolation=cv2.INTER_LINEAR)


def _windows(placed: Placed, shape: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a plate lies in the picture, and which part of it lies there."""
    wide, high = _size(placed)
    left, top = max(placed.left, 0), max(placed.top, 0)
    right, bottom = min(placed.left + wide, shape[1]), min(placed.top + high, shape[0])
    there = np.s_[top:bottom, left:right]
    return there, np.s_[top - placed.top : bottom - placed.top, left - placed.left : right - placed.left]


def _size(placed: Placed) -> tuple[int, int]:
    return round(placed.facts.width * placed.scale), round(placed.facts.height * placed.scale)


def _scaled(values: np.ndarray, placed: Placed) -> np.ndarray:
    return values if placed.scale == 1 else cv2.resize(values, _size(placed), interpolation=cv2.INTER_AREA)


def _resampled(layer: Layer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Her own colours, the plate and her matte at her scale, all uint8. Made smaller in linear light, as a lens farther
    away would have done."""
    if layer.placed.scale == 1:
        return layer.own_srgb, layer.rgb_srgb, layer.alpha
    cover = layer.alpha.astype(np.float32)[..., None] / 255
    share = _scaled(cover, layer.placed)[..., None]
    own = _scaled(to_linear(layer.own_srgb) * cover, layer.placed) / np.maximum(share, 1e-4)
    plain = to_srgb(_scaled(to_linear(layer.rgb_srgb), layer.placed))
    alpha = (share[..., 0] * 255 + 0.5).astype(np.uint8)
    own = to_srgb(own)
    # Where nothing was done to her, the plate itself made smaller: premultiplying rounds differently.
    same = _scaled((layer.own_srgb != layer.rgb_srgb).any(axis=2).astype(np.float32), layer.placed) == 0
    whole = same & (alpha == 255)
    own[whole] = plain[whole]
    return own, plain, alpha


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
