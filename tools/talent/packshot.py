"""Packshots: a draped garment by itself on white, with a soft shadow.

``ghost`` keeps the shape of the body that has left it, ``flat`` is pressed against the
table, ``hanger`` half-way between the two and on a wooden hanger. Used by truth.py;
nothing to run here.
"""

import tempfile
from pathlib import Path

import bpy
import materials
import numpy as np
from blender_kit import add_area_light, add_mesh, add_object, add_strands, aim, empty_scene, use_cycles
from figure import add_garment, load_cloth
from garments import BodyShape
from mathutils import Vector
from matte import coverage, straight
from PIL import Image
from scipy.ndimage import gaussian_filter

DEPTH = {"ghost": 0.85, "flat": 0.10, "hanger": 0.42}  # share of the worn garment's depth that is left
WALL = {"ghost": 0.03, "flat": 0.004, "hanger": 0.015}  # metres from the garment's back to the white
FOCAL_LENGTH, SENSOR = 100.0, 36.0
MARGIN = 1.16
SHADOW = 0.38  # share of the shadow that is left


def take_packshot(name, spec, style, side, options):
    """An RGB picture (side, side) of a cast's tee."""
    scene = empty_scene()
    use_cycles(scene, options.samples, options.threshold)
    scene.view_settings.exposure = 0.15
    stored = np.load(options.work / f"{spec['takes'].get('body', name)}-body.npz", allow_pickle=True)
    shape = BodyShape(stored)
    cloth = load_cloth(options.work, name, spec)
    wardrobe = spec["wardrobe"]
    tee = add_garment(
        "tee", cloth, materials.jersey(wardrobe["tee_colour"], shape.bone("neck01"), wardrobe.get("stripes"))
    )
    tee.scale = (1, DEPTH[style], 1)
    points = cloth["tee_vertices"] * (1, DEPTH[style], 1)
    low, high = points.min(0), points.max(0)
    if style == "hanger":
        high = np.maximum(high, _hanger(shape, points))
    middle = (low + high) / 2
    tall = max(high[2] - low[2], high[0] - low[0]) * MARGIN
    _light(scene, middle, high[1] + WALL[style])
    lens = bpy.data.cameras.new("camera")
    lens.lens, lens.sensor_width = FOCAL_LENGTH, SENSOR
    camera = add_object("camera", lens)
    camera.location = (middle[0], middle[1] - FOCAL_LENGTH / SENSOR * tall, middle[2] + 0.10)
    aim(camera, middle)
    scene.camera = camera
    scene.render.resolution_x = scene.render.resolution_y = side
    return _on_white(scene)


def _light(scene, middle, wall_y):
    x, _, z = middle
    corners = [(x - 4, wall_y, z - 4), (x + 4, wall_y, z - 4), (x + 4, wall_y, z + 4), (x - 4, wall_y, z + 4)]
    wall = add_mesh("backdrop", corners, [(0, 1, 2, 3)], material=materials.plain("wall", (0.85, 0.85, 0.85)))
    wall.is_shadow_catcher = True
    for name, place, size, energy in (
        ("left", (x - 1.5, -2.0, z + 0.9), (1.2, 1.6), 105),
        ("right", (x + 1.8, -2.0, z + 0.3), (1.6, 2.0), 42),
        ("top", (x, -1.0, z + 2.0), (1.6, 0.8), 30),
    ):
        add_area_light(name, place, Vector((x, 0, z)), size, energy)
    world = bpy.data.worlds.new("ambient")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[1].default_value = 0.45
    scene.world = world


def _hanger(shape, points):
    """Wooden shoulders inside the tee and a steel hook above it; returns the hook's top."""
    neck = shape.bone("neck01")
    middle_y = float(np.median(points[:, 1]))
    reach = 0.155
    across = np.linspace(-reach, reach, 60)
    collar = float(neck[2]) + 0.012
    drop = 0.085 * (np.abs(across) / reach) ** 1.25
    bar = np.stack([across + neck[0], np.full(60, middle_y), collar - drop], 1)
    wood = materials.plain("wood", (0.30, 0.165, 0.075), 0.45, 0.4)
    add_strands("hanger", bar[None], 0.011, wood, tip=1.0)
    turn = np.linspace(-0.5 * np.pi, 0.95 * np.pi, 40)
    top = np.array([neck[0], middle_y, collar + 0.085])
    bow = top + 0.022 * np.stack([np.cos(turn), np.zeros(40), np.sin(turn)], 1)
    stem = np.linspace([neck[0], middle_y, collar], bow[0], 20)
    steel = materials.plain("steel", (0.16, 0.16, 0.17), 0.3, 0.6)
    add_strands("hook", np.concatenate([stem, bow[1:]])[None], 0.0019, steel, tip=1.0)
    return np.array([neck[0], middle_y, collar + 0.11])


def _on_white(scene):
    """Over pure white; the wall leaves only its shadow on the film, and a studio's white softens that."""
    garment = coverage(scene)[..., None]
    scene.render.film_transparent = True
    with tempfile.TemporaryDirectory() as folder:
        scene.render.image_settings.color_mode = "RGBA"
        scene.render.filepath = str(Path(folder) / "packshot.png")
        bpy.ops.render.render(write_still=True)
        film = np.asarray(Image.open(scene.render.filepath).convert("RGBA"), float) / 255
    bare = gaussian_filter(1 - garment, (2, 2, 0))
    shadow = np.clip((film[..., 3:] - garment) / np.maximum(1 - garment, 1e-3), 0, 1) * (1 - garment)
    shadow = gaussian_filter(shadow, (2, 2, 0)) / np.maximum(bare, 1e-3)
    cloth = straight(film[..., :3] * film[..., 3:], garment[..., 0])
    picture = garment * cloth + (1 - garment) * (1 - SHADOW * shadow)
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
