"""One person's head and shoulders as surfaces and strands. Nothing to run here."""

import sys

import numpy as np
import population

sys.path.insert(0, str(population.HERE.parent / "talent"))
import face_hair
import styles
from assets import EYE_VERTEX_RANGES, FIRST_HELPER_VERTEX
from raster import Skin
from strands import Head, smoothstep, sphere_fit, unit

LOWEST = -0.40  # metres below the eyes: what the camera never sees isn't built
HAIR_COLOURS = {
    "blond": (0.40, 0.27, 0.14), "ash": (0.19, 0.14, 0.095), "brown": (0.085, 0.048, 0.026),
    "auburn": (0.13, 0.045, 0.018), "dark": (0.032, 0.021, 0.014), "black": (0.013, 0.011, 0.010),
}  # fmt: skip
GREY = np.array([0.42, 0.41, 0.40])


def load_common(work, levels=2):
    """What everybody shares: topology, weights and the subdivision, cut at the chest."""
    with np.load(work / "shapes" / "common.npz", allow_pickle=True) as archive:
        common = {name: archive[name] for name in archive.files}
    with np.load(work / "shapes" / "p000.npz") as archive:
        height = archive["vertices"][:, 2]
    quads = common["faces"]
    kept = (quads.max(1) < FIRST_HELPER_VERTEX) & (height[quads].max(1) > LOWEST)
    used, compact = np.unique(quads[kept], return_inverse=True)
    common["used"] = used
    common["skin"] = Skin(compact.reshape(-1, 4), common["uvs"], common["uv_faces"][kept], len(used), levels)
    return common


def globe(along=28, around=40):
    """(unit vertices, triangles) of a sphere"""
    theta, phi = np.meshgrid(
        np.linspace(0, np.pi, along), np.linspace(0, 2 * np.pi, around, endpoint=False), indexing="ij"
    )
    points = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1).reshape(-1, 3)
    rows, columns = np.meshgrid(np.arange(along - 1), np.arange(around), indexing="ij")
    a, b = rows * around + columns, rows * around + (columns + 1) % around
    quads = np.stack([a, a + around, b + around, b], -1).reshape(-1, 4)
    return points, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


class Bust:
    def __init__(self, person, work, common, palette, hair_share=1.0):
        self.person, self.hair_share = person, hair_share
        with np.load(work / "shapes" / f"{person['id']}.npz") as archive:
            self.stored = {**common, **{name: archive[name] for name in archive.files}}
        self.skin, self.used = common["skin"], common["used"]
        self.head = Head(self.stored)
        self.eyes = [sphere_fit(self.stored["vertices"][a:b].astype(float)) for a, b in EYE_VERTEX_RANGES]
        self.palette = palette
        self.texture = palette.paint(person)
        self.random = np.random.default_rng(person["seed"] + 5)
        self.surface = styles.Surface(self.head, self.random)
        line = styles.hairline(person)
        rest, ears = self.stored["rest"][self.used].astype(float), self.stored["ears"][self.used]
        self.scalp = self.skin.refine(styles.density_at(self.head, line, rest, ears))
        self._collar()
        self._fine_hair()
        self.grown, self.faces = {}, {}

    def _collar(self):
        """How far below the neckline each fine vertex lies, metres: cloth where it is positive."""
        labels = list(self.stored["bone_labels"])
        weights = self.stored["weights"].astype(float)
        neck = sum(weights[:, i] for i, label in enumerate(labels) if label.startswith("neck01"))[:FIRST_HELPER_VERTEX]
        points = self.stored["vertices"][:FIRST_HELPER_VERTEX].astype(float)
        base = points[neck > 0.4]
        self.neck = base.mean(0)
        lowest = np.percentile(base[:, 2], 15)
        x, y, z = self.skin.refine(points[self.used]).T
        plane = lowest - 0.010 + 0.36 * np.clip(y - self.neck[1], -0.09, 0.08) + 3.0 * np.clip(x * x, 0, 0.012)
        self.cloth = (plane - z).astype(np.float32)

    def surface_of(self, expression):
        """(fine vertices, normals) of the skin, neutral (``vertices``) or ``smile``, dressed."""
        if expression not in self.faces:
            points = self.skin.refine(self.stored[expression][self.used])
            normals = self.skin.normals(points)
            lift = 0.006 * smoothstep(self.cloth, 0.0, 0.004) + 0.003 * smoothstep(self.cloth, 0.0, 0.05)
            points = points + normals * lift[:, None].astype(np.float32)
            self.faces[expression] = points, self.skin.normals(points)
        return self.faces[expression]

    # --- hair -----------------------------------------------------------

    def colour(self, kind, count):
        """Linear colours of ``count`` strands."""
        hair = self.person["hair"]
        base = np.array(HAIR_COLOURS[hair["colour"]])
        if kind == "brow":
            base = base * 0.55 + 0.004
        if kind == "beard":
            base = base * 0.8
        shade = base * self.random.uniform(0.75, 1.3, (count, 1))
        grey = self.random.random(count) < hair["grey"] * (0.35 if kind == "brow" else 0.85)
        shade[grey] = GREY * self.random.uniform(0.5, 1.1, (grey.sum(), 1))
        return shade

    def _fine_hair(self):
        """Brows, lashes and beard: (points, share of a pixel of 0.46 mm that each covers, colours)."""
        person, stored = self.person, self.stored
        style = "coily" if person["hair"]["style"] in ("coily", "afro") else "straight"
        face_hair.BROW_HAIRS[style] = int(520 * person["brows"]["density"])
        brows, _ = face_hair.grow_brows(self.head, styles.brow_cards(person, stored), style, self.random)
        lashes = {"vertices": stored["eyelashes_vertices"].astype(float), "faces": stored["eyelashes_faces"].tolist()}
        lash, _ = face_hair.grow_lashes(self.head, lashes, style, self.random)
        woman = person["sex"] == "woman"
        self.fine = [
            (brows, np.full(len(brows), 0.62), self.colour("brow", len(brows))),
            (lash, np.full(len(lash), 0.38 if woman else 0.24), np.full((len(lash), 3), 0.006)),
        ]
        beard = styles.beard({**person, "mouth": self._mouth()}, self.surface, self.head, self.random)
        if beard is not None:
            self.fine.append((beard[0], np.full(len(beard[0]), 0.45), self.colour("beard", len(beard[0]))))

    def _mouth(self):
        """(height, half width, half height) of the lips, from the skin's lip map."""
        lips, size = self.palette.lips, self.palette.lips.shape[0]
        u, v = self.skin.uvs[:, 0].T
        on_lips = (
            lips[np.clip(((1 - v) * size).astype(int), 0, size - 1), np.clip((u * size).astype(int), 0, size - 1)] > 0.5
        )
        places = self.skin.refine(self.stored["vertices"][self.used])[self.skin.triangles[on_lips, 0]]
        if not len(places):
            return -0.068, 0.026, 0.009
        low, high = np.percentile(places[:, 2], (2, 98))
        return (
            float((low + high) / 2),
            float(np.percentile(np.abs(places[:, 0]), 98)) + 0.002,
            float(high - low) / 2 + 0.002,
        )

    def hair(self, style):
        """(strand points, colours) of a style, or None."""
        if style not in self.grown:
            made = styles.grow(
                self.person,
                self.head,
                self.surface,
                style,
                np.random.default_rng(self.person["seed"] + 9),
                self.hair_share,
            )
            self.grown[style] = (
                None if made is None else (made[0].astype(np.float32), self.colour("hair", len(made[0])))
            )
        return self.grown[style]

    def cover(self, style):
        """How much of the scalp's shade lies under a style."""
        return {"bald": 0.10, "shaved": 0.55, "coily": 0.92}.get(style, 0.95)

    def gaze(self, target, limit_degrees=18.0):
        """Unit vector of both eyes towards a place, no further from straight ahead than is comfortable."""
        middle = np.mean([centre for centre, _ in self.eyes], axis=0)
        ahead, wanted = np.array([0, -1.0, 0]), unit(np.asarray(target) - middle)
        angle = np.degrees(np.arccos(np.clip(ahead @ wanted, -1, 1)))
        share = min(1.0, limit_degrees / max(angle, 1e-6))
        return unit(ahead * (1 - share) + wanted * share)

    # --- things that hide a face ------------------------------------------

    def sunglasses(self):
        """(points, triangles) of two dark lenses and a bridge."""
        front = min(centre[1] - radius for centre, radius in self.eyes) - 0.011
        angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        points, corners = [], []
        for centre, _ in self.eyes:
            side, first = np.sign(centre[0]), len(points)
            points.append((centre[0] + 0.003 * side, front, centre[2] - 0.003))
            points += [
                (
                    centre[0] + side * (0.003 + 0.030 * c),
                    front + (0.008 * c if c > 0 else 0),
                    centre[2] - 0.003 + 0.024 * s,
                )
                for c, s in zip(np.cos(angle), np.sin(angle), strict=True)
            ]
            corners += [(first, first + 1 + k, first + 1 + (k + 1) % 48) for k in range(48)]
        first, level = len(points), self.eyes[0][0][2] + 0.004
        points += [(-0.014, front, level - 0.003), (0.014, front, level - 0.003), (0.014, front, level + 0.004)]
        points += [(-0.014, front, level + 0.004)]
        corners += [(first, first + 1, first + 2), (first, first + 2, first + 3)]
        return np.array(points), np.array(corners)

    def scarf(self, points, normals):
        """(lifted vertices, how much each is under the cloth) for a scarf over nose, mouth and chin."""
        x, y, z = points.T
        upper = -0.020 - 0.25 * np.abs(x)
        inside = smoothstep(upper - z, -0.001, 0.001) * smoothstep(z, -0.20, -0.16) * (1 - smoothstep(y, 0.03, 0.07))
        return points + normals * (0.011 * inside[:, None]), inside
