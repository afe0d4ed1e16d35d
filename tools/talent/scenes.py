"""Two location scenes to put a talent in front of; nobody is in them.

    python scenes.py [courtyard gallery] --out OUT [--width 1600] [--samples 24]

Both are built from boxes and planes, so they need no assets. The camera
stands at 1.4 m, level, and leaves the middle free for a person 3.5 m away.
"""

import argparse
import itertools
import math
import tempfile
import time
from pathlib import Path

import bpy
import numpy as np
from blender_kit import Shader, add_area_light, add_mesh, add_object, aim, empty_scene, use_cycles
from PIL import Image

CAMERA_HEIGHT = 1.4
PERSON_DISTANCE = 3.5
LARGEST_FILE = 480_000


def box(name, low, high, material, bevel=0.0):
    x0, y0, z0 = low
    x1, y1, z1 = high
    vertices = [(x, y, z) for z in (z0, z1) for y in (y0, y1) for x in (x0, x1)]
    faces = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    created = add_mesh(name, vertices, faces, material=material, smooth=False)
    if bevel:
        modifier = created.modifiers.new("bevel", "BEVEL")
        modifier.width, modifier.segments = bevel, 2
    return created


def plaster(name, colour, patches=0.10, grain=0.0022):
    shader = Shader(name)
    broad = shader.noise(0.7, 5, 0.55)
    mottled = shader.noise(4.0, 8, 0.6)
    tone = shader.scaled_sum((broad, patches * 1.6), (mottled, patches))
    tone = shader.add(tone, 1 - patches * 1.3)
    trowel = shader.noise(9, 6, 0.65, shader.stretch((1, 1, 2.2)))
    height = shader.scaled_sum((trowel, 1.0), (shader.noise(160, 3), 0.18))
    shader.principled(
        Base_Color=shader.mix(1.0, colour, tone, "MULTIPLY"),
        Roughness=0.9,
        Specular_IOR_Level=0.25,
        Normal=shader.bump(height, grain * 6, 0.55),
    )
    return shader.material


def rows_of_tiles(name, shader_for, x_range, y_range, size, gap, offset, seed, thickness=0.03):
    """Stone slabs or floor boards laid in rows, each a little different."""
    random = np.random.default_rng(seed)
    materials = shader_for()
    length, width = size
    y, row = y_range[0], 0
    while y < y_range[1]:
        x = x_range[0] - length * ((row * offset) % 1.0)
        while x < x_range[1]:
            span = length * (random.uniform(0.75, 1.25) if offset not in (0, 0.5) else 1.0)
            sink = random.uniform(0, 0.0012)
            material = materials[random.integers(len(materials))]
            tile = box(
                name,
                (x + gap / 2, y + gap / 2, -thickness - sink),
                (x + span - gap / 2, y + width - gap / 2, -sink),
                material,
                bevel=min(gap * 0.8, 0.004),
            )
            tile.rotation_euler = (random.normal(0, 0.0002), random.normal(0, 0.0002), 0)
            x += span
        y += width
        row += 1


def limestone():
    materials = []
    for index, colour in enumerate(
        [(0.40, 0.355, 0.295), (0.43, 0.385, 0.325), (0.37, 0.33, 0.28), (0.41, 0.36, 0.30)]
    ):
        shader = Shader(f"limestone{index}")
        cloud = shader.noise(3.1 + index, 7, 0.6)
        speck = shader.voronoi(70)
        tone = shader.scaled_sum((cloud, 0.55), (speck, 0.15))
        shader.principled(
            Base_Color=shader.mix(1.0, colour, shader.add(tone, 0.66), "MULTIPLY"),
            Roughness=shader.remap(cloud, 0.3, 0.7, 0.55, 0.8),
            Normal=shader.bump(shader.noise(45, 6, 0.6), 0.002, 0.4),
        )
        materials.append(shader.material)
    return materials


def oak():
    materials = []
    for index, colour in enumerate(
        [(0.34, 0.215, 0.125), (0.375, 0.245, 0.148), (0.31, 0.19, 0.108), (0.355, 0.232, 0.138)]
    ):
        shader = Shader(f"oak{index}")
        grain_space = shader.stretch((0.7, 14 + index, 1))
        fibres = shader.noise(9, 8, 0.62, grain_space)
        figure = shader.noise(1.6, 4, 0.5, grain_space)
        tone = shader.add(shader.scaled_sum((fibres, 0.55), (figure, 0.5)), 0.46)
        shader.principled(
            Base_Color=shader.mix(1.0, colour, tone, "MULTIPLY"),
            Roughness=shader.remap(fibres, 0.3, 0.7, 0.30, 0.44),
            Specular_IOR_Level=0.45,
            Normal=shader.bump(fibres, 0.0006, 0.35),
        )
        materials.append(shader.material)
    return materials


def leaf_mesh(length, width, fold=0.12):
    """One pointed leaf along +X, folded at the midrib and bent downwards."""
    steps = 7
    vertices, faces = [], []
    for step in range(steps + 1):
        t = step / steps
        half = width * math.sin(math.pi * min(t * 0.93 + 0.07, 1)) ** 0.8 / 2
        droop = -0.25 * length * t * t
        for side in (-1, 0, 1):
            vertices.append((length * t, side * half, droop + abs(side) * half * fold))
    for step in range(steps):
        for side in range(2):
            first = step * 3 + side
            faces.append((first, first + 1, first + 4, first + 3))
    return np.array(vertices), faces


def turned(points, yaw, pitch, roll):
    cosine, sine = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    about_z = np.array([[cosine[0], -sine[0], 0], [sine[0], cosine[0], 0], [0, 0, 1]])
    about_y = np.array([[cosine[1], 0, sine[1]], [0, 1, 0], [-sine[1], 0, cosine[1]]])
    about_x = np.array([[1, 0, 0], [0, cosine[2], -sine[2]], [0, sine[2], cosine[2]]])
    return points @ (about_z @ about_y @ about_x).T


def branch(name, origin, direction, length, leaf_size, seed, material, pairs=16):
    """A leafy branch; off camera it throws the shadow, in a pot it is the plant."""
    random = np.random.default_rng(seed)
    direction = np.array(direction, float) / np.linalg.norm(direction)
    vertices, faces = [], []
    leaf_points, leaf_faces = leaf_mesh(leaf_size, leaf_size * 0.30)
    yaw = math.atan2(direction[1], direction[0])
    pitch = -math.asin(direction[2])
    for index in range(pairs * 2):
        t = (index // 2 + random.uniform(0, 0.6)) / pairs
        along = origin + direction * length * t + np.array([0, 0, -0.20 * length * t * t])
        side = 1 if index % 2 else -1
        scale = random.uniform(0.7, 1.1) * (1.1 - 0.5 * t)
        placed = turned(
            leaf_points * scale,
            yaw + side * random.uniform(0.5, 1.1),
            pitch * 0.7 + random.normal(0.1, 0.25),
            random.normal(0, 0.5),
        )
        faces += [[i + len(vertices) for i in face] for face in leaf_faces]
        vertices += (placed + along).tolist()
    stem = [origin + direction * length * t + np.array([0, 0, -0.2 * length * t * t]) for t in np.linspace(0, 1, 9)]
    for start, end in itertools.pairwise(stem):
        base = len(vertices)
        for point in (start, end):
            for angle in (0, 2.1, 4.2):
                vertices.append(
                    (point + 0.006 * np.array([math.cos(angle), math.sin(angle), math.cos(angle + 1)])).tolist()
                )
        faces += [[base + i, base + (i + 1) % 3, base + 3 + (i + 1) % 3, base + 3 + i] for i in range(3)]
    return add_mesh(name, vertices, faces, material=material)


def foliage():
    shader = Shader("leaf")
    shader.principled(
        Base_Color=shader.mix(shader.noise(30, 3), (0.035, 0.075, 0.022), (0.075, 0.125, 0.035)),
        Roughness=0.42,
        Subsurface_Weight=0.0,
        Transmission_Weight=0.08,
    )
    return shader.material


def plain(name, colour, roughness=0.6, **more):
    shader = Shader(name)
    shader.principled(Base_Color=colour, Roughness=roughness, **more)
    return shader.material


def pot(location, radius, height, material):
    profile = [
        (0.72, 0),
        (0.86, 0.35),
        (1.0, 0.88),
        (1.07, 0.9),
        (1.07, 1.0),
        (0.95, 1.0),
        (0.9, 0.86),
    ]
    around = 48
    vertices, faces = [], []
    for scale, level in profile:
        for step in range(around):
            angle = 2 * math.pi * step / around
            vertices.append((radius * scale * math.cos(angle), radius * scale * math.sin(angle), height * level))
    for ring in range(len(profile) - 1):
        for step in range(around):
            following = (step + 1) % around
            faces.append(
                (
                    ring * around + step,
                    ring * around + following,
                    (ring + 1) * around + following,
                    (ring + 1) * around + step,
                )
            )
    created = add_mesh("pot", vertices, faces, material=material)
    created.location = location
    return created


def sky(colour, strength):
    world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    background = world.node_tree.nodes["Background"]
    background.inputs[0].default_value = (*colour, 1)
    background.inputs[1].default_value = strength
    bpy.context.scene.world = world


def sunlight(direction, energy, softness_degrees, colour):
    light = bpy.data.lights.new("sun", "SUN")
    light.energy, light.angle, light.color = energy, math.radians(softness_degrees), colour
    created = add_object("sun", light)
    created.location = (0, 0, 5)
    aim(created, np.array([0, 0, 5.0]) + np.array(direction))


def courtyard():
    """Sunlit plaster, a stone floor, the shadow of leaves from outside the frame."""
    wall_distance = PERSON_DISTANCE + 1.9
    lime_wash = plaster("lime wash", (0.66, 0.50, 0.365), patches=0.22)
    box("wall", (-6, wall_distance, 0), (6, wall_distance + 0.3, 6), lime_wash)
    box(
        "plinth",
        (-6, wall_distance - 0.035, 0),
        (6, wall_distance, 0.16),
        plaster("plinth", (0.52, 0.44, 0.36), 0.16),
        bevel=0.006,
    )
    box(
        "side wall",
        (-3.1, 0.5, 0),
        (-2.75, wall_distance, 6),
        plaster("side", (0.70, 0.59, 0.47), 0.13),
    )
    box("mortar", (-6, -3, -0.2), (6, 8, -0.006), plain("mortar", (0.27, 0.235, 0.195), 0.95))
    rows_of_tiles("slab", limestone, (-4, 4), (-1, wall_distance), (0.9, 0.6), 0.009, 0.5, 4)
    leaf = foliage()
    terracotta = plaster("terracotta", (0.42, 0.185, 0.105), 0.16, grain=0.0004)
    corner = np.array([-1.42, wall_distance - 0.42, 0.0])
    pot(corner, 0.27, 0.46, terracotta)
    box(
        "soil",
        tuple(np.add(corner, (-0.18, -0.18, 0.36))),
        tuple(np.add(corner, (0.18, 0.18, 0.40))),
        plain("soil", (0.05, 0.035, 0.025), 0.95),
    )
    random = np.random.default_rng(8)
    for index in range(15):
        angle = 2 * math.pi * index / 15 + random.normal(0, 0.2)
        rise = random.uniform(1.2, 3.0)
        branch(
            "plant",
            np.add(corner, (0, 0, 0.40)),
            (math.cos(angle), math.sin(angle) * 0.8, rise),
            random.uniform(0.8, 1.25),
            0.20,
            index,
            leaf,
            pairs=9,
        )
    # Gobo: branches between sun and wall, beyond the right edge of the picture.
    sun = np.array([-0.62, 0.80, -0.66])
    for index in range(34):
        across = random.uniform(-1.6, 2.7)
        height = random.uniform(1.75, 3.5) - 0.16 * across
        target = np.array([across, wall_distance, height])
        start = target - sun * random.uniform(3.2, 4.2)
        branch(
            "gobo",
            start,
            (-random.uniform(0.4, 1), 0.3, random.uniform(-0.6, 0.4)),
            random.uniform(0.7, 1.3),
            0.30,
            40 + index,
            leaf,
            pairs=9,
        )
    sunlight(sun, 5.6, 0.9, (1.0, 0.88, 0.72))
    sky((0.60, 0.74, 1.0), 0.50)
    return wall_distance, -0.35


def gallery():
    """A white room, oak boards, soft light from tall windows on the left."""
    back = PERSON_DISTANCE + 3.4
    left, right, ceiling = -3.4, 3.6, 3.9
    white = plaster("white wall", (0.76, 0.755, 0.74), patches=0.025, grain=0.0004)
    grey = plaster("grey wall", (0.55, 0.55, 0.545), patches=0.03, grain=0.0004)
    box("back wall", (left, back, 0), (right, back + 0.2, ceiling), white)
    box("right wall", (right, -3, 0), (right + 0.2, back, ceiling), grey)
    box("ceiling", (left - 0.5, -3, ceiling), (right, back, ceiling + 0.2), white)
    box("front wall", (left, -3.2, 0), (right, -3, ceiling), grey)
    frame_paint = plain("window frame", (0.60, 0.60, 0.59), 0.5)
    piers = [-3.0, -1.0, 1.35, 3.7, 6.05, back]
    for start in piers[:-1]:
        box("pier", (left - 0.35, start - 0.3, 0), (left, start + 0.3, ceiling), white)
    box("sill", (left - 0.35, -3, 0), (left, back, 0.55), white)
    box("lintel", (left - 0.35, -3, 3.4), (left, back, ceiling), white)
    for start, end in itertools.pairwise(piers):
        middle = (start + end) / 2
        box(
            "mullion",
            (left - 0.2, middle - 0.025, 0.55),
            (left - 0.15, middle + 0.025, 3.4),
            frame_paint,
        )
        box("bar", (left - 0.2, start, 1.95), (left - 0.15, end, 1.99), frame_paint)
    skirting = plain("skirting", (0.70, 0.695, 0.68), 0.5)
    box("skirting", (left, back - 0.018, 0), (right, back, 0.11), skirting, bevel=0.003)
    box("skirting", (right - 0.018, -3, 0), (right, back, 0.11), skirting, bevel=0.003)
    box("underlay", (left, -3, -0.2), (right, back, -0.02), plain("underlay", (0.03, 0.02, 0.015)))
    rows_of_tiles("board", oak, (left, right), (-1.5, back), (2.1, 0.145), 0.0022, 0.37, 5, 0.015)

    bench_oak = oak()[0]
    seat_z, bench_y = 0.44, back - 1.25
    box(
        "seat",
        (0.75, bench_y, seat_z),
        (2.55, bench_y + 0.42, seat_z + 0.055),
        bench_oak,
        bevel=0.006,
    )
    steel = plain("steel", (0.03, 0.03, 0.032), 0.4, Metallic=0.6)
    for x in (0.95, 2.30):
        box("leg", (x, bench_y + 0.03, 0), (x + 0.05, bench_y + 0.39, seat_z), steel, bevel=0.003)

    # One quiet abstract panel, so that the wall reads as a gallery's.
    canvas = Shader("canvas")
    heights = canvas.separate(canvas.coordinates("Generated"))
    bands = canvas.ramp(
        canvas.add(heights[2], canvas.multiply(canvas.noise(2.2, 6), 0.12)),
        [
            (0.0, (0.16, 0.20, 0.22)),
            (1.0, (0.60, 0.57, 0.50)),
            (0.36, (0.22, 0.27, 0.28)),
            (0.52, (0.50, 0.42, 0.33)),
            (0.70, (0.62, 0.58, 0.50)),
        ],
    )
    canvas.principled(Base_Color=bands, Roughness=0.8)
    box(
        "panel",
        (-2.65, back - 0.05, 0.95),
        (-1.25, back - 0.012, 2.75),
        canvas.material,
        bevel=0.002,
    )

    add_area_light("daylight", (left - 1.1, 2.4, 2.6), (0.8, 2.8, 0.7), (10.5, 3.6), 1150, (0.93, 0.97, 1.0))
    add_area_light("ceiling bounce", (0.4, 2.6, ceiling - 0.05), (0.4, 2.6, 0), (4, 5), 60, (1.0, 0.97, 0.93))
    sky((0.90, 0.95, 1.0), 0.5)
    return back, 0.1


SCENES = {"courtyard": courtyard, "gallery": gallery}
EXPOSURE = {"courtyard": 0.0, "gallery": 0.35}


def add_camera(scene):
    camera = bpy.data.cameras.new("camera")
    camera.sensor_fit, camera.sensor_height = "VERTICAL", 36
    camera.lens = 42
    # A shifted lens keeps the horizon level and still shows the floor in front of the feet.
    camera.shift_y = -0.03
    camera.dof.use_dof = True
    camera.dof.focus_distance = PERSON_DISTANCE
    camera.dof.aperture_fstop = 2.0
    created = add_object("camera", camera)
    created.location = (0, 0, CAMERA_HEIGHT)
    created.rotation_euler = (math.radians(90), 0, 0)
    scene.camera = created


def save_jpeg(source, target, size):
    picture = Image.open(source).convert("RGB").resize(size, Image.LANCZOS)
    for quality in range(90, 60, -3):
        picture.save(target, quality=quality, optimize=True, progressive=True)
        if target.stat().st_size < LARGEST_FILE:
            return quality
    raise ValueError(f"{target}: too large even at low quality")


def render(name, options):
    scene = empty_scene()
    SCENES[name]()
    add_camera(scene)
    use_cycles(scene, options.samples, 0.02)
    scene.view_settings.exposure = EXPOSURE[name]
    scene.cycles.max_bounces = 5
    size = (options.width, options.width * 5 // 4)
    # What stands behind a person is a little out of focus anyway.
    scene.render.resolution_x, scene.render.resolution_y = (round(side * options.render_scale) for side in size)
    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "scene.png")
        started = time.time()
        bpy.ops.render.render(write_still=True)
        quality = save_jpeg(scene.render.filepath, options.out / f"{name}.jpg", size)
    print(f"{name}: {time.time() - started:.0f} s, JPEG quality {quality}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="*", default=list(SCENES))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--width", type=int, default=1600)
    parser.add_argument("--render-scale", type=float, default=0.7)
    parser.add_argument("--samples", type=int, default=24)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.scenes:
        render(name, options)


if __name__ == "__main__":
    main()
