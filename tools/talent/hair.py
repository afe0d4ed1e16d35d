"""Step 4: hair, brows and lashes as strands.

    python hair.py [mira sami] --data ASSETS --work WORK

Needs the body and the draped tee; writes ``<talent>-hair.npz``. Straight hair
is combed from a parting and falls along a distance field of head, shoulders
and tee; short coils grow along the scalp's normals, an afro's stand off in turns.
``hair_options`` of a cast change the styles' numbers. The hairline is a curve of
height over azimuth that thins out instead of ending, with short baby hairs
in front of it.
"""

import time

import numpy as np
from assets import base_parser, makers, parse, stage_path
from blender_kit import surface_tree
from face_hair import grow_brows, grow_down, grow_lashes
from strands import DistanceField, Head, clump, resample, smoothstep, unit

# azimuth in degrees, height (0 eyes, 1 crown)
HAIRLINES = {
    "straight": [(0, 0.615), (22, 0.61), (38, 0.57), (50, 0.46), (60, 0.27), (68, 0.05),
                 (76, -0.16), (84, -0.22), (92, -0.10), (104, -0.15), (118, -0.42),
                 (140, -0.68), (180, -0.80)],
    "coily": [(0, 0.60), (24, 0.605), (38, 0.62), (46, 0.58), (54, 0.43), (61, 0.16),
              (69, -0.04), (77, -0.20), (85, -0.22), (95, -0.05), (106, -0.12),
              (120, -0.38), (140, -0.56), (180, -0.62)],
}  # fmt: skip
STRAIGHT = dict(roots=150_000, strands=46_000, points=44, length=0.36, ends=0.075, turn_in=0.35, flyaways=0)
COILY = dict(roots=620_000, points=14, shortest=0.0018, longest=0.0125)
# length along the coil's axis, pitch and radius of its turns in metres; droop: share of the length it hangs down
AFRO = dict(roots=420_000, strands=46_000, points=46, length=0.065, pitch=0.0085, radius=0.0030, droop=0.06)
RADIUS = 0.000052
PART_OFFSET = 0.010
CURTAIN = 0.044  # how far behind the eyes hair may hang beside the face


def scalp_density(head, roots, style, softness, random):
    """0 on bare skin, 1 inside the hair, uneven in between."""
    height, azimuth = head.height_and_azimuth(roots.rest)
    curve = np.array(HAIRLINES[style])
    line = np.interp(azimuth, curve[:, 0], curve[:, 1])
    ripple = np.zeros(len(roots))
    for scale, size in ((0.028, 0.018), (0.011, 0.014), (0.005, 0.010)):
        direction = random.normal(size=(3, 3)) / scale
        ripple += size * np.sin(roots.rest @ direction + random.uniform(0, 6.28, 3)).mean(1)
    # Temples and nape thin out over a longer distance than the forehead.
    spread = softness * (1 + 0.9 * smoothstep(azimuth, 35, 60))
    inside = smoothstep(height - line + ripple, -spread * 0.55, spread * 0.6)
    return inside * (roots.ears < 0.25), height, azimuth


class Comb:
    """Directions away from the parting, in the posed head's frame."""

    def __init__(self, head):
        front = np.add(head.rest_eye, (0, 0.01, 0))
        self.rotation = head.rotation
        crown_y = head.rest_hub[1] + 0.025
        self.line = head.to_posed(
            [[PART_OFFSET, front[1] - 0.05, head.rest_top],
             [PART_OFFSET * 0.8, crown_y, head.rest_top]]
        )  # fmt: skip

    def away(self, points):
        start, end = self.line
        along = end - start
        t = np.clip(((points - start) @ along) / (along @ along), 0, 1)
        away = points - (start + t[:, None] * along)
        upright = self.rotation @ [0, 0, 1.0]
        away -= (away @ upright)[:, None] * upright
        return unit(away)


def fall(head, field, roots, azimuth, style, random):
    """March every strand along comb, gravity and collision, all at once."""
    count, points = len(roots), style["points"]
    step = style["length"] / (points - 1)
    comb = Comb(head).away(roots.points)
    # A parting is never ruler-straight: its hairs decide almost at random.
    back = head.rotation @ [0, 1.0, 0]
    frontal = 1 - smoothstep(azimuth, 40, 95)
    comb = unit(comb + back * (0.30 + 0.55 * frontal)[:, None] * random.uniform(0.7, 1.2, (count, 1)))
    layer = random.uniform(0.12, 1.0, count) ** 0.8
    place = roots.points - roots.normals * 0.0008
    direction = unit(comb + roots.normals * 0.25)
    to_local = HeadSpace(head)
    side = np.sign(to_local(roots.points)[:, 0] - PART_OFFSET)
    outwards, backwards = head.rotation @ [1.0, 0, 0], head.rotation @ [0, 1.0, 0]
    strands = np.empty((count, points, 3))
    strands[:, 0] = place
    down = np.array([0, 0, -1.0])
    drift = random.normal(0, 0.012, (count, 3))
    for index in range(1, points):
        length = index * step
        pull = np.exp(-((length / 0.055) ** 2))
        direction = direction * 0.75 + comb * (0.40 * pull) + down * (0.16 + 0.34 * (1 - pull)) + drift
        local = to_local(place)
        # Hair lies on the skull where that curves away; below the ears it hangs free.
        gap = np.clip((field.distance(place) - 0.015) / 0.02, 0, 1.2)
        gap *= smoothstep(local[:, 2], -0.045, 0.005)
        direction -= field.outward(place) * (0.55 * gap)[:, None]
        # Off the face: what hangs in front of the cheekbones swings back.
        before_face = np.clip((CURTAIN - local[:, 1]) / 0.03, 0, 1) * (local[:, 2] < 0.075)
        direction += before_face[:, None] * 0.34 * backwards
        direction += (before_face * side)[:, None] * 0.18 * outwards
        near_end = np.full(count, smoothstep(length, 0.17, 0.27))
        inwards = -place * [1, 0.6, 0]
        direction += inwards * (style["turn_in"] * near_end)[:, None]
        direction = unit(direction)
        following = place + direction * step
        thickness = 0.0016 + 0.0125 * layer * min(length / 0.09, 1.0)
        following = field.keep_outside(following, thickness)
        direction = unit(following - place)
        place = following
        strands[:, index] = place
    return strands


class HeadSpace:
    """Coordinates from between the eyes, along the head's own axes."""

    def __init__(self, head):
        self.origin = np.mean([centre for centre, _ in head.eyes], axis=0)
        self.rotation = head.rotation

    def __call__(self, points):
        return (points - self.origin) @ self.rotation


def tidy(strands, field, to_local):
    """Drop the few strands that a bad start sent across the face or into the air."""
    local = to_local(strands)
    in_face = (local[..., 1] < CURTAIN - 0.004) & (np.abs(local[..., 0]) < 0.064) & (local[..., 2] < 0.045)
    astray = (field.distance(strands) > 0.040) & (local[..., 2] > 0.0)
    astray |= np.abs(local[..., 0]) > 0.165  # slid off over a shoulder
    buried = field.distance(strands[:, 3:]).min(1) < -0.004
    bends = unit(np.diff(strands, axis=1))
    kinked = ((bends[:, 1:] * bends[:, :-1]).sum(-1) < 0.3).any(1)
    return strands[~(in_face.any(1) | astray.any(1) | kinked | buried)]


def cut_ends(strands, ends_at, random, owner):
    """A soft, layered cut: ends differ by strand and by lock."""
    lock = random.normal(0, 0.010, owner.max() + 1)
    goal = ends_at + random.normal(0, 0.0045, len(strands)) + lock[owner]
    goal += np.where(random.random(len(strands)) < 0.16, random.uniform(0.01, 0.06, len(strands)), 0)
    below = strands[:, :, 2] < goal[:, None]
    first = np.where(below.any(1), below.argmax(1), strands.shape[1] - 1)
    rows = np.arange(len(strands))
    z0 = strands[rows, np.maximum(first - 1, 0), 2]
    z1 = strands[rows, first, 2]
    part = np.clip((z0 - goal) / np.maximum(z0 - z1, 1e-6), 0, 1)
    fraction = (np.maximum(first - 1, 4) + part) / (strands.shape[1] - 1)
    return resample(strands, np.clip(fraction, 0.12, 1))


def straight_hair(head, tee, style, random):
    low = head.posed[head.on_head, :].min(0)
    top = head.posed[head.on_head, :].max(0)
    tee_tree = surface_tree(*tee)
    ends_at = np.mean([centre[2] for centre, _ in head.eyes]) - 0.062 - style["ends"]
    below = max(0.14, low[2] - ends_at + 0.03)
    aside = 0.09 if style["length"] < 0.5 else 0.16  # long hair reaches the shoulders
    low, top = np.subtract(low, (aside, 0.05, below)), np.add(top, (aside, 0.09, 0.04))
    field = DistanceField([head.tree, tee_tree], low, top)
    roots = head.sample(style["roots"], random, head.rest_eye[2] - 0.10)
    density, _, azimuth = scalp_density(head, roots, "straight", 0.11, random)
    keep = random.random(len(roots)) < density
    chosen = np.where(keep)[0][: style["strands"]]
    roots, azimuth = roots.where(chosen), azimuth[chosen]
    to_local = HeadSpace(head)
    strands = fall(head, field, roots, azimuth, style, random)
    strands, owner = clump(strands, 650, (0.05, 0.42), random)
    strands = cut_ends(strands, ends_at, random, owner)
    points = strands.shape[1]
    along = np.linspace(0, 1, points)
    # Locks wave a little; single hairs stray.
    locks = owner.max() + 1
    phase, waves = random.uniform(0, 6.28, (locks, 3)), random.uniform(4, 8, (locks, 1))
    amount = random.uniform(0.0006, 0.0024, (locks, 1))
    for axis in range(3):
        strands[:, :, axis] += amount[owner] * along * np.sin(phase[owner][:, axis : axis + 1] + along * waves[owner])
    strands += random.normal(0, 0.0009, (len(strands), 1, 3)) * np.clip(along * 3, 0, 1)[None, :, None]
    stray = np.where(random.random(len(strands)) < 0.035)[0]
    bow = random.normal(0, 0.007, (len(stray), 1, 3)) * (along**1.5)[None, :, None]
    strands[stray] += bow
    strands = field.keep_outside(strands, np.minimum(along * 0.02, 0.0016)[None])
    strands = tidy(strands, field, to_local)
    groups = {"hair": (strands, RADIUS * random.uniform(0.75, 1.25, len(strands)))}
    groups["baby"] = baby_hair(head, field, random)
    if style["flyaways"]:
        groups["flyaways"] = flyaways(strands, style["flyaways"], head, random)
    return groups


def flyaways(strands, count, head, random):
    """Single hairs that left the mass: short arcs on the crown, bows at the sides, wisps at the ends."""
    picks = resample(strands[random.choice(len(strands), count, replace=False)], random.uniform(0.12, 1.0, count))
    along = np.linspace(0, 1, strands.shape[1])
    to_local = HeadSpace(head)
    crown = np.mean([centre for centre, _ in head.eyes], axis=0) + head.rotation @ [0, 0.09, 0.0]
    away = picks - crown
    away[..., 2] = np.clip(away[..., 2], 0, None)  # below the chin: sideways, not down
    rise = along ** random.uniform(0.8, 2.2, (count, 1)) * random.gamma(1.6, 0.011, (count, 1))
    picks = picks + unit(away) * rise[..., None]
    for axis in range(3):
        waves = random.uniform(2, 9, (count, 1)) * along + random.uniform(0, 6.28, (count, 1))
        picks[..., axis] += random.gamma(2, 0.0022, (count, 1)) * along * np.sin(waves)
    local = to_local(picks)
    before_face = (local[..., 1] < CURTAIN - 0.012) & (np.abs(local[..., 0]) < 0.058) & (local[..., 2] < 0.03)
    picks = picks[~before_face.any(1)]
    return picks, RADIUS * random.uniform(0.7, 1.2, len(picks))


def baby_hair(head, field, random):
    """Short, thin hairs before the hairline, combed back and sideways."""
    roots = head.sample(90_000, random, head.rest_eye[2])
    height, azimuth = head.height_and_azimuth(roots.rest)
    curve = np.array(HAIRLINES["straight"])
    margin = height - np.interp(azimuth, curve[:, 0], curve[:, 1])
    likely = smoothstep(margin, -0.10, 0.02) * (margin < 0.08) * (azimuth < 75) * 0.55
    keep = (random.random(len(roots)) < likely) & (roots.ears < 0.2)
    roots = roots.where(keep)
    comb = Comb(head).away(roots.points) + head.rotation @ [0, 0.8, 0.25]
    comb = unit(comb + random.normal(0, 0.22, comb.shape))
    length = random.uniform(0.006, 0.026, len(roots))[:, None]
    points = 9
    strands = np.empty((len(roots), points, 3))
    place = roots.points.copy()
    strands[:, 0] = place - roots.normals * 0.0005
    direction = unit(comb + roots.normals * 0.35)
    for index in range(1, points):
        direction = unit(direction + comb * 0.2 + [0, 0, -0.04])
        place = field.keep_outside(place + direction * length / (points - 1), 0.0006)
        strands[:, index] = place
    return strands, 0.00003 * random.uniform(0.7, 1.2, len(roots))


def coily_hair(head, random):
    roots = head.sample(COILY["roots"], random, head.rest_eye[2] - 0.10)
    density, height, azimuth = scalp_density(head, roots, "coily", 0.13, random)
    keep = random.random(len(roots)) < density * 0.38
    roots, height, azimuth, density = roots.where(keep), height[keep], azimuth[keep], density[keep]
    count, points = len(roots), COILY["points"]
    along = np.linspace(0, 1, points)
    # A low fade: the sides and the nape are short, the top is full.
    fullness = smoothstep(height, 0.05, 0.95) * (0.35 + 0.65 * density)
    length = COILY["shortest"] + (COILY["longest"] - COILY["shortest"]) * fullness
    cell = np.floor(roots.points / 0.0045).astype(int)
    _, lock = np.unique(cell, axis=0, return_inverse=True)
    lock = lock.ravel()
    locks = lock.max() + 1
    tilt = random.normal(0, 0.30, (locks, 3))[lock]
    axis = unit(roots.normals + tilt + random.normal(0, 0.18, (count, 3)))
    first = unit(np.cross(axis, [0.3, 0.5, 0.8]))
    second = np.cross(axis, first)
    radius = (0.0004 + 0.0015 * fullness) * random.uniform(0.7, 1.3, count)
    turns = (0.7 + 2.8 * fullness) * random.uniform(0.8, 1.2, count)
    angle = random.uniform(0, 6.28, locks)[lock][:, None] + random.normal(0, 0.5, (count, 1))
    angle = angle + along[None] * turns[:, None] * 6.28
    swell = (radius[:, None] * np.clip(along * 4, 0, 1))[..., None]
    strands = roots.points[:, None] - roots.normals[:, None] * 0.0006
    strands = strands + axis[:, None] * (along[None, :, None] * length[:, None, None])
    strands = strands + swell * (np.cos(angle)[..., None] * first[:, None] + np.sin(angle)[..., None] * second[:, None])
    kink = random.normal(0, 0.0002, strands.shape)
    strands = strands + np.cumsum(kink, axis=1) * fullness[:, None, None]
    return strands, RADIUS * random.uniform(0.75, 1.2, count)


def afro_hair(head, style, random):
    """Long coils that stand off the scalp: dense within, airy and uneven at the outline."""
    roots = head.sample(style["roots"], random, head.rest_eye[2] - 0.10)
    density, height, azimuth = scalp_density(head, roots, "coily", 0.13, random)
    chosen = np.where(random.random(len(roots)) < density)[0][: style["strands"]]
    roots, height, azimuth = roots.where(chosen), height[chosen], azimuth[chosen]
    count, points = len(roots), style["points"]
    along = np.linspace(0, 1, points)
    _, lock = np.unique(np.floor(roots.points / 0.006).astype(int), axis=0, return_inverse=True)
    lock = lock.ravel()
    locks = lock.max() + 1
    hub = np.mean([centre for centre, _ in head.eyes], axis=0) + head.rotation @ [0, 0.085, 0.035]
    upright = head.rotation @ [0, 0, 1.0]
    frontal = (1 - smoothstep(azimuth, 20, 80))[:, None]
    axis = 0.45 * roots.normals + 0.75 * unit(roots.points - hub) + 0.35 * frontal * upright
    axis = unit(axis + random.normal(0, 0.16, (locks, 3))[lock] + random.normal(0, 0.10, (count, 3)))
    # Round as a whole: short at the nape and the hairline, long on top.
    fullness = 0.5 + 0.5 * smoothstep(height, -0.45, 0.35)
    length = style["length"] * fullness * random.uniform(0.82, 1.08, locks)[lock] * random.uniform(0.8, 1.06, count)
    frizzy = random.random(count) < 0.04
    length[frizzy] *= random.uniform(1.02, 1.28, frizzy.sum())
    first = unit(np.cross(axis, [0.3, 0.5, 0.8]))
    second = np.cross(axis, first)
    radius = style["radius"] * random.uniform(0.6, 1.35, locks)[lock] * random.uniform(0.75, 1.25, count)
    turns = length / (style["pitch"] * random.uniform(0.8, 1.3, locks)[lock])
    angle = random.uniform(0, 6.28, locks)[lock][:, None] + random.normal(0, 0.7, (count, 1))
    angle = angle + 6.28 * along * turns[:, None] + np.cumsum(random.normal(0, 0.18, (count, points)), axis=1)
    swell = (radius[:, None] * np.clip(along * 5, 0.05, 1))[..., None]
    strands = (roots.points - roots.normals * 0.0006)[:, None] + axis[:, None] * (along * length[:, None])[..., None]
    strands = strands + swell * (np.cos(angle)[..., None] * first[:, None] + np.sin(angle)[..., None] * second[:, None])
    bend = random.normal(0, 0.10, (locks, 3))[lock] + random.normal(0, 0.06, (count, 3)) - [0, 0, style["droop"]]
    strands = strands + (bend * length[:, None])[:, None] * (along**2)[None, :, None]
    local = HeadSpace(head)(strands)
    before_face = (local[..., 1] < CURTAIN - 0.01) & (np.abs(local[..., 0]) < 0.062) & (local[..., 2] < 0.05)
    clear = ~before_face.any(1)
    return strands[clear], RADIUS * random.uniform(0.75, 1.2, clear.sum())


def grow(name, spec, stored, cloth):
    random = np.random.default_rng(spec["face"]["seed"])
    wanted = spec.get("hair_options", {})
    head = Head(stored)
    fitted = stored["fitted"].item()
    groups = {}
    if spec["hair"] == "straight":
        tee = (cloth["tee_vertices"], cloth["tee_faces"])
        groups |= straight_hair(head, tee, STRAIGHT | wanted, random)
    elif spec["hair"] == "afro":
        groups["hair"] = afro_hair(head, AFRO | wanted, random)
    else:
        groups["hair"] = coily_hair(head, random)
    face_style = "straight" if spec["hair"] == "straight" else "coily"
    groups["brows"] = grow_brows(head, fitted["eyebrows"], face_style, random)
    groups["lashes"] = grow_lashes(head, fitted["eyelashes"], face_style, random)
    groups["down"] = grow_down(head, random)
    return groups


def main():
    options = parse(base_parser(__doc__))
    for name, spec, target in makers(options, "hair"):
        started = time.time()
        stored = np.load(stage_path(options.work, name, spec, "body"), allow_pickle=True)
        cloth = np.load(stage_path(options.work, name, spec, "cloth"), allow_pickle=True)
        groups = grow(name, spec, stored, cloth)
        arrays = {}
        for group, (strands, radii) in groups.items():
            arrays[f"{group}_points"] = strands.astype(np.float32)
            arrays[f"{group}_radii"] = np.asarray(radii, np.float32)
        np.savez(target, **arrays)
        counts = {group: len(strands) for group, (strands, _) in groups.items()}
        print(f"{name}: {counts} in {time.time() - started:.0f} s")


if __name__ == "__main__":
    main()
