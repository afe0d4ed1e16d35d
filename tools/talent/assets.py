"""Where files live, and readers for the MakeHuman formats.

Every script of this folder takes its asset folder from ``--data`` or the
environment variable ``TALENT_DATA`` and writes to ``--work`` or
``TALENT_WORK`` (default: ``./talent-work``). The asset folder holds
``makehuman/`` (meshes with their ``.mhclo`` fitting files) and ``skin/``.
"""

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
FIRST_HELPER_VERTEX = 13380  # hm08: everything below is skin
EYE_VERTEX_RANGES = ((14598, 14670), (14670, 14742))  # left, right


def base_parser(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("talents", nargs="*", help="names from talents.json (default: all) or casts of truth.json")
    parser.add_argument("--data", type=Path, default=os.environ.get("TALENT_DATA"))
    parser.add_argument("--work", type=Path, default=Path(os.environ.get("TALENT_WORK", "talent-work")))
    return parser


def parse(parser):
    """Parse, check the folders and return the options with the chosen specs."""
    options = parser.parse_args()
    if options.data is None:
        parser.error("give --data or set TALENT_DATA (see README.md)")
    options.data = Path(options.data)
    options.work.mkdir(parents=True, exist_ok=True)
    talents = load_specs()
    specs = talents | load_casts(talents)
    names = options.talents or list(talents)
    unknown = [name for name in names if name not in specs]
    if unknown:
        parser.error(f"neither in talents.json nor in truth.json: {', '.join(unknown)}")
    options.specs = {name: specs[name] for name in names}
    return options


def load_specs():
    return json.loads((HERE / "talents.json").read_text(encoding="utf-8"))


def load_truth():
    return json.loads((HERE / "truth.json").read_text(encoding="utf-8"))


def load_casts(talents):
    """Casts: a talent of talents.json with other hair, clothes or pose."""
    return {name: changed(talents[cast["of"]], cast) for name, cast in load_truth()["casts"].items()}


def changed(spec, changes):
    """A deep copy of ``spec`` with ``changes`` laid over it; a list or a number replaces what was there."""
    result = dict(spec)
    for key, value in changes.items():
        result[key] = changed(result.get(key, {}), value) if isinstance(value, dict) else value
    return result


def stage_path(work, name, spec, stage):
    """Where a stage (body, cloth, hair) is stored: a cast may take it from another one as it is."""
    return work / f"{spec.get('takes', {}).get(stage, name)}-{stage}.npz"


def makers(options, stage):
    """The chosen talents that make a stage (body, cloth, hair) themselves, with where to store it."""
    for name, spec in options.specs.items():
        if stage not in spec.get("takes", {}):
            yield name, spec, stage_path(options.work, name, spec, stage)


@dataclass
class Fitting:
    """How the vertices of an asset hang on the base mesh (one .mhclo file)."""

    references: np.ndarray  # (n, 3) base-mesh vertices
    weights: np.ndarray  # (n, 3)
    offsets: np.ndarray  # (n, 3) in MakeHuman axes: x, y up, z front
    scales: dict  # axis -> (vertex, vertex, distance the offsets were made for)
    mesh_path: Path


@dataclass
class Mesh:
    vertices: np.ndarray
    uvs: np.ndarray
    faces: list
    uv_faces: list


def read_fitting(path):
    references, weights, offsets, scales = [], [], [], {}
    mesh_name, in_vertices = None, False
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        key = words[0]
        if key in ("x_scale", "y_scale", "z_scale"):
            scales[key[0]] = (int(words[1]), int(words[2]), float(words[3]))
        elif key == "obj_file":
            mesh_name = words[1]
        elif key == "verts":
            in_vertices = True
        elif key == "delete_verts":
            in_vertices = False
        elif in_vertices and key.lstrip("-").isdigit():
            if len(words) == 1:  # sits exactly on one base vertex
                references.append([int(key)] * 3)
                weights.append([1.0, 0.0, 0.0])
                offsets.append([0.0, 0.0, 0.0])
            else:
                references.append([int(word) for word in words[:3]])
                weights.append([float(word) for word in words[3:6]])
                offsets.append([float(word) for word in words[6:9]])
    return Fitting(
        np.array(references),
        np.array(weights),
        np.array(offsets),
        scales,
        Path(path).parent / mesh_name,
    )


def read_obj(path):
    vertices, uvs, faces, uv_faces = [], [], [], []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            vertices.append([float(word) for word in words[1:4]])
        elif words[0] == "vt":
            uvs.append([float(word) for word in words[1:3]])
        elif words[0] == "f":
            corners = [word.split("/") for word in words[1:]]
            faces.append([int(corner[0]) - 1 for corner in corners])
            uv_faces.append([int(c[1]) - 1 if len(c) > 1 and c[1] else 0 for c in corners])
    return Mesh(np.array(vertices), np.array(uvs), faces, uv_faces)


def fit_to_body(path, rest_vertices, skin_weights):
    """Fit an asset to a rest body: (rest vertices, blended skin weights, mesh)."""
    fitting = read_fitting(path)
    mesh = read_obj(fitting.mesh_path)
    if len(fitting.references) != len(mesh.vertices):
        raise ValueError(f"{path}: fitting and mesh have different vertex counts")
    # MakeHuman's (x, y up, z front) are this body's (x, z, -y)
    scale = {}
    for axis, own_axis in (("x", 0), ("y", 2), ("z", 1)):
        first, second, distance = fitting.scales[axis]
        span = abs(rest_vertices[first, own_axis] - rest_vertices[second, own_axis])
        scale[axis] = span / distance
    offset = np.stack(
        [
            fitting.offsets[:, 0] * scale["x"],
            -fitting.offsets[:, 2] * scale["z"],
            fitting.offsets[:, 1] * scale["y"],
        ],
        axis=1,
    )
    corner_weights = fitting.weights[:, :, None]
    fitted = (rest_vertices[fitting.references] * corner_weights).sum(1) + offset
    blended = np.clip((skin_weights[fitting.references] * corner_weights).sum(1), 0, None)
    return fitted, blended / blended.sum(1, keepdims=True), mesh
