"""Ground work for hair: roots on the skin, a distance field, clumping.

Strands are plain arrays (strands, points, 3). Used by hair.py and
face_hair.py; nothing to run here.
"""

import numpy as np
from assets import EYE_VERTEX_RANGES, FIRST_HELPER_VERTEX
from blender_kit import surface_tree
from mathutils import Vector
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree


def unit(vectors):
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-12)


def smoothstep(value, low, high):
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def triangles(faces):
    return np.array([[f[0], f[i], f[i + 1]] for f in faces for i in range(1, len(f) - 1)])


def best_rotation(source, target):
    """Rotation that takes one point set to another (Kabsch)."""
    left, _, right = np.linalg.svd((source - source.mean(0)).T @ (target - target.mean(0)))
    flip = np.diag([1, 1, np.sign(np.linalg.det(left @ right))])
    return (left @ flip @ right).T


def sphere_fit(points):
    matrix = np.c_[2 * points, np.ones(len(points))]
    solution = np.linalg.lstsq(matrix, (points**2).sum(1), rcond=None)[0]
    centre = solution[:3]
    return centre, float(np.sqrt(solution[3] + centre @ centre))


class Head:
    """The posed head plus the upright rest head that hairlines are drawn on."""

    def __init__(self, stored):
        self.rest = stored["rest"].astype(float)
        self.posed = stored["vertices"].astype(float)
        self.faces = [f for f in stored["faces"].tolist() if max(f) < FIRST_HELPER_VERTEX]
        self.face_heights = self.rest[np.array(self.faces), 2].mean(1)
        self.ears = stored["ears"].astype(float)
        labels = list(stored["bone_labels"])
        self.on_head = stored["weights"][:, labels.index("head")].astype(float) > 0.8
        skin_head = np.where(self.on_head[:FIRST_HELPER_VERTEX])[0]
        self.rotation = best_rotation(self.rest[skin_head], self.posed[skin_head])
        self.eyes = [sphere_fit(self.posed[a:b]) for a, b in EYE_VERTEX_RANGES]
        rest_eyes = np.array([self.rest[a:b].mean(0) for a, b in EYE_VERTEX_RANGES])
        self.rest_eye = rest_eyes.mean(0)
        self.rest_top = self.rest[skin_head, 2].max()
        back = self.rest[skin_head, 1].max()
        front = self.rest[skin_head, 1].min()
        # Half way between brow and back of the head: the hub of the azimuth.
        self.rest_hub = np.array([rest_eyes[:, 0].mean(), 0.45 * (front + 0.02) + 0.55 * back, 0])
        self.normals = self._vertex_normals()
        self.tree = surface_tree(self.posed[:FIRST_HELPER_VERTEX], self.faces)

    def _vertex_normals(self):
        normals = np.zeros_like(self.posed)
        corners = triangles(self.faces)
        a, b, c = (self.posed[corners[:, i]] for i in range(3))
        face_normals = np.cross(b - a, c - a)
        for column in range(3):
            np.add.at(normals, corners[:, column], face_normals)
        return unit(normals)

    def to_posed(self, rest_point):
        """A rest point of the rigid head, posed."""
        skin_head = np.where(self.on_head[:FIRST_HELPER_VERTEX])[0]
        offset = self.posed[skin_head].mean(0) - self.rotation @ self.rest[skin_head].mean(0)
        return np.asarray(rest_point) @ self.rotation.T + offset

    def sample(self, count, random, lowest_rest_height):
        """Even random roots on the upper part of the body."""
        chosen = [self.faces[i] for i in np.flatnonzero(self.face_heights > lowest_rest_height)]
        corners = triangles(chosen)
        a, b, c = (self.posed[corners[:, i]] for i in range(3))
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        picks = random.choice(len(corners), count, p=area / area.sum())
        u = random.random((count, 2))
        over = u.sum(1) > 1
        u[over] = 1 - u[over]
        weights = np.stack([1 - u.sum(1), u[:, 0], u[:, 1]], 1)

        def blend(values):
            picked = values[corners[picks]]
            return (picked * weights.reshape(weights.shape + (1,) * (picked.ndim - 2))).sum(1)

        return Roots(blend(self.posed), unit(blend(self.normals)), blend(self.rest), blend(self.ears))

    def height_and_azimuth(self, rest_points):
        """0 at the eyes, 1 at the crown; 0 degrees in front, 180 at the back."""
        height = (rest_points[:, 2] - self.rest_eye[2]) / (self.rest_top - self.rest_eye[2])
        flat = rest_points - self.rest_hub
        return height, np.degrees(np.arctan2(np.abs(flat[:, 0]), -flat[:, 1]))

    def snap(self, point, lift):
        nearest, normal, _, _ = self.tree.find_nearest(Vector(point))
        return np.array(nearest + normal * lift)


class Roots:
    def __init__(self, points, normals, rest, ears):
        self.points, self.normals, self.rest, self.ears = points, normals, rest, ears

    def where(self, mask):
        return Roots(self.points[mask], self.normals[mask], self.rest[mask], self.ears[mask])

    def __len__(self):
        return len(self.points)


class DistanceField:
    """Signed distance to one or more surfaces on a grid; cheap for many points."""

    def __init__(self, trees, low, high, step=0.004):
        self.low, self.step = np.array(low, float), step
        shape = np.ceil((np.array(high) - self.low) / step).astype(int) + 1
        values = np.full(shape, 1.0)
        axes = [self.low[i] + step * np.arange(shape[i]) for i in range(3)]
        for i, x in enumerate(axes[0]):
            for j, y in enumerate(axes[1]):
                for k, z in enumerate(axes[2]):
                    point = Vector((x, y, z))
                    values[i, j, k] = min(self._signed(tree, point) for tree in trees)
        self.values = values
        self.gradients = np.gradient(values, step)

    @staticmethod
    def _signed(tree, point):
        nearest, normal, _, distance = tree.find_nearest(point, 0.15)
        if nearest is None:
            return 0.15
        return distance if (point - nearest).dot(normal) >= 0 else -distance

    def _at(self, grid, points):
        flat = points.reshape(-1, 3)
        return map_coordinates(grid, ((flat - self.low) / self.step).T, order=1, mode="nearest").reshape(
            points.shape[:-1]
        )

    def distance(self, points):
        return self._at(self.values, points)

    def outward(self, points):
        return unit(np.stack([self._at(g, points) for g in self.gradients], -1))

    def keep_outside(self, points, clearance):
        """Push points out to ``clearance`` (a number or one per point)."""
        missing = np.clip(clearance - self.distance(points), 0, None)
        return points + self.outward(points) * missing[..., None]


def clump(strands, centre_count, strength, random, reach=0.03):
    """Draw strands towards a neighbour more and more along their length."""
    count, points = strands.shape[:2]
    centres = strands[random.choice(count, min(centre_count, count), replace=False)]

    def key(some):
        return np.concatenate([some[:, points // 2], some[:, -1]], axis=1)

    _, owner = cKDTree(key(centres)).query(key(strands))
    along = np.linspace(0, 1, points)
    share = np.clip(along * 1.25 - 0.15, 0, 1)[None] ** 1.3 * random.uniform(*strength, (count, 1))
    pull = centres[owner] - strands
    near = np.clip(1 - np.linalg.norm(pull, axis=2) / reach, 0, 1)
    return strands + pull * (share * near)[..., None], owner


def resample(strands, keep_fraction):
    """Shorten each strand to a fraction of its length, keeping its point count."""
    count, points = strands.shape[:2]
    position = np.linspace(0, 1, points)[None] * keep_fraction[:, None] * (points - 1)
    low = np.clip(np.floor(position).astype(int), 0, points - 2)
    part = (position - low)[..., None]
    rows = np.arange(count)[:, None]
    return strands[rows, low] * (1 - part) + strands[rows, low + 1] * part
