"""Step 5: six views of a talent before a light-grey seamless backdrop.

    python render.py [mira sami] --data ASSETS --work WORK --out PHOTOS
                     [--views waist-front ...] [--scale 1.0] [--samples 28]

Writes ``PHOTOS/<talent>/<view>.jpg`` (sRGB, no other metadata), each as soon
as it is done. The talent is built once; camera, light and backdrop orbit it.
"""

import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import bpy
import materials
import numpy as np
from assets import base_parser, parse
from blender_kit import add_area_light, add_mesh, add_object, aim, empty_scene, use_cycles
from figure import Figure
from mathutils import Vector
from PIL import Image, ImageCms

FOCAL_LENGTH = 85.0
SENSOR_HEIGHT = 36.0
APERTURE = 11.0
JPEG_QUALITY = 90


@dataclass
class View:
    framing: str
    yaw: float  # degrees the camera walks towards the talent's left
    size: tuple


VIEWS = {
    "waist-front": View("waist", 0, (900, 1200)),
    "head-front": View("head", 0, (900, 1200)),
    "full-front": View("full", 0, (1000, 1500)),
    "waist-threequarter": View("waist", 30, (900, 1200)),
    "head-threequarter": View("head", 20, (900, 1200)),
    "full-threequarter": View("full", 30, (1000, 1500)),
}
LIGHT = {
    "light": dict(key=92, fill=26, rim=46, rim2=24, exposure=0.0),
    "dark": dict(key=100, fill=40, rim=36, rim2=22, exposure=-0.02),
}


class Studio:
    """Backdrop, lights and camera on one turntable around the talent."""

    def __init__(self, figure):
        self.figure = figure
        self.turntable = add_object("turntable", None)
        level = figure.eye_middle[2]
        power = LIGHT[figure.spec["skin"]]
        self._backdrop(figure.floor)
        chest = Vector((0, 0, level - 0.28))
        lights = [
            ("key", (-1.5, -2.1, level + 0.75), chest, (1.1, 1.5), power["key"], (1, 0.97, 0.93)),
            ("fill", (2.2, -1.9, level - 0.1), chest, (1.8, 2.4), power["fill"], (0.95, 0.97, 1)),
            ("rim", (1.3, 1.0, level + 0.8), (0, 0, level - 0.1), (0.5, 1.3), power["rim"], (1, 1, 1)),
            ("rim2", (-1.6, 0.9, level + 0.5), (0, 0, level - 0.1), (0.4, 1.2), power["rim2"], (1, 1, 1)),
            ("backdrop", (0, 0.2, figure.floor + 3.6), (0, 2.6, figure.floor + 1.2), (4, 1), 130, (1, 1, 1)),
        ]  # fmt: skip
        for name, place, target, size, energy, colour in lights:
            self._mount(add_area_light(name, place, target, size, energy, colour))
        # Legs stand below the key's reach; only full-length views see them.
        self.low_light = add_area_light(
            "low", (-1.2, -3.4, figure.floor + 1.3), (0, 0, figure.floor + 0.6), (1.4, 2), 55
        )
        self._mount(self.low_light)
        self.camera = self._camera()
        self._ambient()

    def _mount(self, created):
        created.parent = self.turntable

    def _backdrop(self, floor):
        bend = [(1.2 + 1.6 * math.sin(a), 1.6 - 1.6 * math.cos(a)) for a in np.linspace(0, math.pi / 2, 32)]
        profile = [(-6, 0), *bend, (2.8, 7)]
        vertices = [(x, y, floor + z) for y, z in profile for x in (-9, 9)]
        faces = [(2 * i, 2 * i + 1, 2 * i + 3, 2 * i + 2) for i in range(len(profile) - 1)]
        paper = materials.plain("paper", (0.56, 0.56, 0.565), 0.9, 0.1)
        self._mount(add_mesh("backdrop", vertices, faces, material=paper))

    @staticmethod
    def repaint(colour):
        """Another colour of backdrop paper."""
        bpy.data.materials["paper"].node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (*colour, 1)

    def _camera(self):
        data = bpy.data.cameras.new("camera")
        data.lens = FOCAL_LENGTH
        data.sensor_fit, data.sensor_height = "VERTICAL", SENSOR_HEIGHT
        data.dof.use_dof = True
        data.dof.aperture_fstop = APERTURE
        camera = add_object("camera", data)
        self._mount(camera)
        bpy.context.scene.camera = camera
        return camera

    @staticmethod
    def _ambient():
        world = bpy.data.worlds.new("ambient")
        world.use_nodes = True
        background = world.node_tree.nodes["Background"]
        background.inputs[0].default_value = (0.9, 0.95, 1, 1)
        background.inputs[1].default_value = 0.22
        bpy.context.scene.world = world

    def _framing(self, framing):
        """(centre height, picture height in metres)"""
        figure = self.figure
        height = figure.top - figure.floor
        if framing == "full":
            return figure.floor + height * 0.5 + 0.005, height * 1.16
        if framing == "seated":
            return figure.floor + height * 0.5, height * 1.22
        if framing == "waist":
            low = figure.shape.bone("upperleg01.L")[2] + 0.015
            high = figure.top + 0.115
            return (low + high) / 2, high - low
        if framing == "close":  # crown to collar: near enough to tell strands apart
            tall = figure.top - figure.shape.bone("neck01")[2] + 0.19
            return figure.top + 0.06 - tall / 2, tall
        joints = figure.shape.bone("upperarm01.L") - figure.shape.bone("upperarm01.R")
        tall = (np.linalg.norm(joints) + 0.14) * 4 / 3
        return figure.top + 0.085 - tall / 2, tall

    def set(self, view):
        centre_height, tall = self._framing(view.framing)
        distance = FOCAL_LENGTH / SENSOR_HEIGHT * tall
        eyes = self.figure.eye_middle
        across = eyes[0] * 0.6 if view.framing in ("head", "close") else 0.0
        centre = Vector((across, 0, centre_height))
        rise = 0.0 if view.framing in ("full", "seated") else 0.03
        self.camera.location = centre + Vector((0, -distance, rise))
        aim(self.camera, centre)
        self.camera.data.dof.focus_distance = distance + float(eyes[1])
        self.low_light.hide_render = view.framing not in ("full", "seated")
        angle = math.radians(view.yaw)
        self.turntable.rotation_euler = (0, 0, angle)
        place = self.camera.location
        turned = (
            place.x * math.cos(angle) - place.y * math.sin(angle),
            place.x * math.sin(angle) + place.y * math.cos(angle),
            place.z,
        )
        self.figure.look_at(turned)


def save_jpeg(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.open(source).convert("RGB")
    picture.info.clear()
    picture.save(target, quality=JPEG_QUALITY, optimize=True, progressive=True, icc_profile=profile)


def render_view(scene, studio, view, options, target):
    studio.set(view)
    width, height = (round(side * options.scale) for side in view.size)
    scene.render.resolution_x, scene.render.resolution_y = width, height
    started = time.time()
    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "view.png")
        bpy.ops.render.render(write_still=True)
        save_jpeg(scene.render.filepath, target)
    return time.time() - started


def open_studio(name, spec, options):
    scene = empty_scene()
    figure = Figure(name, spec, options.work)
    figure.build()
    studio = Studio(figure)
    use_cycles(scene, options.samples, options.threshold)
    scene.render.use_persistent_data = True
    scene.view_settings.exposure = LIGHT[spec["skin"]]["exposure"]
    return scene, studio


def main():
    parser = base_parser(__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--views", nargs="+", default=list(VIEWS), choices=list(VIEWS))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--samples", type=int, default=28)
    parser.add_argument("--threshold", type=float, default=0.03)
    options = parse(parser)
    for name, spec in options.specs.items():
        started = time.time()
        scene, studio = open_studio(name, spec, options)
        print(f"{name}: built in {time.time() - started:.0f} s", flush=True)
        for view_name in options.views:
            target = options.out / name / f"{view_name}.jpg"
            seconds = render_view(scene, studio, VIEWS[view_name], options, target)
            print(f"{name} {view_name}: {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
