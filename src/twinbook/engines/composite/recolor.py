"""Another colourway: dyeing the garment found by `vision.cloth` with its folds kept.

Shading is the ratio of a pixel's light to the garment's mid-tone, in linear light, and is laid over the new colour.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from ...vision.cloth import disc
from ...vision.skin import lab, to_linear, to_srgb

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


def recoloured(rgb_srgb: np.ndarray, garment: np.ndarray, to: str, outline: np.ndarray | None = None) -> np.ndarray:
    """The picture with the garment dyed to ``to`` (``#rrggbb``, met on its mid-tones): uint8 sRGB (h, w, 3).

    Pixels where ``garment`` is 0 are the plate's, bit for bit. At the edge the garment's own colour and what is
    behind are separated first, so that no seam of the old colour is left. ``outline`` is her matte (uint8), where there
    is one: along it the old backdrop's light is kept out of the dyed cloth.
    """
    from pymatting.foreground.estimate_foreground_ml import estimate_foreground_ml

    rows, columns = np.flatnonzero((garment > 0).any(axis=1)), np.flatnonzero((garment > 0).any(axis=0))
    if not len(rows):
        return rgb_srgb.copy()
    window = np.s_[max(rows[0] - 16, 0) : rows[-1] + 17, max(columns[0] - 16, 0) : columns[-1] + 17]
    share = garment[window][..., None]
    coded = rgb_srgb[window].astype(np.float32) / 255
    own, behind = estimate_foreground_ml(
        coded, garment[window].astype(np.float32), n_small_iterations=6, n_big_iterations=2, return_background=True
    )
    solid = garment[window] > 0.995
    own[solid] = coded[solid]
    target = to_linear(np.array([int(to[i : i + 2], 16) for i in (1, 3, 5)], np.uint8))
    own_linear = to_linear((np.clip(own, 0, 1) * 255 + 0.5).astype(np.uint8))
    light = own_linear @ _LUMINANCE
    if outline is not None:
        light = _without_backdrop_light(light, garment[window], outline[window])
    dyed = _dyed(light, garment[window], target)
    behind_linear = to_linear((np.clip(behind, 0, 1) * 255 + 0.5).astype(np.uint8))
    mixed = to_srgb(dyed * share + behind_linear * (1 - share))
    out = rgb_srgb.copy()
    touched = garment[window] > 0.004
    out[window][touched] = mixed[touched]
    return out


def _without_backdrop_light(light: np.ndarray, garment: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """The garment's light with no more of it along her outline than there is a few pixels further in.

    Lens, sharpening and JPEG let a pale backdrop glow some pixels into the cloth. In the old colour that is hardly
    seen; in a darker dye it would be a bright seam.
    """
    reach = 5
    hers = (outline >= 250).astype(np.uint8)
    inner = cv2.erode(hers, disc(reach), borderType=cv2.BORDER_REPLICATE) > 0
    inner &= garment > 0.9
    if not inner.any():
        return light
    distance, (rows, columns) = ndimage.distance_transform_edt(~inner, return_indices=True)
    carried = cv2.GaussianBlur(np.where(inner, light, light[rows, columns]), (0, 0), 1.5)
    beside = cv2.dilate((outline < 128).astype(np.uint8), disc(reach + 1)) > 0
    return np.where(beside & ~inner & (distance < 3 * reach), np.minimum(light, carried * 1.04), light)


def _dyed(light: np.ndarray, garment: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The garment's linear light in the new colour, folds kept."""
    inside = light[garment > 0.9] if (garment > 0.9).sum() > 50 else light[garment > 0.5]
    if not inside.size:
        inside = light.ravel()
    middle = max(float(np.median(inside)), 1e-4)
    low, high = np.percentile(inside, (4, 96))
    shading = np.maximum(light, 1e-5) / middle
    # Pale cloth fills its own folds with light, dark cloth doesn't: between the two, the range of the shading (in
    # stops) is moved towards what the new colour would show. Between similar lightnesses nothing is remapped.
    range_now = max(float(np.log2(max(high, 1e-4) / max(low, 1e-4))), 0.2)
    lightness = float(lab(to_srgb(target))[0]), float(lab(to_srgb(np.full(3, middle, np.float32)))[0])
    wanted = 1.0 + 1.5 * (1 - lightness[0] / 100)
    change = min(abs(lightness[0] - lightness[1]) / 60, 1.0)
    gamma = float(np.clip(wanted / range_now, 0.5, 1.7)) ** change
    shading = shading**gamma
    new_light = float(target @ _LUMINANCE)
    # The sheen of dark cloth is added light, not lighter dye: it stays, without the old colour.
    sheen = np.clip(shading - 1.6, 0, None)
    body = np.minimum(shading, 1.6 + 0.5 * sheen)
    out = target * body[..., None]
    if new_light < 0.05:
        out = out + 0.02 * np.clip(shading - 1.0, 0, 2.0)[..., None] * (0.05 - new_light) / 0.05
    # Towards white there is no room above: a shoulder instead of clipping.
    top = out.max(axis=-1, keepdims=True)
    knee = max(float(target.max()), 0.8)
    squeezed = knee + (1.02 - knee) * (1 - np.exp(-(top - knee) / max(1.02 - knee, 1e-3)))
    return np.where(top > knee, out * (squeezed / np.maximum(top, 1e-6)), out)
