"""A garment lifted off a plate as light and shading, to be put back in another colour or another cloth.

Shading is the ratio of a pixel's light to the garment's mid-tone, in linear light. Whatever dye is laid under it keeps
the folds, the seams and the weave that the photograph has.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from ...vision.cloth import disc
from ...vision.garment import statistics
from ...vision.skin import lab, linear_to_lab, to_linear

_FOLD = 10.0  # pixels
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True, eq=False)
class Cloth:
    """The garment in a ``window`` (two slices) of the picture. ``share`` is how much of each pixel it is (float32
    (h, w)), ``own`` its own colour and ``behind`` what it is mixed with at the edge (linear, (h, w, 3)), ``light`` its
    luminance (linear, (h, w)). ``middle``, ``low``, ``high`` and ``brightest`` are the median, the ends and the
    99th percentile of its light."""

    window: tuple[slice, slice]
    share: np.ndarray
    own: np.ndarray
    behind: np.ndarray
    light: np.ndarray
    middle: float
    low: float
    high: float
    brightest: float

    def shaded(self, dye: np.ndarray) -> np.ndarray:
        """The garment's linear light over a dye, linear (3,) or, pixel by pixel, (h, w, 3): met where the light is its
        mid-tone."""
        stops = np.log2(np.maximum(self.light, 1e-5) / self.middle)
        # Pale cloth fills its own folds with light, dark cloth doesn't: between the two, the range of the shading (in
        # stops) is moved towards what the new colour would show. Between similar lightnesses nothing is remapped.
        range_now = max(float(np.log2(max(self.high, 1e-4) / max(self.low, 1e-4))), 0.2)
        new_light = np.asarray(dye @ LUMINANCE, np.float32)
        now = float(linear_to_lab(np.full(3, self.middle))[0])
        lightness = _lightness(new_light)
        wanted = 0.9 + 1.6 * (1 - lightness / 100)
        change = np.minimum(np.abs(lightness - now) / 60, 1.0)
        gamma = np.clip(wanted / range_now, 0.3, 1.8) ** change
        # Above a pale colour there is little room: the lit side of folds is drawn together into it, not clipped, and
        # evenly, so that what was brighter stays brighter.
        most = max(float(np.log2(max(self.brightest, 1e-4) / self.middle)), 0.05)
        room = np.log2(1.0 / np.clip(np.max(dye, axis=-1), 0.05, 0.97))
        lit = np.minimum(gamma, room / most)
        # Sheen on dark cloth spans stops in the large, folds don't in the small: where both would be drawn together, the
        # large is, and folds keep what room there is (base and detail: Durand and Dorsey 2002).
        broad = self._broad(stops)
        bend = 0.06  # stops over which one slope becomes the other
        above = np.maximum(broad, 0)
        curved = np.where(broad > 0, lit * above + (gamma - lit) * bend * (1 - np.exp(-above / bend)), gamma * broad)
        fine = stops - broad
        stops = curved + fine * np.cbrt(gamma**2 * lit)
        # What rises above the room bends into it.
        knee = 0.7 * room
        over = np.maximum(stops - knee, 0) / np.maximum(room - knee, 1e-3)
        stops = np.where((stops > knee) & (lit < gamma), knee + (room - knee) * (1 - np.exp(-over)), stops)
        shading = np.exp2(stops).astype(np.float32)
        # The sheen of dark cloth is added light, not lighter dye: it stays, without the old colour.
        sheen = np.clip(shading - 1.6, 0, None)
        out = dye * np.minimum(shading, 1.6 + 0.5 * sheen)[..., None]
        dark = np.clip((0.05 - new_light) / 0.05, 0, 1)
        return (out + (0.02 * np.clip(shading - 1.0, 0, 2.0) * dark)[..., None]).astype(np.float32)

    def _broad(self, stops: np.ndarray) -> np.ndarray:
        """The shading without its folds: float32 (h, w), of the garment alone."""
        weight = (self.share > 0.5).astype(np.float32)
        near = cv2.GaussianBlur(weight, (0, 0), _FOLD)
        carried = cv2.GaussianBlur((stops * weight).astype(np.float32), (0, 0), _FOLD) / np.maximum(near, 1e-3)
        return np.where(near > 0.05, carried, stops)

    def put_back(self, rgb_srgb: np.ndarray, cloth: np.ndarray, cover: np.ndarray | None = None) -> np.ndarray:
        """The picture with this garment in it, linear (h, w, 3) in the window. Where the garment isn't, and where
        ``cover`` (float (h, w)) is 0, every pixel is the picture's own; between, the garment's own cloth shows."""
        laid = cloth if cover is None else cloth * cover[..., None] + self.own * (1 - cover[..., None])
        share = self.share[..., None]
        mixed = _dithered(laid * share + self.behind * (1 - share))
        touched = self.share > 0.004
        if cover is not None:
            touched &= cover > 0.002
        out = rgb_srgb.copy()
        out[self.window][touched] = mixed[touched]
        return out


def lifted(
    rgb_srgb: np.ndarray, garment: np.ndarray, outline: np.ndarray | None = None, *, plain: bool = False
) -> Cloth | None:
    """Lift the garment, ``garment`` (float32 (h, w)) of each pixel, off a picture, uint8 sRGB (h, w, 3); None for none.

    At the edge its own colour and what is behind are separated first (Germer et al. 2020), so that no seam of the old
    colour is left. ``outline`` is her matte (uint8), where there is one: along it the old backdrop's light is kept out.
    With ``plain`` stripes, checks and prints of the old cloth are taken out of its shading.
    """
    from pymatting.foreground.estimate_foreground_ml import estimate_foreground_ml

    rows, columns = np.flatnonzero((garment > 0).any(axis=1)), np.flatnonzero((garment > 0).any(axis=0))
    if not len(rows):
        return None
    window = np.s_[max(rows[0] - 16, 0) : rows[-1] + 17, max(columns[0] - 16, 0) : columns[-1] + 17]
    coded = rgb_srgb[window].astype(np.float32) / 255
    own, behind = estimate_foreground_ml(
        coded, garment[window].astype(np.float32), n_small_iterations=6, n_big_iterations=2, return_background=True
    )
    solid = garment[window] > 0.995
    own[solid] = coded[solid]
    own_srgb = (np.clip(own, 0, 1) * 255 + 0.5).astype(np.uint8)
    own = to_linear(own_srgb)
    light = own @ LUMINANCE
    if outline is not None:
        light = _without_backdrop_light(light, garment[window], outline[window])
    if plain:
        light = _without_pattern(light, own_srgb, garment[window] > 0.9)
    inside = light[garment[window] > 0.9]
    if inside.size <= 50:
        inside = light[garment[window] > 0.5]
    if not inside.size:
        inside = light.ravel()
    low, high, brightest = np.percentile(inside, (4, 96, 99))
    return Cloth(
        window,
        garment[window].astype(np.float32),
        own,
        to_linear((np.clip(behind, 0, 1) * 255 + 0.5).astype(np.uint8)),
        light,
        max(float(np.median(inside)), 1e-4),
        float(low),
        float(high),
        float(brightest),
    )


def _dithered(rgb_linear: np.ndarray) -> np.ndarray:
    """uint8 sRGB, rounded up or down by chance (always the same): in black cloth a step of 8 bits is a whole fold."""
    x = np.clip(rgb_linear, 0, 1)
    coded = np.where(x <= 0.0031308, x * 12.92, 1.055 * np.power(x, 1 / 2.4) - 0.055) * 255
    chance = np.random.default_rng(20).random(coded.shape[:2], np.float32)[..., None]
    return np.clip(np.floor(coded + chance), 0, 255).astype(np.uint8)


def _lightness(luminance: np.ndarray) -> np.ndarray:
    """CIE L* of linear luminance."""
    t = np.asarray(luminance, np.float32)
    return np.where(t > (6 / 29) ** 3, 116 * np.cbrt(t) - 16, t * (29 / 3) ** 3)


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


def _without_pattern(light: np.ndarray, own_srgb: np.ndarray, core: np.ndarray) -> np.ndarray:
    """The light as if the cloth were of one dye: divided by how light the dye of each pixel is. Plain cloth is left."""
    read = statistics(own_srgb, core)
    if read is None or read.kind == "plain" or len(read.dyes) < 2:
        return light
    dyes = np.float32([dye.lab for dye in read.dyes if dye.share > 0.03])
    shades = np.float32([dye.share for dye in read.dyes if dye.share > 0.03])
    values = lab(own_srgb).astype(np.float32)
    off = ((values[..., None, :] - dyes) * np.float32([0.7, 1, 1])) ** 2
    weight = np.exp(-off.sum(axis=-1) / (2 * 9.0**2)) + 1e-6
    luminances = ((dyes[:, 0] + 16) / 116) ** 3
    dye_light = np.exp((weight * np.log(luminances)).sum(axis=-1) / weight.sum(axis=-1))
    middle = float(np.exp((shades * np.log(luminances)).sum() / shades.sum()))
    return (light * middle / np.maximum(dye_light, 1e-3)).astype(np.float32)
