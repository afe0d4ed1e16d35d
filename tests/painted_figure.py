"""A person drawn with known alpha: skin, hair strands, tee, trousers and shoes, on paper lit unevenly.

Drawn three times as large and averaged down, so that edges and strands have true partial coverage.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from twinbook.domain.twin import Backdrop, Box, PlateFacts
from twinbook.ports import Plate
from twinbook.vision.skin import lab, to_linear, to_srgb

SKIN, HAIR, TEE, TROUSERS, SHOES = (198, 152, 128), (58, 38, 28), (70, 96, 120), (52, 56, 84), (60, 44, 38)
_SUPER = 3


@dataclass(frozen=True)
class Figure:
    """``rgb_srgb`` on the backdrop, the true ``alpha`` (float, 0 to 1), where skin, tee and trousers are (bool)."""

    rgb_srgb: np.ndarray
    alpha: np.ndarray
    face: Box
    skin: np.ndarray
    tee: np.ndarray
    trousers: np.ndarray
    gap: np.ndarray
    hair: np.ndarray


@cache
def paint(
    high=720, tee=TEE, paper=(205, 204, 202), strands=140, grain=0.8, full=True, shadow=True, crossed=None
) -> Figure:
    """``crossed`` lays the arms over each other before the chest, ``sleeved`` in the tee's cloth or ``bare``."""
    wide = high * 2 // 3
    big = high * _SUPER
    unit = big / (8.6 if full else 3.4)  # one head
    size = wide * _SUPER, big
    cx, top = size[0] / 2, 0.45 * unit if full else 0.35 * unit
    random = np.random.default_rng(4)
    layers = []

    def layer(colour, draw):
        mask = np.zeros((big, size[0]), np.uint8)
        draw(mask)
        layers.append((np.array(colour, np.uint8), mask > 0))

    def poly(*points):
        scaled = np.array([(cx + x * unit, top + y * unit) for x, y in points])
        return lambda mask: cv2.fillPoly(mask, [scaled.round().astype(np.int32)], 1)

    def ellipse(x, y, rx, ry):
        centre, axes = (round(cx + x * unit), round(top + y * unit)), (round(rx * unit), round(ry * unit))
        return lambda mask: cv2.ellipse(mask, centre, axes, 0, 0, 360, 1, -1)

    def hair_strands(mask):
        for angle in random.uniform(-2.7, -0.45, strands):
            start = np.array([cx + 0.33 * unit * np.cos(angle), top + 0.45 * unit + 0.42 * unit * np.sin(angle)])
            bend = angle + random.normal(0, 0.35)
            end = start + unit * random.uniform(0.08, 0.24) * np.array([np.cos(bend), np.sin(bend)])
            cv2.line(mask, tuple(start.round().astype(int).tolist()), tuple(end.round().astype(int).tolist()), 1, 3)

    layer(HAIR, ellipse(0, 0.42, 0.42, 0.48))
    layer(HAIR, hair_strands)
    for side in (-1, 1) if crossed is None else ():
        layer(SKIN, poly((side * 0.75, 2.0), (side * 1.02, 2.1), (side * 1.16, 4.0), (side * 0.98, 4.0)))
        layer(SKIN, ellipse(side * 1.06, 4.1, 0.13, 0.22))
    for side in (-1, 1):
        if full:
            layer(SHOES, ellipse(side * 0.42, 7.72, 0.22, 0.12))
            layer(
                TROUSERS,
                poly((0.0, 3.7), (side * 0.62, 3.7), (side * 0.56, 7.65), (side * 0.26, 7.65), (side * 0.06, 4.3)),
            )
    if not full:
        layer(TROUSERS, poly((-0.62, 3.5), (0.62, 3.5), (0.62, 8), (-0.62, 8)))
    layer(SKIN, poly((-0.17, 0.8), (0.17, 0.8), (0.2, 1.3), (-0.2, 1.3)))
    layer(
        tee,
        poly(
            (-0.22, 1.2),
            (0.22, 1.2),
            (0.85, 1.38),
            (1.06, 2.15),
            (0.76, 2.2),
            (0.62, 3.8),
            (-0.62, 3.8),
            (-0.76, 2.2),
            (-1.06, 2.15),
            (-0.85, 1.38),
        ),
    )
    forearms = []
    if crossed is not None:
        sleeve = tee if crossed == "sleeved" else SKIN
        if crossed == "sleeved":  # a longer sleeve ends at the elbow's bend, the hand under the other arm
            for side in (-1, 1):
                layer(tee, poly((side * 0.6, 1.4), (side * 0.86, 1.4), (side * 1.1, 2.75), (side * 0.72, 2.85)))
        else:
            for side in (-1, 1):
                layer(SKIN, poly((side * 0.76, 2.1), (side * 1.02, 2.1), (side * 1.1, 2.75), (side * 0.72, 2.85)))
        for side, lift in ((-1, 0.06), (1, -0.06)):
            layer(
                sleeve,
                poly(
                    (side * 1.1, 2.7 + lift),
                    (side * 0.95, 2.98 + lift),
                    (-side * 0.62, 2.56 + lift),
                    (-side * 0.6, 2.28 + lift),
                ),
            )
            forearms.append(layers[-1][1])
            layer(SKIN, ellipse(-side * 0.66, 2.4 + lift, 0.17, 0.12))
            forearms.append(layers[-1][1])
    layer(SKIN, ellipse(0, 0.52, 0.31, 0.42))

    y, x = np.mgrid[0:big, 0 : size[0]].astype(np.float32)
    light = 1.0 - 0.10 * (x / size[0]) - 0.12 * np.abs(y / big - 0.4)
    picture = to_linear(np.array(paper, np.uint8)) * light[..., None]
    if full and shadow:
        floor = np.exp(-(((x - cx) / (1.2 * unit)) ** 2) - ((y - top - 7.85 * unit) / (0.16 * unit)) ** 2)
        picture *= (1 - 0.35 * floor)[..., None]
    folds = 1 + 0.16 * np.sin(x / unit * 9 + np.sin(y / unit * 3)) * np.cos(y / unit * 1.3)
    cover = np.zeros((big, size[0]), bool)
    owner = np.zeros((big, size[0]), np.uint8)
    for index, (colour, mask) in enumerate(layers, 1):
        shade = folds if tuple(colour) in (tuple(tee), TROUSERS) else 1 + 0.06 * np.sin(y / unit * 2)
        picture[mask] = (to_linear(colour) * shade[..., None])[mask] if shade.ndim == 2 else to_linear(colour)
        cover |= mask
        owner[mask] = index
        if any(mask is one for one in forearms):
            # An arm throws its shade on what is under it, and turns away from the light towards its own lower edge.
            down = np.float32([[1, 0, 0], [0, 1, 0.07 * unit]])
            thrown = cv2.warpAffine(mask.astype(np.float32), down, mask.shape[::-1])
            thrown = cv2.GaussianBlur(thrown, (0, 0), 0.035 * unit) * (cover & ~mask)
            picture *= (1 - 0.45 * thrown)[..., None]
            own = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3) / (0.13 * unit)
            picture[mask] *= (0.7 + 0.3 * np.sqrt(np.clip(own, 0, 1)))[mask][:, None]
    target = (wide, high)
    linear = cv2.resize(picture, target, interpolation=cv2.INTER_AREA)
    noise = random.normal(0, grain, (high, wide, 3)) if grain else 0
    rgb = np.clip(to_srgb(linear).astype(np.float32) + noise, 0, 255).round().astype(np.uint8)

    def share(mask):
        return cv2.resize(mask.astype(np.float32), target, interpolation=cv2.INTER_AREA)

    def of(*colours):
        wanted = [i for i, (colour, _) in enumerate(layers, 1) if tuple(colour) in [tuple(c) for c in colours]]
        return share(np.isin(owner, wanted)) > 0.99

    gap = np.zeros((big, size[0]), np.uint8)
    for side in (-1, 1):
        poly((side * 0.74, 2.6), (side * 0.9, 2.6), (side * 0.93, 3.6), (side * 0.68, 3.6))(gap)
    face = Box(*(round(v / _SUPER) for v in (cx - 0.33 * unit, top + 0.2 * unit, 0.66 * unit, 0.66 * unit)))
    return Figure(
        rgb, share(cover), face, of(SKIN), of(tee), of(TROUSERS), (share(gap) > 0.99) & (share(cover) == 0), of(HAIR)
    )


def plate_of(figure: Figure, alpha=True, photo="painted") -> Plate:
    """A plate of the figure; its matte is the true one. What a face detector would say is made up."""
    cover = (figure.alpha * 255 + 0.5).astype(np.uint8)
    high, wide = cover.shape
    rows, columns = np.flatnonzero((cover >= 64).any(axis=1)), np.flatnonzero((cover >= 64).any(axis=0))
    person = Box(int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    backdrop = Backdrop.PLAIN if alpha else Backdrop.BUSY
    facts = PlateFacts(f"id-{photo}", photo, wide, high, figure.face, person, backdrop, 9.0)
    f = figure.face
    relative = np.float32([[0.85, 0.3], [0.65, 0.3], [0.15, 0.3], [0.35, 0.3], [0.5, 0.6]])
    landmarks = relative * [f.width, f.height] + [f.left, f.top]
    skin = lab(np.uint8(SKIN)).astype(np.float64)
    return Plate(facts, figure.rgb_srgb, cover if alpha else None, landmarks.astype(np.float32), np.zeros(128), skin)
