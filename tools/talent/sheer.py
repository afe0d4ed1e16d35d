"""Bell sleeves of chiffon, by formula: from the tee's cuff they flare over the forearm.

Used by figure.py; nothing to run here.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d
from strands import smoothstep, unit

RINGS, AROUND = 44, 160
FOLDS = (5, 8, 13)  # waves around the sleeve; they deepen towards the hem
NEAR_BODY = 0.30  # how much of the flare there is room for beside the trunk


def bell_sleeve(shape, side, wardrobe):
    """(vertices, faces) of one sleeve; ``wardrobe["sheer_sleeves"]`` gives length and flare in metres."""
    sleeve, sign = wardrobe["sheer_sleeves"], 1 if side == "L" else -1
    shoulder, elbow, wrist = (shape.bone(f"{bone}.{side}") for bone in ("upperarm01", "lowerarm01", "wrist"))
    start = shoulder + (elbow - shoulder) * (wardrobe["tee"]["sleeve"] - 0.10)
    upper, lower = np.linalg.norm(elbow - start), np.linalg.norm(wrist - elbow)
    arm = shape.vertices[shape.share("upperarm", "lowerarm", side=side) > 0.6]
    random = np.random.default_rng(17 + sign)
    phases = random.uniform(0, 6.28, len(FOLDS))
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    outwards = np.array([sign, 0, 0.0])
    steps = np.linspace(0, 1, RINGS)
    frames, places, limbs = [], [], []
    for t in steps:
        way = t * sleeve["length"]
        bend = smoothstep(way, upper - 0.04, upper + 0.05)
        place = start + unit(elbow - start) * way if way < upper else elbow + unit(wrist - elbow) * (way - upper)
        limb_axis = unit((1 - bend) * unit(elbow - start) + bend * unit(wrist - elbow))
        near = arm[np.abs((arm - place) @ limb_axis) < 0.012]
        if len(near) > 6:
            place = (near.min(0) + near.max(0)) / 2
            limbs.append(np.quantile(np.linalg.norm(near - place, axis=1), 0.9))
        else:
            limbs.append(limbs[-1] if limbs else lower * 0.15)
        places.append(place)
        # Chiffon falls: the flare hangs from the arm rather than follows it.
        frames.append(unit(limb_axis + np.array([0, 0, -0.9]) * t))
    # Rows of skin vertices are too far apart to measure a ring by itself.
    places, frames = (gaussian_filter1d(np.array(each), 5, axis=0, mode="nearest") for each in (places, frames))
    limbs = gaussian_filter1d(np.array(limbs), 5, mode="nearest")
    rings = []
    for t, centre, along, limb in zip(steps, places, unit(frames), limbs, strict=True):
        first = unit(outwards - along * (outwards @ along))
        second = np.cross(along, first)
        waves = sum(np.sin(n * angle + phase + t * 0.7) / n**0.7 for n, phase in zip(FOLDS, phases, strict=True))
        room = NEAR_BODY + (1 - NEAR_BODY) * smoothstep(np.cos(angle), -0.9, 0.2)
        flare = sleeve["flare"] * t**1.25 * room
        radius = limb + 0.007 + flare * (1 + 0.42 * waves)
        rings.append(centre + radius[:, None] * (np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second))
    vertices = np.concatenate(rings)
    faces = []
    for row in range(RINGS - 1):
        for column in range(AROUND):
            following = (column + 1) % AROUND
            low, high = row * AROUND, (row + 1) * AROUND
            faces.append((low + column, low + following, high + following, high + column))
    return vertices, faces
