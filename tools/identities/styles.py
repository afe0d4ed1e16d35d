"""Hair of one person as a few thousand thick strands. Nothing to run here.

Long and coily hair come from tools/talent/hair.py with fewer roots; the short and tied styles are combed here along the
skull. ``Surface`` stands in for the dense distance field of tools/talent: nearest skin points instead of a grid.
"""

import sys

import numpy as np
import population
from scipy.spatial import cKDTree

sys.path.insert(0, str(population.HERE.parent / "talent"))
import hair
from strands import clump, smoothstep, unit

MEN_LINE = [(0, 0.62), (22, 0.63), (38, 0.64), (48, 0.56), (58, 0.26), (68, -0.02), (77, -0.20), (85, -0.22),
            (95, -0.05), (106, -0.12), (120, -0.38), (140, -0.62), (180, -0.72)]  # fmt: skip


class Surface:
    """Signed distance to the skin from a cloud of its points; the interface of ``strands.DistanceField``."""

    def __init__(self, head, random, lowest=-0.30):
        self.roots = head.sample(16_000, random, head.rest_eye[2] + lowest)
        self.tree = cKDTree(self.roots.points)
        self.last = None, None

    def _nearest(self, points):
        if points is self.last[0]:  # hair.fall asks for distance and direction in turn
            return self.last[1]
        flat = points.reshape(-1, 3)
        _, index = self.tree.query(flat, eps=0.5)
        normals = self.roots.normals[index]
        offset = flat - self.roots.points[index]
        signed = (offset * normals).sum(1)
        self.last = points, (signed.reshape(points.shape[:-1]), normals.reshape(points.shape))
        return self.last[1]

    def distance(self, points):
        return self._nearest(points)[0]

    def outward(self, points):
        return self._nearest(points)[1]

    def keep_outside(self, points, clearance):
        signed, normals = self._nearest(points)
        return points + normals * np.clip(clearance - signed, 0, None)[..., None]

    def lay(self, points, height):
        """Points moved to a height above the skin."""
        signed, normals = self._nearest(points)
        return points + normals * (height - signed)[..., None]


def hairline(person):
    """The key of this person's own line in tools/talent's table."""
    base = hair.HAIRLINES["straight"] if person["sex"] == "woman" else MEN_LINE
    shift = person["hair"]["hairline"]
    key = f"own-{person['id']}"
    hair.HAIRLINES[key] = [
        (azimuth, height + shift * (1 - smoothstep(np.float64(azimuth), 40, 75)) * (1.6 if 20 < azimuth < 50 else 1))
        for azimuth, height in base
    ]
    return key


def density_at(head, line, rest, ears):
    """How much scalp hair, 0 to 1, on skin vertices: the shade under the strands."""
    height, azimuth = head.height_and_azimuth(rest)
    curve = np.array(hair.HAIRLINES[line])
    inside = smoothstep(height - np.interp(azimuth, curve[:, 0], curve[:, 1]), -0.05, 0.12)
    return inside * (ears < 0.3)


def _combed(surface, roots, toward, length, rise, points, random):
    """Strands that follow ``toward`` (n, 3) over the skull, ``rise`` metres above it at most."""
    place = roots.points - roots.normals * 0.0008
    strands = np.empty((len(roots), points, 3))
    strands[:, 0] = place
    direction = unit(toward + random.normal(0, 0.18, (len(roots), 3)))
    step = (length / (points - 1))[:, None]
    for index in range(1, points):
        share = index / (points - 1)
        normals = surface.outward(place)
        tangent = direction - (direction * normals).sum(1, keepdims=True) * normals
        direction = unit(tangent + random.normal(0, 0.03, tangent.shape))
        place = surface.lay(place + direction * step, rise * np.sin(min(share * 2.2, 1.57)) + 0.0006)
        strands[:, index] = place
    return strands


def _crop(surface, roots, height, person, random):
    kind, long = person["style"], person["length"]
    backwards, down = np.array([0, 1.0, 0]), np.array([0, 0, -1.0])
    side = np.sign(person["parting"])
    top = smoothstep(height, 0.35, 0.85)[:, None]
    if kind == "swept":
        comb = backwards * 1.0 + np.array([0, 0, 0.2])
    else:
        forward = -backwards * (0.9 if long < 0.5 else 0.4)
        comb = forward + np.array([side * (0.3 + long), 0, 0])
    sides = down * 0.9 + backwards * 0.35
    toward = comb * top + sides * (1 - top)
    upper = 0.016 + 0.035 * long if kind == "crop" else 0.05 + 0.04 * long
    length = (0.006 + 0.006 * long) * (1 - top[:, 0]) + upper * top[:, 0]
    length *= random.uniform(0.7, 1.1, len(roots))
    rise = (0.002 + (0.004 + 0.014 * person["body"]) * top[:, 0]) * random.uniform(0.25, 1.0, len(roots))
    return _combed(surface, roots, toward, length, rise, 8, random)


def _tied(surface, roots, person, random):
    high = -0.02 + 0.10 * person["length"]
    knot = np.array([0.0, surface.roots.points[:, 1].max() + 0.012, high])
    way = knot - roots.points
    around = np.linalg.norm(way, axis=1) * 1.18
    points, place = 14, roots.points - roots.normals * 0.0008
    strands = np.empty((len(roots), points, 3))
    strands[:, 0] = place
    rise = random.uniform(0.001, 0.006, len(roots))
    for index in range(1, points):
        remaining = unit(knot - place)
        normals = surface.outward(place)
        tangent = unit(remaining - (remaining * normals).sum(1, keepdims=True) * normals)
        reach = np.minimum(around / (points - 1), np.linalg.norm(knot - place, axis=1))[:, None]
        place = surface.lay(place + tangent * reach, rise * min(index / 3, 1) + 0.0006)
        strands[:, index] = place
    strands, _ = clump(strands, 250, (0.05, 0.3), random)
    return np.concatenate([strands, _bun(knot, 0.026 + 0.012 * person["length"], random, points)])


def _bun(centre, radius, random, points, count=1500):
    axis = unit(np.add(random.normal(size=(count, 3)), (0, 1.5, 0)))
    first = unit(np.cross(axis, [0.3, 0.1, 0.9]))
    second = np.cross(axis, first)
    angle = random.uniform(0, 6.28, (count, 1)) + np.linspace(0, 2.2, points)[None]
    size = radius * random.uniform(0.8, 1.0, (count, 1, 1))
    return centre + size * (np.cos(angle)[..., None] * first[:, None] + np.sin(angle)[..., None] * second[:, None])


def _straight(head, surface, line, bob, person, random, share):
    hair.STRAIGHT.update(strands=int(5_000 * share), points=18, length=0.30)
    ends = 0.005 + 0.05 * person["length"] if bob else 0.07 + 0.10 * person["length"]
    roots = head.sample(60_000, random, head.rest_eye[2] - 0.10)
    density, height, azimuth = hair.scalp_density(head, roots, line, 0.11, random)
    chosen = np.flatnonzero(random.random(len(roots)) < density)[: hair.STRAIGHT["strands"]]
    roots, height, azimuth = roots.where(chosen), height[chosen], azimuth[chosen]
    strands = hair.fall(head, surface, roots, height, azimuth, random)
    strands, owner = clump(strands, 300, (0.05, 0.4), random)
    strands = hair.cut_ends(strands, -0.062 - ends, random, owner)
    x, y, z = np.moveaxis(hair.HeadSpace(head)(strands), 2, 0)
    across_face = ((y < hair.CURTAIN - 0.004) & (np.abs(x) < 0.062) & (z < 0.045)).any(1)
    return strands[~across_face]


def _coily(head, style, person, random, share):
    longest = 0.006 + 0.012 * person["length"] if style == "coily" else 0.03 + 0.035 * person["length"]
    hair.COILY.update(
        roots=int(share * (110_000 if style == "coily" else 150_000)), points=9, longest=longest, shortest=0.0018
    )
    if style == "afro":
        hair.COILY["shortest"] = longest * 0.6
    return hair.coily_hair(head, random)[0]


def grow(person, head, surface, style, random, share=1.0):
    """(strands, radii) of a style; None for a bare scalp. Radii are some three times those of real hair.

    ``share`` of the usual number: small pictures need fewer.
    """
    if style in ("bald", "shaved"):
        return None
    line = hairline(person)
    look = {**person["hair"], "style": style, "parting": person["seed"] % 2 * 2 - 1, "body": person["seed"] % 7 / 6}
    if style in ("straight", "bob"):
        strands = _straight(head, surface, line, style == "bob", look, random, share)
        radius = 0.00016
    elif style in ("coily", "afro"):
        strands, radius = _coily(head, style, look, random, share), 0.00011
    else:
        roots = head.sample(40_000, random, head.rest_eye[2] - 0.10)
        density, height, azimuth = hair.scalp_density(head, roots, line, 0.10, random)
        chosen = np.where(random.random(len(roots)) < density)[0][: int(share * (7000 if style == "tied" else 10000))]
        roots, height, azimuth = roots.where(chosen), height[chosen], azimuth[chosen]
        if style == "tied":
            strands, radius = _tied(surface, roots, look, random), 0.00016
        else:
            strands, radius = _crop(surface, roots, height, look, random), 0.00013
    return strands, radius * random.uniform(0.7, 1.25, len(strands))


def beard(person, surface, head, random):
    """Short hairs on jaw, chin and upper lip, or None."""
    amount = person["beard"]
    if not amount:
        return None
    roots = head.sample(60_000, random, head.rest_eye[2] - 0.16)
    x, y, z = roots.points.T
    jaw = smoothstep(-z, 0.055, 0.072) * smoothstep(-y, -0.055, -0.02) * (1 - smoothstep(-z, 0.115, 0.135))
    moustache = smoothstep(-z, 0.046, 0.050) * (1 - smoothstep(np.abs(x), 0.024, 0.034))
    density = np.maximum(jaw, moustache)
    mouth = mouth_share(x, z, person["mouth"])
    keep = random.random(len(roots)) < density * (1 - mouth) * 0.9
    roots = roots.where(np.where(keep)[0][:6000])
    toward = np.tile([0, -0.35, -1.0], (len(roots), 1))
    length = (0.003 + 0.009 * amount) * random.uniform(0.6, 1.1, len(roots))
    strands = _combed(surface, roots, toward, length, np.full(len(roots), 0.001 + 0.002 * amount), 5, random)
    return strands, 0.00009 * random.uniform(0.7, 1.2, len(strands))


def mouth_share(x, z, mouth):
    """1 on the lips, 0 away from them; ``mouth`` is (height, half width, half height)."""
    level, wide, tall = mouth
    return 1 - smoothstep((x / wide) ** 2 + ((z - level) / tall) ** 2, 0.8, 1.3)


def brow_cards(person, stored):
    """The fitted cards moved and stretched a little: brows differ more than the skull under them."""
    cards = stored["eyebrows_vertices"].astype(float).copy()
    middle = np.median(cards[:, 2])
    look = person["brows"]
    cards[:, 2] = middle + (cards[:, 2] - middle) * look["tall"] + look["rise"]
    return {"vertices": cards, "faces": stored["eyebrows_faces"].tolist()}
