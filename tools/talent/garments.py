"""Tee and trousers cut from the posed body itself.

Taken from the body's own surface, shoulders and seat fit; below chest and
thighs the cloth is widened to hang from the widest part above it. Seams and
hems are stored as distances per vertex, for the fabric shader to draw.
Used by drape.py; nothing to run here.
"""

from collections import Counter
from dataclasses import dataclass, field

import bmesh
import bpy
import numpy as np
from assets import FIRST_HELPER_VERTEX
from blender_kit import add_mesh, vertex_array
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

FAR = 1.0  # metres: "no seam near"
ANGLE_BINS = 96
BAND = 0.01  # height of a slice of the girth tables


@dataclass
class Cut:
    """A garment before draping."""

    mesh_object: object
    pin: np.ndarray
    marks: dict = field(default_factory=dict)  # name -> distance per vertex


class BodyShape:
    """The posed body with the lookups a cutter needs."""

    def __init__(self, stored):
        self.vertices = stored["vertices"][:FIRST_HELPER_VERTEX].astype(float)
        self.faces = [f for f in stored["faces"].tolist() if max(f) < FIRST_HELPER_VERTEX]
        self.labels = list(stored["bone_labels"])
        self.weights = stored["weights"].astype(float)[:FIRST_HELPER_VERTEX]
        self.heads = stored["bone_heads"]
        self.ground = float(stored["ground"])
        self.tree = cKDTree(self.vertices)

    def bone(self, name):
        return self.heads[self.labels.index(name)]

    def share(self, *prefixes, side=""):
        columns = [i for i, label in enumerate(self.labels) if label.startswith(prefixes) and label.endswith(side)]
        return self.weights[:, columns].sum(1)

    def share_at(self, points, *prefixes, side=""):
        """Skin weight of some bones at any point near the skin."""
        distances, neighbours = self.tree.query(points, k=4)
        nearness = 1 / (distances + 1e-4)
        values = self.share(*prefixes, side=side)[neighbours]
        return (values * nearness).sum(1) / nearness.sum(1)

    def crotch_height(self):
        middle = np.abs(self.vertices[:, 0] - self.bone("root")[0]) < 0.012
        return self.vertices[middle & (self.share("toe", "foot", "lowerleg") < 0.1), 2].min()


def cut_surface(shape, name, keep_vertex, planes):
    """Subdivided body surface, trimmed by (point, outward normal, where) planes."""
    faces = [face for face in shape.faces if keep_vertex[face].all()]
    rough = add_mesh(name, shape.vertices, faces)
    modifier = rough.modifiers.new("subdivide", "SUBSURF")
    modifier.levels = 2
    graph = bpy.context.evaluated_depsgraph_get()
    mesh = bpy.data.meshes.new_from_object(rough.evaluated_get(graph))
    rough.modifiers.clear()
    rough.data = mesh
    editable = bmesh.new()
    editable.from_mesh(mesh)
    loose = [vertex for vertex in editable.verts if not vertex.link_faces]
    bmesh.ops.delete(editable, geom=loose, context="VERTS")
    for point, normal, where in planes:
        points = np.array([vertex.co for vertex in editable.verts])
        inside = where(points)
        editable.verts.ensure_lookup_table()
        chosen = {vertex for vertex, yes in zip(editable.verts, inside, strict=False) if yes}
        geometry = list(chosen)
        geometry += [edge for edge in editable.edges if all(v in chosen for v in edge.verts)]
        geometry += [face for face in editable.faces if all(v in chosen for v in face.verts)]
        bmesh.ops.bisect_plane(editable, geom=geometry, plane_co=point, plane_no=normal, clear_outer=True)
    bmesh.ops.remove_doubles(editable, verts=editable.verts, dist=0.0016)
    _keep_largest_piece(editable)
    editable.to_mesh(mesh)
    editable.free()
    mesh.update()
    return rough


def _keep_largest_piece(editable):
    editable.verts.ensure_lookup_table()
    unseen, pieces = set(editable.verts), []
    while unseen:
        stack, piece = [unseen.pop()], []
        while stack:
            vertex = stack.pop()
            piece.append(vertex)
            for edge in vertex.link_edges:
                other = edge.other_vert(vertex)
                if other in unseen:
                    unseen.remove(other)
                    stack.append(other)
        pieces.append(piece)
    pieces.sort(key=len)
    for piece in pieces[:-1]:
        bmesh.ops.delete(editable, geom=piece, context="VERTS")


def vertex_normals(mesh):
    values = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertex_normals.foreach_get("vector", values)
    return values.reshape(-1, 3).astype(float)


class GirthTable:
    """Radius of a limb or trunk by height and angle, around its own moving centre."""

    def __init__(self, points, low, high):
        self.low = low
        self.count = max(int((high - low) / BAND) + 1, 3)
        rows = np.clip(((points[:, 2] - low) / BAND).astype(int), 0, self.count - 1)
        centres = np.full((self.count, 2), np.nan)
        for row in range(self.count):
            members = points[rows == row, :2]
            if len(members) > 8:
                centres[row] = (members.min(0) + members.max(0)) / 2
        for axis in range(2):
            known = np.isfinite(centres[:, axis])
            centres[:, axis] = np.interp(np.arange(self.count), np.where(known)[0], centres[known, axis])
            centres[:, axis] = gaussian_filter(centres[:, axis], 2.5, mode="nearest")
        self.centres = centres
        angle, radius, _ = self.polar(points)
        columns = self._column(angle)
        table = np.zeros((self.count, ANGLE_BINS))
        np.maximum.at(table, (rows, columns), radius)
        self.body = self._fill(table)

    @staticmethod
    def _fill(table):
        known = table > 0
        filled = table.copy()
        for _ in range(40):
            if known.all():
                break
            weight = gaussian_filter(known.astype(float), 1.2, mode=("nearest", "wrap"))
            spread = gaussian_filter(filled * known, 1.2, mode=("nearest", "wrap"))
            new = ~known & (weight > 1e-4)
            filled[new] = spread[new] / weight[new]
            known |= new
        return gaussian_filter(filled, 1.0, mode=("nearest", "wrap"))

    @staticmethod
    def _column(angle):
        return ((angle / (2 * np.pi) + 0.5) * ANGLE_BINS).astype(int) % ANGLE_BINS

    def polar(self, points):
        level = np.clip((points[:, 2] - self.low) / BAND, 0, self.count - 1)
        grid = np.arange(self.count)
        centre = np.stack([np.interp(level, grid, self.centres[:, a]) for a in range(2)], 1)
        flat = points[:, :2] - centre
        return np.arctan2(flat[:, 1], flat[:, 0]), np.linalg.norm(flat, axis=1), centre

    def widen(self, points, wanted, amount):
        """Move points outwards by what ``wanted`` adds to the body, times ``amount``."""
        angle, radius, centre = self.polar(points)
        rows = np.clip((points[:, 2] - self.low) / BAND, 0, self.count - 1.001)
        columns = (angle / (2 * np.pi) + 0.5) * ANGLE_BINS - 0.5
        extra = _bilinear(wanted - self.body, rows, columns)
        moved = points.copy()
        direction = (points[:, :2] - centre) / np.maximum(radius, 1e-6)[:, None]
        moved[:, :2] += direction * (extra * amount)[:, None]
        return moved


def _bilinear(table, rows, columns):
    row, column = np.floor(rows).astype(int), np.floor(columns).astype(int)
    row_part, column_part = rows - row, columns - column
    below = np.clip(row + 1, 0, len(table) - 1)
    left, right = column % ANGLE_BINS, (column + 1) % ANGLE_BINS
    top = table[row, left] * (1 - column_part) + table[row, right] * column_part
    bottom = table[below, left] * (1 - column_part) + table[below, right] * column_part
    return top * (1 - row_part) + bottom * row_part


def hang(table, clearance, taper):
    """Cloth falls from the widest point above, drawn in by ``taper`` per metre."""
    wanted = table.body + clearance
    for row in range(len(wanted) - 2, -1, -1):
        wanted[row] = np.maximum(wanted[row], wanted[row + 1] - taper * BAND)
    return gaussian_filter(wanted, (1.0, 1.5), mode=("nearest", "wrap"))


def smoothstep(value, low, high):
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def waves(points, seed, scale):
    """Smooth unevenness so that the folds fall differently left and right."""
    random = np.random.default_rng(seed)
    total = np.zeros(len(points))
    for _ in range(6):
        direction = random.normal(size=3) * (1, 1, 0.35)
        total += np.sin(points @ direction / scale + random.uniform(0, 6.28))
    return total / 6


def cut_tee(shape, spec, seed):
    arms = shape.share("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
    keep = (shape.share("lowerarm02", "wrist", "finger", "metacarpal", "head", "neck03", "eye") < 0.5) & (
        shape.share("lowerleg", "foot", "toe") < 0.05
    )
    hem = max(shape.crotch_height() + 0.012, shape.bone("upperleg01.L")[2] - spec["length"])
    neck = shape.bone("neck01")
    # The neckline plane leans forward: high at the nape, low at the throat.
    nape = neck + np.array([0, 0.055, 0.034 - spec["neck"]])
    throat = neck + np.array([0, -0.060, -0.034 - spec["neck"]])
    lean = throat - nape
    neck_normal = np.cross([1.0, 0, 0], lean)
    neck_normal *= np.sign(neck_normal[2]) / np.linalg.norm(neck_normal)
    planes = [
        (
            (nape + throat) / 2,
            neck_normal,
            lambda p: np.linalg.norm(p[:, :2] - neck[:2], axis=1) < 0.15,
        ),
        ((0, 0, hem), (0, 0, -1), lambda p: np.ones(len(p), bool)),
    ]
    sleeves = {}
    for side in "LR":
        start, end = shape.bone(f"upperarm01.{side}"), shape.bone(f"lowerarm01.{side}")
        axis = (end - start) / np.linalg.norm(end - start)
        sleeves[side] = (start, axis, np.linalg.norm(end - start))
        opening = start + (end - start) * spec["sleeve"]
        planes.append((opening, axis, _near_arm(shape, side)))
    mesh_object = cut_surface(shape, "tee", keep, planes)
    points = vertex_array(mesh_object.data)
    normals = vertex_normals(mesh_object.data)
    arm = shape.share_at(points, "upperarm", "lowerarm")
    rim = _rim_vertices(mesh_object.data)
    marks = _tee_marks(rim, points, hem, nape, neck_normal, neck, sleeves, arm, shape, spec)

    armpit = min(sleeves[side][0][2] for side in "LR") - 0.085
    trunk = shape.vertices[(arms < 0.35) & (shape.vertices[:, 2] > hem - 0.03) & (shape.vertices[:, 2] < armpit + 0.06)]
    table = GirthTable(trunk, hem - 0.02, armpit + 0.06)
    wanted = hang(table, 0.012, spec.get("taper", 0.15)) * (1 + spec["ease"] * 0.35)
    amount = (1 - smoothstep(points[:, 2], armpit - 0.06, armpit + 0.05)) * (1 - smoothstep(arm, 0.2, 0.6))
    unevenness = waves(points, seed, 0.06) * (0.0025 + 0.0075 * amount)
    # The collar lies on the neck, the rest of the cloth stands off a little.
    standing_off = smoothstep(marks["neck"], 0.012, 0.06)
    moved = points + normals * (0.0028 + (0.0037 + unevenness) * standing_off)[:, None]
    moved = table.widen(moved, wanted, amount * 0.92)
    for side, (start, axis, length) in sleeves.items():
        along = (points - start) @ axis / length
        weight = smoothstep(along, 0.16, spec["sleeve"]) * smoothstep(
            shape.share_at(points, "upperarm", "lowerarm", side=side), 0.3, 0.8
        )
        centre = start + axis * ((moved - start) @ axis)[:, None]
        radial = moved - centre
        # Wider away from the trunk only: under the arm there is no room.
        outwards = radial[:, 0] * (1 if side == "L" else -1) / np.linalg.norm(radial, axis=1)
        flare = 0.30 * weight * smoothstep(outwards, -0.9, 0.3)
        moved = moved + radial * flare[:, None]
    _store(mesh_object, moved)
    collar = marks["neck"]
    pin = np.where(collar < 0.014, 1.0, np.clip(0.55 * (1 - (collar - 0.014) / 0.05), 0, 1))
    for side, sign in (("L", 1), ("R", -1)):
        # Between arm and trunk there is no room to simulate: hold the armpit.
        armpit_place = sleeves[side][0] + np.array([-0.02 * sign, 0, -0.09])
        distance = np.linalg.norm((points - armpit_place) * (1.2, 0.8, 0.7), axis=1)
        pin = np.maximum(pin, np.clip(2.2 - distance / 0.04, 0, 1))
    return Cut(mesh_object, pin, marks)


def _near_arm(shape, side):
    return lambda points: shape.share_at(points, "upperarm", "lowerarm", side=side) > 0.5


def _tee_marks(rim, points, hem, nape, neck_normal, neck, sleeves, arm, shape, spec):
    """Distances to neckline, hems and seams, measured on the body."""
    above = np.linalg.norm(points[:, :2] - neck[:2], axis=1)
    above = np.where(points[:, 2] > neck[2] - 0.25, above, FAR)  # the hem lies below the neck as well
    marks = {
        "neck": np.where(above < 0.20, _edge_distance(points, rim, above), FAR),
        "hem": np.where(arm < 0.4, points[:, 2] - hem, FAR),
        # Where the cloth lay before it fell: stripes are woven along these.
        "rise": points[:, 2] - hem,
        "cuff": np.full(len(points), FAR),
        "sleeve": np.full(len(points), -FAR),  # above 0 beyond the armhole
    }
    for side, (start, axis, length) in sleeves.items():
        own = shape.share_at(points, "upperarm", "lowerarm", side=side)
        along = (points - start) @ axis
        cuff = length * spec["sleeve"] - along
        marks["hem"] = np.where(own > 0.4, np.minimum(marks["hem"], cuff), marks["hem"])
        marks["cuff"] = np.where(own > 0.02, cuff, marks["cuff"])
        armhole = _beyond_armhole(points, start, 1 if side == "L" else -1)
        marks["sleeve"] = np.where(own > 0.02, armhole, marks["sleeve"])
    return marks


def _beyond_armhole(points, shoulder, sign):
    """Signed distance from the armhole, positive on the sleeve."""
    return (points - shoulder) @ np.array([sign, 0, -0.10]) + 0.004


def _nearer(first, second):
    """The smaller of two signed distances."""
    return np.where(np.abs(second) < np.abs(first), second, first)


def tee_seams(shape, points):
    """Signed distance to shoulder seams and armholes of the draped tee."""
    neck = shape.bone("neck01")
    seam = np.full(len(points), FAR)
    arm = shape.share_at(points, "upperarm", "lowerarm")
    on_top = (points[:, 2] > neck[2] - 0.13) & (arm < 0.5)
    seam = np.where(on_top, points[:, 1] - (neck[1] + 0.018), seam)
    for side, sign in (("L", 1), ("R", -1)):
        # The armhole runs from just inside the shoulder bone's end to the armpit.
        start = shape.bone(f"upperarm01.{side}")
        across = _beyond_armhole(points, start, sign)
        near = np.linalg.norm(points - start, axis=1) < 0.115
        seam = np.where(near, _nearer(seam, across), seam)
    return seam


def trouser_seams(shape, points):
    """Signed distance to the outer and inner seams of the draped trousers."""
    seam = np.full(len(points), FAR)
    top = shape.crotch_height() - 0.01
    for side in "LR":
        own = shape.share_at(points, "upperleg", "lowerleg", "foot", "pelvis", side=side)
        leg = np.where((own > 0.5) & (points[:, 2] < top))[0]
        table = GirthTable(points[leg], points[leg, 2].min(), top)
        angle, radius, _ = table.polar(points[leg])
        for seam_angle in (0.0, np.pi):
            turn = (angle - seam_angle + np.pi) % (2 * np.pi) - np.pi
            distance = np.where(np.abs(turn) < 0.6, turn * radius, FAR)
            seam[leg] = _nearer(seam[leg], distance)
    return seam


def _rim_vertices(mesh):
    """Vertices on open edges: neckline, cuffs and hem."""
    uses = Counter(key for polygon in mesh.polygons for key in polygon.edge_keys)
    return np.unique([key for key, count in uses.items() if count == 1])


def _edge_distance(points, rim, from_neck):
    """Distance to the neckline itself; the cutting plane alone is too oblique in front."""
    edge = points[rim][from_neck[rim] < 0.13]
    return cKDTree(edge).query(points)[0]


def cut_trousers(shape, spec, seed):
    keep = (shape.share("wrist", "finger", "metacarpal", "lowerarm", "upperarm", "clavicle") < 0.2) & (
        shape.share("toe", "head", "neck", "spine01", "spine02", "shoulder") < 0.35
    )
    hips = min(shape.bone("upperleg01.L")[2], shape.bone("upperleg01.R")[2])
    waist = hips + 0.085
    ankle = shape.ground + 0.095
    planes = [
        ((0, 0, waist), (0, 0, 1), lambda p: np.ones(len(p), bool)),
        ((0, 0, ankle), (0, 0, -1), lambda p: np.ones(len(p), bool)),
    ]
    mesh_object = cut_surface(shape, "trousers", keep, planes)
    points = vertex_array(mesh_object.data)
    normals = vertex_normals(mesh_object.data)
    crotch = shape.crotch_height()
    marks = {
        "waist": waist - points[:, 2],
        "hem": points[:, 2] - ankle,
    }
    moved = points + normals * (0.006 + 0.0025 * waves(points, seed, 0.05))[:, None]
    middle = shape.bone("root")[0]
    for side, sign in (("L", 1), ("R", -1)):
        own = shape.share_at(points, "upperleg", "lowerleg", "foot", "pelvis", side=side)
        mine = (own > 0.5) & (sign * (points[:, 0] - middle) > -0.03) & (points[:, 2] < crotch + 0.05)
        leg_share = shape.share("upperleg", "lowerleg", "foot", side=side)
        leg = shape.vertices[
            (leg_share > 0.5) & (shape.vertices[:, 2] > ankle - 0.02) & (shape.vertices[:, 2] < crotch + 0.02)
        ]
        table = GirthTable(leg, ankle - 0.01, crotch + 0.02)
        wanted = _leg_line(table, spec)
        amount = np.where(mine, 1 - smoothstep(points[:, 2], crotch - 0.09, crotch - 0.005), 0.0)
        moved = table.widen(moved, wanted, amount)
    knee = shape.bone("lowerleg01.L")[2]
    length = (knee - (shape.ground + 0.045)) / (knee - ankle)
    marks["hem"] = marks["hem"] * length
    moved[:, 2] = np.where(moved[:, 2] < knee, knee + (moved[:, 2] - knee) * length, moved[:, 2])
    _store(mesh_object, moved)
    pin = np.clip(1 - (marks["waist"] - 0.02) / 0.04, 0, 1)
    # Between the thighs there is no room to simulate: hold the fork.
    fork = np.linalg.norm((points - [middle, shape.bone("root")[1], crotch]) * (1, 0.45, 1), axis=1)
    return Cut(mesh_object, np.maximum(pin, np.clip(1.4 - fork / 0.05, 0, 1)), marks)


def _leg_line(table, spec):
    """A straight leg: from the thigh's shape to a round opening, never tight."""
    rows = np.arange(table.count)[:, None] / (table.count - 1)
    thigh = table.body[int(table.count * 0.86)]
    opening = spec["opening"] / (2 * np.pi)
    line = opening * (1 - rows) + (thigh + spec["ease"]) * rows
    return gaussian_filter(np.maximum(line, table.body + 0.008), (2.0, 1.5), mode=("nearest", "wrap"))


def _store(mesh_object, points):
    mesh_object.data.vertices.foreach_set("co", points.astype(np.float32).ravel())
    mesh_object.data.update()
