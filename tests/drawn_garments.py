"""Packshots drawn with known outlines and known places of their parts: a tee, trousers, a skirt, a belt, a brooch."""

from dataclasses import dataclass

import cv2
import numpy as np

_SUPER = 3
# Places of a tee in hundredths of its picture, left half; the right is its mirror image about 50.
TEE = {
    "collar": (42, 14),
    "shoulder": (30, 19),
    "outer": (12, 40),
    "inner": (21, 45),
    "armpit": (31, 36),
    "hem": (31, 88),
}
TROUSERS = {"waist": (36, 8), "outer": (28, 94), "inner": (42, 94), "crotch": (50, 34)}


@dataclass(frozen=True)
class Drawn:
    """A packshot: ``rgb_srgb`` on paper, its true ``mask`` (bool), and where its parts are, (x, y) by name."""

    rgb_srgb: np.ndarray
    mask: np.ndarray
    marks: dict[str, tuple[float, float]]


def _both_sides(marks, side):
    at = {f"{name}_left": (x * side / 100, y * side / 100) for name, (x, y) in marks.items() if x != 50}
    return at | {f"{name}_right": ((100 - x) * side / 100, y * side / 100) for name, (x, y) in marks.items() if x != 50}


def _drawn(side, points, paint, paper, shadow, marks, extra=None):
    big = side * _SUPER
    mask = np.zeros((big, big), np.uint8)
    cv2.fillPoly(mask, [np.array([(x * big / 100, y * big / 100) for x, y in points]).round().astype(np.int32)], 1)
    y, x = np.mgrid[0:big, 0:big].astype(np.float32) / big * 100
    picture = np.full((big, big, 3), paper, np.float32)
    if shadow:
        soft = cv2.GaussianBlur(
            cv2.warpAffine(mask.astype(np.float32), np.float32([[1, 0, 40], [0, 1, 50]]), (big, big)), (0, 0), 28
        )
        picture *= (1 - shadow * soft)[..., None]
    picture[mask > 0] = paint(x, y)[mask > 0]
    if extra:
        extra(picture, big)
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(3).normal(0, 0.7, small.shape)
    cover = cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    return Drawn(np.clip(small + noise, 0, 255).round().astype(np.uint8), cover > 0.5, marks)


def plain(colour):
    return lambda x, y: (
        np.broadcast_to(np.float32(colour), (*x.shape, 3)) * (1 + 0.03 * np.sin(x * 0.9 + y * 0.3))[..., None]
    )


def striped(one, other, pitch=6):
    def paint(x, y):
        return np.where(((y // (pitch / 2)) % 2 == 0)[..., None], np.float32(one), np.float32(other))

    return paint


def tee(side=600, paint=None, paper=(250, 250, 250), shadow=0.12, hanger=False, length=0, sleeves=0.0):
    """``length`` moves the hem down, in hundredths; ``sleeves`` makes the sleeves longer, as a share, above 1 to
    the wrist."""
    marks = dict(TEE) | {"hem": (31, 88 + length)}
    if sleeves > 1:  # down to the wrist, hanging
        marks |= {"outer": (9, 74), "inner": (18, 77)}
    for name, root in () if sleeves > 1 else (("outer", "shoulder"), ("inner", "armpit")):
        (x, y), (rx, ry) = TEE[name], TEE[root]
        marks[name] = (x + sleeves * (x - rx), y + sleeves * (y - ry))
    half = [marks[name] for name in ("collar", "shoulder", "outer", "inner", "armpit", "hem")]
    neck = [(50 + 8 * np.cos(a), 14 + 6 * np.sin(a)) for a in np.linspace(0, np.pi, 15)]
    points = [*half, *[(100 - x, y) for x, y in reversed(half)], *neck[1:-1]]

    def hang(picture, big):
        cv2.line(picture, (big // 2, round(0.02 * big)), (big // 2, round(0.2 * big)), (60, 60, 64), round(0.008 * big))
        cv2.ellipse(
            picture, (round(0.515 * big), round(0.03 * big)), (round(0.016 * big),) * 2, 0, 180, 400, (60, 60, 64), 9
        )

    return _drawn(
        side, points, paint or plain((60, 96, 150)), paper, shadow, _both_sides(marks, side), hang if hanger else None
    )


def tee_with_a_back(side=600, paint=None, hanger=False, depth=9.0, paper=(250, 250, 250)):
    """A tee whose back shows above the front's neckline: its inside with the stripes of the cloth in shade, a rib in
    front ``depth`` hundredths deep; ``hanger`` lays wood across that, which sticks out of the neck on the right only.

    Where its neckline is lowest is the mark ``collar_front``.
    """
    half = [TEE[name] for name in ("collar", "shoulder", "outer", "inner", "armpit", "hem")]
    paint = paint or plain((60, 96, 150))
    left, top = half[0]
    wide = 50 - left
    rib = 2.6

    def arch(x, broad, deep):
        return top + deep * np.sqrt(np.clip(1 - ((x - 50) / broad) ** 2, 0, None))

    def cloth(x, y):
        front = paint(x, y).copy()
        broken = (np.abs(x - 50) < wide + rib) & (y < arch(x, wide + rib, depth + rib))
        front[broken] = (228, 224, 214)
        seam = broken & (y > arch(x, wide + rib, depth + rib) - 0.35)
        front[seam] = (190, 186, 178)
        back = (np.abs(x - 50) < wide) & (y < arch(x, wide, depth))
        front[back] = 0.6 * paint(x, y + 2)[back]
        collar = back & (y < top)
        front[collar] = (214, 210, 200)
        if hanger:
            wood = (np.abs(y - (12.5 + 0.22 * np.abs(x - 50))) < 1.5) & (y < arch(x, wide, depth))
            front[wood] = (196, 150, 104)
        return front

    points = [*half, *[(100 - x, y) for x, y in reversed(half)]]
    stand = [(100 - left - 1, top - 3), (left + 1, top - 3)]
    if hanger:
        stand = [(100 - left + 1.5, top - 1.5), (100 - left - 1, top - 3.4), (50, top - 4), (left + 1, top - 2)]
    marks = _both_sides(TEE, side) | {"collar_front": (side / 2, (top + depth) * side / 100)}
    return _drawn(side, [*points, *stand], cloth, paper, 0.1, marks)


def tee_whose_front_covers_its_back(side=600, label=False, depth=2.2, paint=None):
    """As a crew neck lies on a table: both ribs, a little paler than the cloth, one on the other but for a shadow line;
    ``label`` sews a label under that."""
    half = [TEE[name] for name in ("collar", "shoulder", "outer", "inner", "armpit", "hem")]
    left, top = half[0]
    wide = 50 - left
    paint = paint or plain((60, 96, 150))

    def arch(x, broad, deep):
        return top + deep * np.sqrt(np.clip(1 - ((x - 50) / broad) ** 2, 0, None))

    def cloth(x, y):
        front = paint(x, y).copy()
        front[(np.abs(x - 50) < wide + 2) & (y < arch(x, wide + 2, depth + 4))] *= 1.03
        line = np.abs(y - arch(x, wide - 1, depth + 0.9)) < 0.2
        front[line & (np.abs(x - 50) < wide - 1.5)] *= 0.85
        if label:
            front[(np.abs(x - 50) < 1.8) & (y > top + depth + 0.8) & (y < top + depth + 4.5)] = (240, 238, 230)
        return front

    dip = [(50 + wide * np.cos(a), top + depth * np.sin(a)) for a in np.linspace(0, np.pi, 15)]
    points = [*half, *[(100 - x, y) for x, y in reversed(half)], *dip[1:-1]]
    marks = _both_sides(TEE, side) | {"collar_front": (side / 2, (top + depth) * side / 100)}
    return _drawn(side, points, cloth, (250, 250, 250), 0.1, marks)


def trousers_that_flare(side=600):
    """Their legs are broader half-way down than a line from thigh to end would be, and their hem rises over the shoes."""
    half = [(36, 8), (22, 55), (29, 94), (33, 92.5), (39, 92.5), (43, 94), (45, 55), (50, 34)]
    points = [*half, *[(100 - x, y) for x, y in reversed(half[:-1])]]
    marks = _both_sides({"waist": (36, 8), "outer": (29, 94), "inner": (43, 94)}, side) | {
        "crotch": (side / 2, 0.34 * side)
    }
    return _drawn(side, points, plain((150, 60, 60)), (250, 250, 250), 0.1, marks)


def tee_on_pale_cloth(side=600):
    """White stripes on a sheet as pale: its sides come out as teeth."""
    drawn = tee(side)
    picture, (left, top), (_, end) = drawn.rgb_srgb.copy(), drawn.marks["armpit_left"], drawn.marks["hem_left"]
    for y in range(round(top) + 20, round(end) - 20, 36):
        picture[y : y + 18, round(left) - 4 : round(left) + 12] = (250, 250, 250)
    return picture


def tee_with_a_label(side=600):
    """The inside of its back shows in an open neck, with a label: the front's edge is further down than it seems."""
    picture = tee(side).rgb_srgb.copy()
    cv2.rectangle(
        picture,
        (round(0.465 * side), round(0.2 * side)),
        (round(0.535 * side), round(0.29 * side)),
        (232, 226, 205),
        -1,
    )
    return picture


def trousers(side=600, paint=None, paper=(250, 250, 250)):
    half = [TROUSERS[name] for name in ("waist", "outer", "inner", "crotch")]
    points = [*half, *[(100 - x, y) for x, y in reversed(half[:-1])]]
    marks = _both_sides(TROUSERS, side) | {"crotch": (side / 2, 0.34 * side)}
    return _drawn(side, points, paint or plain((150, 60, 60)), paper, 0.1, marks)


def trousers_that_touch(share, side=600):
    """Their legs meet over the lowest ``share`` of their length."""
    drawn = trousers(side)
    (_, crotch), (left, hem) = drawn.marks["crotch"], drawn.marks["inner_left"]
    right = drawn.marks["inner_right"][0]
    top = round(hem - share * (hem - crotch))
    picture = drawn.rgb_srgb.copy()
    cv2.rectangle(picture, (round(left) - 4, top), (round(right) + 4, round(hem)), (150, 60, 60), -1)
    return picture


def skirt(side=600):
    points = [(36, 12), (26, 88), (74, 88), (64, 12)]
    return _drawn(side, points, plain((90, 70, 60)), (250, 250, 250), 0.1, {})


def dress(side=600):
    half = [(44, 6), (37, 9), (29, 20), (34, 23), (38, 18), (36, 96)]
    points = [*half, *[(100 - x, y) for x, y in reversed(half)], (50, 9)]
    return _drawn(side, points, plain((160, 40, 90)), (250, 250, 250), 0.1, {})


def belt():
    """A whole leather belt laid out, its buckle at the left: RGBA."""
    picture = np.zeros((160, 1700, 4), np.uint8)
    cv2.rectangle(picture, (90, 50), (1640, 110), (96, 58, 34, 255), -1)
    cv2.ellipse(picture, (1640, 80), (40, 30), 0, -90, 90, (96, 58, 34, 255), -1)
    for y in (58, 102):
        for x in range(130, 1640, 14):
            cv2.line(picture, (x, y), (x + 8, y), (190, 150, 110, 255), 2)
    for x in range(1380, 1620, 50):
        cv2.circle(picture, (x, 80), 5, (40, 22, 12, 255), -1)
    cv2.rectangle(picture, (30, 32), (120, 128), (205, 180, 110, 255), 12)
    cv2.line(picture, (30, 80), (118, 80), (225, 200, 130, 255), 9)
    return picture


def brooch():
    """A flower of gold with a red stone: RGBA."""
    picture = np.zeros((300, 300, 4), np.uint8)
    for k in range(8):
        angle = k * np.pi / 4
        centre = round(150 + 75 * np.cos(angle)), round(150 + 75 * np.sin(angle))
        cv2.ellipse(picture, centre, (62, 34), np.degrees(angle), 0, 360, (214, 176, 92, 255), -1)
        cv2.ellipse(picture, centre, (44, 20), np.degrees(angle), 0, 360, (240, 214, 140, 255), -1)
    cv2.circle(picture, (150, 150), 52, (150, 20, 48, 255), -1)
    cv2.circle(picture, (134, 132), 14, (235, 150, 170, 255), -1)
    return picture
