"""Step 1: head and shoulders of everybody, at rest and with a slight smile.

    python shapes.py --data ASSETS --work WORK [ids]

Writes ``WORK/shapes/<id>.npz`` for tools/talent's ``Head`` (rest and posed vertices, fitted brows and lashes) and
``WORK/shapes/common.npz`` (faces, UVs, weights: the same for all). The body model is kept in ``WORK/model.pt``, because
reading it takes minutes. Coordinates: metres, the middle of the eyes at the origin, facing −Y.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import population
import torch

sys.path.insert(0, str(population.HERE.parent / "talent"))
from assets import EYE_VERTEX_RANGES, fit_to_body
from body import BodyModel, ear_mask, fit_measurements, identity, skinning
from pose import Poser

SMILE = {
    "mouthSmileLeft": 0.55, "mouthSmileRight": 0.5, "cheekSquintLeft": 0.35, "cheekSquintRight": 0.35,
    "mouthDimpleLeft": 0.2, "mouthDimpleRight": 0.2, "jawOpen": 0.04,
}  # fmt: skip


def body_model(work):
    kept = work / "model.pt"
    if kept.exists():
        return torch.load(kept, weights_only=False)
    body = BodyModel()
    torch.save(body, kept)
    return body


def talent_settings(body, work, name, spec):
    """What tools/talent renders: fitted to the comp card, with the expression of the photographs."""
    kept = work / f"settings-{name}.pt"
    if not kept.exists():
        settings = fit_measurements(body, spec, identity(body.model.local_change_labels, spec["face"]))
        plain = {
            group: {k: (v.detach() if hasattr(v, "detach") else torch.tensor([float(v)])) for k, v in values.items()}
            for group, values in settings.items()
        }
        torch.save(plain, kept)
    return torch.load(kept, weights_only=False)


def mixed(own, target, share):
    keys = sorted(set(own) | set(target))
    zero = torch.zeros(1)
    return {key: own.get(key, zero) * (1 - share) + target.get(key, zero) * share for key in keys}


def settings_of(person, body, work):
    labels = body.model.local_change_labels
    specs = population.talents()
    if person["kind"] == "genuine":
        return talent_settings(body, work, person["id"], specs[person["id"]])
    settings = dict(
        phenotype_kwargs={k: torch.tensor([float(v)]) for k, v in person["phenotype"].items()},
        local_changes_kwargs=identity(labels, person["face"]),
        facial_actions={k: torch.tensor([float(v)]) for k, v in person["face"]["expression"].items()},
    )
    if person["blend"]:
        of, share = person["blend"]["of"], person["blend"]["percent"] / 100
        target = talent_settings(body, work, of, specs[of])
        settings = {group: mixed(settings[group], target[group], share) for group in settings}
    return settings


def arms_down(model, rest_heads):
    poser = Poser(model.bone_labels, model.bone_parents, rest_heads)
    for side, sign in (("L", 1), ("R", -1)):
        poser.turn(f"clavicle.{side}", [0, 1, 0], sign * 2.5)
        poser.turn(f"shoulder01.{side}", [0, 1, 0], sign * 4.0)
        poser.aim(f"upperarm01.{side}", f"lowerarm01.{side}", np.array([0.24 * sign, 0.05, -0.97]))
    return poser.matrices()


def shaped(body, settings):
    """(rest vertices, posed vertices, skinning transforms), the eyes' middle of the posed body at the origin."""
    with torch.no_grad():
        state = body.model(**settings)
        matrices = arms_down(body.model, state["rest_bone_heads"][0].numpy())
        posed = body.model(pose_parameters=torch.tensor(matrices)[None], **settings)
    transforms = posed["bone_poses"][0].numpy() @ np.linalg.inv(posed["rest_bone_poses"][0].numpy())
    rest = posed["rest_vertices"][0].numpy()
    return rest, skinning(transforms, rest, body.weights), transforms


def main():
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    folder = options.work / "shapes"
    folder.mkdir(parents=True, exist_ok=True)
    body = body_model(options.work)
    model = body.model
    if not (folder / "common.npz").exists():
        plain = dict(phenotype_kwargs={}, local_changes_kwargs={}, facial_actions={})
        np.savez(
            folder / "common.npz",
            faces=model.faces.numpy(), uvs=model.texture_coordinates.numpy(),
            uv_faces=model.face_texture_coordinate_indices.numpy(), weights=body.weights.astype(np.float16),
            bone_labels=np.array(model.bone_labels), ears=ear_mask(body, plain),
        )  # fmt: skip
    for person in population.population():
        target = folder / f"{person['id']}.npz"
        if target.exists() or (options.ids and person["id"] not in options.ids):
            continue
        settings = settings_of(person, body, options.work)
        rest, vertices, transforms = shaped(body, settings)
        middle = np.mean([vertices[a:b].mean(0) for a, b in EYE_VERTEX_RANGES], axis=0)
        arrays = {"rest": rest, "vertices": vertices - middle}
        if person["kind"] in ("person", "genuine"):
            smiling = {**settings, "facial_actions": {k: torch.tensor([v]) for k, v in SMILE.items()}}
            arrays["smile"] = shaped(body, smiling)[1] - middle
        for kind, asset in (("eyebrows", person["brows"]["asset"]), ("eyelashes", "eyelashes01")):
            path = options.data / "makehuman" / kind / asset / f"{asset}.mhclo"
            asset_rest, asset_weights, mesh = fit_to_body(path, rest, body.weights)
            arrays[f"{kind}_vertices"] = skinning(transforms, asset_rest, asset_weights) - middle
            arrays[f"{kind}_faces"] = np.array(mesh.faces)
        np.savez(target, **{k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in arrays.items()})
        print(person["id"], person["sex"], person["age"], person["group"], flush=True)


if __name__ == "__main__":
    main()
