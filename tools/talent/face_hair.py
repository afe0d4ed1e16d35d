"""Brows, lashes and the fine down of the cheeks. Used by hair.py."""

import numpy as np
from strands import smoothstep, triangles, unit

BROW_HAIRS = {"straight": 900, "coily": 1000}
BROW_RADIUS = {"straight": 0.000050, "coily": 0.000058}
LASH_LENGTHS = {"straight": (0.0080, 0.0042), "coily": (0.0060, 0.0034)}  # upper, lower


def surface_points(vertices, faces, count, random):
    corners = triangles(faces)
    a, b, c = (vertices[corners[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    picks = random.choice(len(corners), count, p=area / area.sum())
    u = random.random((count, 2))
    over = u.sum(1) > 1
    u[over] = 1 - u[over]
    return a[picks] + (b - a)[picks] * u[:, :1] + (c - a)[picks] * u[:, 1:]


def grow_brows(head, brows, style, random):
    """Hairs on the fitted brow cards: upright inside, swept out towards the tail."""
    middle = np.mean([centre[0] for centre, _ in head.eyes])
    roots = surface_points(brows["vertices"], brows["faces"], BROW_HAIRS[style], random)
    lateral = np.abs(roots[:, 0] - middle)
    along = (lateral - lateral.min()) / (lateral.max() - lateral.min())
    keep = random.random(len(roots)) < np.clip(1.15 - 0.5 * along, 0, 1) * np.clip(0.30 + along * 6, 0, 1)
    roots, along = roots[keep], along[keep]
    side = np.sign(roots[:, 0] - middle)
    centre_line = np.array([
        np.median(roots[(np.abs(along - a) < 0.06) & (side == s), 2])
        for a, s in zip(along, side, strict=False)
    ])  # fmt: skip
    # Upper hairs lean down and lower ones up, so that they meet along the brow.
    rise = 1.25 - 1.6 * along - (roots[:, 2] - centre_line) / 0.004 * 0.55
    direction = np.stack([side * (0.35 + 0.8 * along), 0.12 * along, rise], 1)
    direction = unit(direction + random.normal(0, 0.15, direction.shape))
    length = random.uniform(0.0058, 0.0082, len(roots)) * (1 - 0.25 * along)
    length *= 1.0 if style == "straight" else 0.78
    points = 6
    strands = np.empty((len(roots), points, 3))
    for index, root in enumerate(roots):
        start = head.snap(root, -0.0002)
        for k in range(points):
            t = k / (points - 1)
            lift = -0.0002 if k == 0 else 0.0003 + 0.0006 * np.sin(t * 2.2)
            strands[index, k] = head.snap(start + direction[index] * length[index] * t, lift)
    return strands, BROW_RADIUS[style] * random.uniform(0.75, 1.15, len(roots))


def _pieces(vertex_count, faces):
    parent = np.arange(vertex_count)

    def find(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for face in faces:
        for corner in face[1:]:
            parent[find(corner)] = find(face[0])
    return np.array([find(i) for i in range(vertex_count)])


def _lid_line(head, card, distance):
    """The card's edge on the lid, as a smooth curve over -1..1 across the eye."""
    across = (card[:, 0] - card[:, 0].min()) / np.ptp(card[:, 0]) * 2 - 1
    stations = np.linspace(-1, 1, 10)
    line = []
    for station in stations:
        nearby = np.argsort(np.abs(across - station))[:7]
        line.append(card[nearby[np.argmin(distance[nearby])]])
    line = np.array(line)
    return [np.polyfit(stations, line[:, axis], 4) for axis in range(3)]


def grow_lashes(head, lashes, style, random):
    vertices = lashes["vertices"]
    middle = np.mean([centre[0] for centre, _ in head.eyes])
    groups = []
    pieces = _pieces(len(vertices), lashes["faces"])
    for piece in np.unique(pieces):
        card = vertices[pieces == piece]
        near = vertices[np.abs(vertices[:, 0] - card[:, 0].mean()) < 0.02]
        upper = card[:, 2].mean() > near[:, 2].mean()
        side = np.sign(card[:, 0].mean() - middle)
        distance = np.array([np.linalg.norm(head.snap(p, 0.0) - p) for p in card])
        curve = _lid_line(head, card, distance)
        count = 115 if upper else 60
        position = random.uniform(-0.93, 0.93, count)
        roots = np.stack([np.polyval(axis, position) for axis in curve], 1)
        outer = position * side
        length = LASH_LENGTHS[style][0 if upper else 1]
        length = length * (0.72 + 0.33 * np.clip(outer, -0.6, 1)) * random.uniform(0.75, 1.1, count)
        lean = side * (0.25 + 0.45 * outer) + random.normal(0, 0.12, count)
        rise = (0.15 if upper else -0.35) + random.normal(0, 0.08, count)
        direction = unit(np.stack([lean, -np.ones(count), rise], 1))
        t = np.linspace(0, 1, 7)
        strands = roots[:, None] + direction[:, None] * (t[None, :, None] * length[:, None, None])
        strands[:, :, 2] += (0.62 if upper else -0.25) * t[None] ** 2 * length[:, None]
        groups.append(strands)
    strands = np.concatenate(groups)
    return strands, 0.000050 * random.uniform(0.8, 1.1, len(strands))


def grow_down(head, random, count=26_000):
    """Vellus hair: hardly seen, but it softens the outline of cheek and jaw."""
    roots = head.sample(count * 3, random, head.rest_eye[2] - 0.13)
    height, azimuth = head.height_and_azimuth(roots.rest)
    on_cheek = smoothstep(azimuth, 12, 30) * (1 - smoothstep(azimuth, 70, 90))
    wanted = on_cheek * (1 - smoothstep(height, 0.05, 0.35)) * (roots.ears < 0.2)
    eyes = np.array([centre for centre, _ in head.eyes])
    away = np.linalg.norm(roots.points[:, None] - eyes[None], axis=2).min(1)
    roots = roots.where((random.random(len(roots)) < wanted * 0.5) & (away > 0.026))
    direction = unit(roots.normals * 0.45 + [0, 0.45, -0.8] + random.normal(0, 0.25, (len(roots), 3)))
    length = random.uniform(0.0010, 0.0026, len(roots))[:, None, None]
    t = np.linspace(0, 1, 5)[None, :, None]
    strands = roots.points[:, None] + direction[:, None] * t * length
    return strands, 0.000011 * random.uniform(0.7, 1.3, len(roots))
