"""Step 2: let tee and trousers fall on the posed body (Blender cloth).

    python drape.py [mira sami] --data ASSETS --work WORK

Needs ``<talent>-body.npz``; writes ``<talent>-cloth.npz`` with the draped
vertices, faces and the seam marks. Trousers and tee fall together: the tee
collides with the trousers. Two to five minutes an attempt; at most three attempts.
"""

import time

import bpy
import numpy as np
from assets import base_parser, load_specs, makers, parse, stage_path
from blender_kit import add_mesh, empty_scene, surface_tree, vertex_array
from garments import BodyShape, cut_tee, cut_trousers, tee_seams, trouser_seams
from mathutils import Vector
from redress import redress

FRAMES = 36
ATTEMPTS = 3
# mass per vertex, bending, and how much the rest size is enlarged, which
# gives the cloth something to fold
FABRIC = {
    "tee": dict(mass=0.18, tension=18, bending=0.07, slack=0.013),
    "trousers": dict(mass=0.32, tension=22, bending=1.6, slack=0.004),
}
SEAMS = {"tee": tee_seams, "trousers": trouser_seams}
CLEARANCE = {"tee": 0.007, "trousers": 0.005}
FLUNG = 0.085  # no cloth hangs this far off the body
UNDERNEATH = 0.0055  # extra room where the tee covers the waistband


def make_collider(mesh_object, inner, friction=4.0):
    mesh_object.modifiers.new("collision", "COLLISION")
    settings = mesh_object.collision
    settings.thickness_outer = 0.002
    settings.thickness_inner = inner
    settings.cloth_friction = friction
    settings.damping = 0.5


def add_body_collider(shape):
    """The body without fingers and toes, which only cause trouble here."""
    unwanted = shape.share("finger", "metacarpal", "toe") > 0.4
    faces = [face for face in shape.faces if not unwanted[face].any()]
    used = np.unique(np.concatenate([np.array(face) for face in faces]))
    new_index = -np.ones(len(shape.vertices), int)
    new_index[used] = np.arange(len(used))
    faces = [[int(new_index[i]) for i in face] for face in faces]
    collider = add_mesh("body", shape.vertices[used], faces)
    make_collider(collider, 0.02)
    return collider


def push_out(points, tree, clearance):
    """Move what starts inside, or too close to, the body."""
    for _ in range(3):
        for index, point in enumerate(points):
            nearest, normal, _, _ = tree.find_nearest(Vector(point))
            depth = (Vector(point) - nearest).dot(normal)
            if depth < clearance[index]:
                points[index] = nearest + normal * clearance[index]
    return points


def make_cloth(cut, kind):
    fabric = FABRIC[kind]
    cloth_object = cut.mesh_object
    group = cloth_object.vertex_groups.new(name="pin")
    for index, value in enumerate(cut.pin):
        if value > 0:
            group.add([index], float(value), "REPLACE")
    modifier = cloth_object.modifiers.new("cloth", "CLOTH")
    settings = modifier.settings
    settings.quality = 6
    settings.mass = fabric["mass"]
    settings.tension_stiffness = fabric["tension"]
    settings.compression_stiffness = fabric["tension"] * 0.6
    settings.shear_stiffness = fabric["tension"] * 0.3
    settings.bending_stiffness = fabric["bending"]
    settings.tension_damping = settings.compression_damping = 8
    settings.shear_damping = 6
    settings.bending_damping = 0.5
    settings.air_damping = 1.5
    settings.vertex_group_mass = "pin"
    settings.pin_stiffness = 1
    settings.shrink_min = -fabric["slack"]
    collisions = modifier.collision_settings
    collisions.distance_min = 0.002
    collisions.collision_quality = 3
    collisions.impulse_clamp = 2.0
    collisions.use_self_collision = False
    modifier.point_cache.frame_start = 1
    modifier.point_cache.frame_end = FRAMES


def simulate(scene):
    scene.frame_start, scene.frame_end = 1, FRAMES
    for frame in range(1, FRAMES + 1):
        scene.frame_set(frame)


def mend(points, faces, tree, clearance):
    """Vertices flung away (pinched between arm and trunk) are filled from around them."""
    edges = np.array([(a, b) for face in faces for a, b in zip(face, [*face[1:], face[0]], strict=True)])
    astray = np.array([tree.find_nearest(Vector(point))[3] > FLUNG for point in points])
    count = int(astray.sum())
    if not count:
        return points, 0
    for _ in range(4):  # their neighbours are stretched as well
        touched = astray[edges].any(1)
        astray[edges[touched].ravel()] = True
    points = points.copy()
    hole = edges[astray[edges].any(1)]
    degree = np.bincount(hole.ravel(), minlength=len(points))[:, None]
    points[astray] = points[~astray].mean(0)
    for _ in range(600):
        total = np.zeros_like(points)
        np.add.at(total, hole[:, 0], points[hole[:, 1]])
        np.add.at(total, hole[:, 1], points[hole[:, 0]])
        points[astray] = (total / np.maximum(degree, 1))[astray]
    points[astray] = push_out(points[astray], tree, np.full(astray.sum(), clearance))
    return points, count


def drape(shape, fitted, spec, seed):
    """One attempt: the arrays to store, and how many vertices had to be mended."""
    scene = empty_scene()
    scene.gravity = (0, 0, -9.81)
    collider = add_body_collider(shape)
    tree = surface_tree(vertex_array(collider.data), [p.vertices for p in collider.data.polygons])
    shoes = add_mesh("shoes", fitted["shoes"]["vertices"], fitted["shoes"]["faces"])
    make_collider(shoes, 0.01)
    cuts = {
        "trousers": cut_trousers(shape, spec["wardrobe"]["trousers"], seed),
        "tee": cut_tee(shape, spec["wardrobe"]["tee"], seed + 1),
    }
    waist = vertex_array(cuts["trousers"].mesh_object.data)[:, 2].max()
    for kind, cut in cuts.items():
        points = vertex_array(cut.mesh_object.data)
        clearance = np.full(len(points), CLEARANCE[kind])
        if kind == "tee":
            clearance -= 0.004 * (cut.marks["neck"] < 0.03)
            clearance[points[:, 2] < waist + 0.02] += UNDERNEATH
            points = push_out(points, tree, clearance)
            under = cuts["trousers"].mesh_object.data
            over = surface_tree(vertex_array(under), [p.vertices for p in under.polygons])
            low = points[:, 2] < waist
            points[low] = push_out(points[low], over, np.full(low.sum(), 0.005))
        else:
            points = push_out(points, tree, clearance)
        cut.mesh_object.data.vertices.foreach_set("co", points.astype(np.float32).ravel())
        cut.mesh_object.data.update()
        make_cloth(cut, kind)
    make_collider(cuts["trousers"].mesh_object, 0.01)
    simulate(scene)
    graph = bpy.context.evaluated_depsgraph_get()
    result, flung = {}, 0
    for kind, cut in cuts.items():
        mesh = cut.mesh_object.evaluated_get(graph).to_mesh()
        faces = [list(polygon.vertices) for polygon in mesh.polygons]
        points, count = mend(vertex_array(mesh), faces, tree, CLEARANCE[kind])
        flung += count
        result[f"{kind}_vertices"] = points
        result[f"{kind}_faces"] = np.array([list(p.vertices) for p in mesh.polygons], dtype=object)
        marks = {**cut.marks, "seam": SEAMS[kind](shape, result[f"{kind}_vertices"])}
        for name, values in marks.items():
            result[f"{kind}_mark_{name}"] = values
    return result, flung


def drape_well(shape, fitted, spec):
    """A solver that loses a vertex stops early: try again with other folds."""
    best = None
    for attempt in range(ATTEMPTS):
        result, flung = drape(shape, fitted, spec, spec["face"]["seed"] + 100 * attempt)
        if best is None or flung < best[1]:
            best = (result, flung)
        if not flung:
            break
        print(f"  attempt {attempt + 1}: {flung} vertices flung away", flush=True)
    return best[0]


def report(result):
    for kind in ("tee", "trousers"):
        points = result[f"{kind}_vertices"]
        print(
            f"  {kind}: {len(points)} vertices, from",
            points.min(0).round(3),
            "to",
            points.max(0).round(3),
        )


def main():
    options = parse(base_parser(__doc__))
    for name, spec, target in makers(options, "cloth"):
        started = time.time()
        stored = np.load(stage_path(options.work, name, spec, "body"), allow_pickle=True)
        if "redress" in spec:  # fallen on another pose already
            source = load_specs()[spec["redress"]]
            before = [
                np.load(stage_path(options.work, spec["redress"], source, stage), allow_pickle=True)
                for stage in ("body", "cloth")
            ]
            result = redress(before[0], stored, before[1])
        else:
            result = drape_well(BodyShape(stored), stored["fitted"].item(), spec)
        print(f"{name}: draped in {time.time() - started:.0f} s")
        report(result)
        np.savez(target, **result)


if __name__ == "__main__":
    main()
