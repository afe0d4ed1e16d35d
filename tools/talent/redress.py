"""Clothes that have fallen on one pose, carried over to another of the same body.

Each point of the cloth moves with the skin that lies under it. That folds less than a
simulation would, but it also works where cloth has no room to be simulated, as in a
lap. Used by drape.py; nothing to run here.
"""

import numpy as np
from blender_kit import surface_tree
from garments import BodyShape
from mathutils import Vector

NEIGHBOURS = 8
BLENDING = 30  # rounds over which weights even out: cloth bends less sharply than skin
SETTLING = 8
CLEARANCE = {"tee": 0.009, "trousers": 0.0055}


def redress(from_body, to_body, cloth):
    """The arrays of ``drape.drape`` for the pose of ``to_body``."""
    shape, posed = BodyShape(from_body), BodyShape(to_body)
    moves = to_body["transforms"] @ np.linalg.inv(from_body["transforms"])
    tree = surface_tree(posed.vertices, posed.faces)
    result = {name: cloth[name] for name in cloth}
    for kind, clearance in CLEARANCE.items():
        points, edges = cloth[f"{kind}_vertices"], _edges(cloth[f"{kind}_faces"])
        weights = _even_out(_weights(shape, points), edges, BLENDING)
        blended = np.einsum("vb,bij->vij", weights, moves)
        moved = np.einsum("vij,vj->vi", blended[:, :3, :3], points) + blended[:, :3, 3]
        for _ in range(SETTLING):
            moved = _keep_outside(_even_out(moved, edges, 1), tree, clearance)
        result[f"{kind}_vertices"] = moved
    return result


def _weights(shape, points):
    distances, neighbours = shape.tree.query(points, k=NEIGHBOURS)
    nearness = 1 / (distances + 1e-3)
    weights = (shape.weights[neighbours] * nearness[..., None]).sum(1)
    return weights / weights.sum(1, keepdims=True)


def _edges(faces):
    pairs = [(a, b) for face in faces for a, b in zip(face, [*face[1:], face[0]], strict=True)]
    return np.unique(np.sort(np.array(pairs, int), axis=1), axis=0)


def _even_out(values, edges, rounds):
    """Half way to the mean of the neighbours, ``rounds`` times."""
    degree = np.bincount(edges.ravel(), minlength=len(values))[:, None]
    for _ in range(rounds):
        total = np.zeros_like(values)
        np.add.at(total, edges[:, 0], values[edges[:, 1]])
        np.add.at(total, edges[:, 1], values[edges[:, 0]])
        values = 0.5 * values + 0.5 * total / np.maximum(degree, 1)
    return values


def _keep_outside(points, tree, clearance):
    points = points.copy()
    for index, point in enumerate(points):
        nearest, normal, _, _ = tree.find_nearest(Vector(point))
        if (Vector(point) - nearest).dot(normal) < clearance:
            points[index] = nearest + normal * clearance
    return points
