"""raster.c from Python, and the subdivision of the one mesh that everybody shares. Nothing to run here."""

import ctypes
import subprocess

import numpy as np
import population
from scipy import sparse

FAR = 1e9


def _pointer(array):
    return None if array is None else array.ctypes.data_as(ctypes.c_void_p)


class Raster:
    def __init__(self, work):
        source, library = population.HERE / "raster.c", work / "raster.so"
        if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(
                ["cc", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC", "-o", library, source, "-lm"],
                check=True,
            )
        self.code = ctypes.CDLL(str(library))

    def triangles(self, points, corners, buffers, first=0):
        depth, ids, u, v = buffers
        points, corners = np.ascontiguousarray(points, np.float32), np.ascontiguousarray(corners, np.int32)
        high, wide = depth.shape
        self.code.triangles(
            _pointer(points),
            _pointer(corners),
            len(corners),
            wide,
            high,
            *(_pointer(b) for b in (depth, ids, u, v)),
            first,
        )

    def lines(self, points, buffers, first=0):
        """``points`` (strands, points, 3)"""
        depth, ids, u = buffers[:3]
        points = np.ascontiguousarray(points, np.float32)
        high, wide = depth.shape
        self.code.lines(
            _pointer(points),
            points.shape[0],
            points.shape[1],
            wide,
            high,
            *(_pointer(b) for b in (depth, ids, u)),
            first,
        )

    def blend(self, points, colours, alpha, depth, picture, bias):
        points, colours = np.ascontiguousarray(points, np.float32), np.ascontiguousarray(colours, np.float32)
        alpha = np.ascontiguousarray(alpha, np.float32)
        high, wide = depth.shape
        self.code.blend(
            _pointer(points), _pointer(colours), _pointer(alpha), points.shape[0], points.shape[1], wide, high,
            _pointer(depth), _pointer(picture), ctypes.c_float(bias),
        )  # fmt: skip

    def to_map(self, points, axes, centre, scale, side):
        points = np.ascontiguousarray(points, np.float32)
        out = np.empty_like(points)
        self.code.to_map(
            _pointer(points),
            points.size // 3,
            _pointer(axes),
            _pointer(centre),
            ctypes.c_float(scale),
            side,
            _pointer(out),
        )
        return out

    def behind(self, points, axes, centre, scale, side, depth, jitter, seed):
        points = np.ascontiguousarray(points, np.float32)
        out = np.empty(points.shape[:-1], np.float32)
        self.code.behind(
            _pointer(points), out.size, _pointer(axes), _pointer(centre), ctypes.c_float(scale), side, _pointer(depth),
            ctypes.c_float(jitter), seed, _pointer(out),
        )  # fmt: skip
        return out

    def skin_lamp(self, ground, lamp, power, shadow, seed, light, shine):
        """``ground``: places, normals, directions to the camera, roughness; adds to ``light`` and ``shine`` in place."""
        lamp, power = np.ascontiguousarray(lamp, np.float32), np.ascontiguousarray(power, np.float32)
        self.code.skin_lamp(
            *(_pointer(array) for array in ground), len(light), _pointer(lamp), _pointer(power), _pointer(shadow.axes),
            _pointer(shadow.centre), ctypes.c_float(shadow.scale), shadow.side, _pointer(shadow.depth), seed, _pointer(light),
            _pointer(shine),
        )  # fmt: skip


def buffers(high, wide, depth_only=False):
    depth = np.full((high, wide), FAR, np.float32)
    if depth_only:
        return depth, None, None, None
    return depth, np.full((high, wide), -1, np.int32), np.zeros_like(depth), np.zeros_like(depth)


def catmull_clark(count, quads):
    """(matrix that makes the finer vertices, finer quads) for a quad mesh with borders."""
    faces = len(quads)
    pairs = np.stack([quads, np.roll(quads, -1, 1)], 2).reshape(-1, 2)  # edge k of a face: corner k to k + 1
    keys, edge_of, uses = np.unique(np.sort(pairs, 1), axis=0, return_inverse=True, return_counts=True)
    edge_of = edge_of.reshape(faces, 4)
    edges, border = len(keys), uses == 1
    face_point = sparse.csr_matrix(
        (np.full(4 * faces, 0.25), (np.repeat(np.arange(faces), 4), quads.ravel())), (faces, count)
    )
    middle = sparse.csr_matrix(
        (np.full(2 * edges, 0.5), (np.repeat(np.arange(edges), 2), keys.ravel())), (edges, count)
    )
    touch = sparse.csr_matrix((np.ones(4 * faces), (edge_of.ravel(), np.repeat(np.arange(faces), 4))), (edges, faces))
    around = sparse.diags(1 / uses) @ touch @ face_point
    inner = sparse.diags(np.where(border, 0, 0.5))
    edge_point = inner @ (middle + around) + sparse.diags(border.astype(float)) @ middle

    at_vertex = sparse.csr_matrix((np.ones(4 * faces), (quads.ravel(), np.repeat(np.arange(faces), 4))), (count, faces))
    edge_at = sparse.csr_matrix((np.ones(2 * edges), (keys.ravel(), np.repeat(np.arange(edges), 2))), (count, edges))
    valence = np.asarray(at_vertex.sum(1)).ravel()
    edge_valence = np.asarray(edge_at.sum(1)).ravel()
    rim_edges = edge_at @ sparse.diags(border.astype(float))
    on_rim = np.asarray(rim_edges.sum(1)).ravel()
    smooth = (valence > 0) & (on_rim == 0)
    safe = np.maximum(valence, 1)
    whole = sparse.identity(count, format="csr")
    regular = (
        sparse.diags(1 / safe**2) @ at_vertex @ face_point
        + sparse.diags(2 / (safe * np.maximum(edge_valence, 1))) @ edge_at @ middle
        + sparse.diags((safe - 3) / safe) @ whole
    )
    rim = 0.5 * whole + sparse.diags(0.5 / np.maximum(on_rim, 1)) @ rim_edges @ middle
    plain = (valence == 0) | ((on_rim != 2) & (on_rim > 0))
    vertex_point = (
        sparse.diags(smooth.astype(float)) @ regular
        + sparse.diags(((on_rim == 2) & ~plain).astype(float)) @ rim
        + sparse.diags(plain.astype(float)) @ whole
    )
    matrix = sparse.vstack([vertex_point, edge_point, face_point]).tocsr()
    edge_of = edge_of + count
    centre = np.arange(faces) + count + edges
    finer = np.stack(
        [np.stack([quads[:, k], edge_of[:, k], centre, edge_of[:, k - 1]], 1) for k in range(4)], axis=1
    ).reshape(-1, 4)
    return matrix, finer


def finer_corners(values):
    """(faces, 4, n) corner values, as UVs, for ``catmull_clark``'s finer quads."""
    following, before = np.roll(values, -1, 1), np.roll(values, 1, 1)
    centre = np.broadcast_to(values.mean(1, keepdims=True), values.shape)
    finer = np.stack([values, (values + following) / 2, centre, (values + before) / 2], axis=2)
    return finer.reshape(-1, 4, values.shape[2])


class Skin:
    """The shared topology of head and shoulders, subdivided; ``refine`` takes one person's vertices or values."""

    def __init__(self, quads, uvs, uv_quads, count, levels=2):
        self.matrix, corners = None, uvs[uv_quads]
        for _ in range(levels):
            # Finer meshes keep the coarser one's vertices in front: shadows are cast by the last but one.
            self.coarse = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
            step, quads = catmull_clark(count, quads)
            self.matrix = step if self.matrix is None else step @ self.matrix
            corners, count = finer_corners(corners), step.shape[0]
        self.matrix = self.matrix.tocsr().astype(np.float32)
        self.triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
        self.uvs = np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]]).astype(np.float32)
        self.count = count

    def refine(self, values):
        return self.matrix @ np.asarray(values, np.float32)

    def normals(self, vertices):
        a, b, c = (vertices[self.triangles[:, k]] for k in range(3))
        across = np.cross(b - a, c - a)
        total = np.zeros_like(vertices)
        for axis in range(3):
            for k in range(3):
                total[:, axis] += np.bincount(self.triangles[:, k], across[:, axis], len(vertices))
        return total / (np.linalg.norm(total, axis=1, keepdims=True) + 1e-12)
