"""Bell sleeves of chiffon, by formula: from the tee's cuff they flare over the forearm.

Used by figure.py; nothing to run here.
"""

import numpy as np
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
    rings = []
    for t in np.linspace(0, 1, RINGS):
        way = t * sleeve["length"]
        bend = smoothstep(way, upper - 0.04, upper + 0.05)
        place = start + unit(elbow - start) * way if way < upper else elbow + unit(wrist - elbow) * (way - upper)
        along = unit((1 - bend) * unit(elbow - start) + bend * unit(wrist - elbow))
        # Chiffon falls: the flare hangs from the arm rather than follows it.
        along = unit(along + np.array([0, 0, -0.9]) * t)
        near = arm[np.abs((arm - place) @ along) < 0.012]
        centre = near.mean(0) if len(near) > 6 else place
        first = unit(outwards - along * (outwards @ along))
        second = np.cross(along, first)
        limb = max(np.quantile(np.linalg.norm(near - centre, axis=1), 0.9), 0.03) if len(near) > 6 else lower * 0.15
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
