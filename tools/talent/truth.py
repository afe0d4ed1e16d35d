"""Ground truth for benches: figures with true alpha.

    python truth.py figures --data ASSETS --work WORK --out ../../bench/figures
                    [--only NAME ...] [--scale 1.0] [--samples 32]

``truth.json`` lists what to render: casts (a talent with other hair, clothes or pose)
and the figures that show them. Run the earlier steps for the casts first:
``python hair.py mira-flyaway ...``. Every picture is written as soon as it is done,
and its entry goes into ``index.json`` beside it.
"""

import json
import tempfile
import time
from pathlib import Path

import bpy
import numpy as np
from assets import base_parser, changed, load_casts, load_specs, load_truth
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector
from matte import coverage, parts, render_straight, save_webp
from packshot import take_packshot
from PIL import Image
from render import View, open_studio

LICENCE = "CC0-1.0"
JPEG = dict(quality=92, optimize=True, progressive=True)
PACKSHOT_SIDE = 900


def face_box(scene, figure, size):
    """Forehead to chin, cheek to cheek: (x, y, width, height) in pixels, and both eyes' centres."""
    head, stored = figure.head, figure.stored
    rest = stored["rest"]
    hairline = head.rest_eye[2] + 0.60 * (head.rest_top - head.rest_eye[2])
    front = head.on_head & (rest[:, 1] < head.rest_hub[1]) & (rest[:, 2] < hairline) & (stored["ears"] < 0.1)
    front[len(figure.shape.vertices) :] = False
    seen = [_pixel(scene, point, size) for point in stored["vertices"][front]]
    left, top = (min(place[axis] for place in seen) for axis in (0, 1))
    right, bottom = (max(place[axis] for place in seen) for axis in (0, 1))
    eyes = [[round(v) for v in _pixel(scene, centre, size)] for centre, _ in figure.eyes]
    return [round(v) for v in (left, top, right - left, bottom - top)], eyes


def _pixel(scene, point, size):
    x, y, _ = world_to_camera_view(scene, scene.camera, Vector(point))
    return x * size[0], (1 - y) * size[1]


class Index:
    """``index.json``: one entry a picture, kept in order and free of doubles."""

    def __init__(self, folder):
        self.path = folder / "index.json"
        self.entries = json.loads(self.path.read_text(encoding="utf-8"))["pictures"] if self.path.exists() else []

    def put(self, entry):
        self.entries = [old for old in self.entries if old["file"] != entry["file"]]
        self.entries = sorted([*self.entries, entry], key=lambda each: each["file"])
        content = {"made_by": "tools/talent/truth.py", "licence": LICENCE, "pictures": self.entries}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def dressed(truth, specs, picture):
    """The cast's spec in the picture's colours."""
    wardrobe = dict(picture.get("wardrobe", {}))
    for kind, key in (("tee", "tee_colour"), ("trousers", "trouser_colour")):
        if kind in picture:
            wardrobe[key] = truth["colours"][picture[kind]]
    return changed(specs[picture["cast"]], {"wardrobe": wardrobe})


def _studio(name, spec, options):
    scene, studio = open_studio(name, spec, options)
    scene.cycles.max_bounces = options.bounces
    return scene, studio


def pose_studio(scene, studio, truth, picture, options):
    size = tuple(round(side * options.scale) for side in picture.get("size", truth["sizes"][picture["framing"]]))
    studio.set(View(picture["framing"], picture.get("yaw", 0), size))
    scene.render.resolution_x, scene.render.resolution_y = size
    bpy.context.view_layer.update()
    return size


def describe(scene, studio, spec, picture, size, file):
    box, eyes = face_box(scene, studio.figure, size)
    colours = f"{picture.get('tee', 'own')} tee, {picture.get('trousers', 'own')} trousers"
    return {
        "file": file,
        "shows": picture["shows"],
        "talent": spec["of"] if "of" in spec else picture["cast"],
        "skin": spec["skin"],
        "hair": picture["hair"],
        "pose": picture.get("pose", "standing, arms hanging"),
        "garment": picture.get("garment", colours),
        "framing": picture["framing"],
        "yaw": picture.get("yaw", 0),
        "size": list(size),
        "face_box": box,
        "eyes": eyes,
        "licence": LICENCE,
    }


def render_figures(truth, specs, options, kind="figures"):
    for picture in chosen(truth[kind], options):
        started = time.time()
        spec = dressed(truth, specs, picture)
        scene, studio = _studio(picture["cast"], spec, options)
        size = pose_studio(scene, studio, truth, picture, options)
        built = time.time()
        colours, alpha = render_straight(scene)
        file = f"{picture['file']}.webp"
        save_webp(colours, alpha, options.out / file)
        Index(options.out).put({"kind": "figure", **describe(scene, studio, spec, picture, size, file)})
        print(f"{file}: built in {built - started:.0f} s, rendered in {time.time() - built:.0f} s", flush=True)


def render_poses(truth, specs, options):
    render_figures(truth, specs, options, "poses")


def render_backdrops(truth, specs, options):
    """Opaque, before paper of the figure's own colour; the true alpha beside it."""
    for picture in chosen(truth["backdrops"], options):
        started = time.time()
        spec = dressed(truth, specs, picture)
        scene, studio = _studio(picture["cast"], spec, options)
        studio.repaint(picture["paper"])
        size = pose_studio(scene, studio, truth, picture, options)
        file, alpha_file = f"{picture['file']}.jpg", f"{picture['file']}-alpha.png"
        save_opaque(scene, options.out / file)
        save_grey(coverage(scene), options.out / alpha_file)
        entry = {"kind": "backdrop", **describe(scene, studio, spec, picture, size, file), "alpha": alpha_file}
        Index(options.out).put(entry)
        print(f"{file}: {time.time() - started:.0f} s", flush=True)


def render_tryon(truth, specs, options):
    """Garment A and garment B on one body; beside each, what of the garment is seen."""
    for picture in chosen(truth["tryon"], options):
        files = {letter: f"tryon/{picture['file']}-{letter}.jpg" for letter in "ab"}
        for letter, other in ("ab", "ba"):
            started = time.time()
            worn = picture | picture[letter]
            spec = dressed(truth, specs, worn)
            scene, studio = _studio(worn["cast"], spec, options)
            size = pose_studio(scene, studio, truth, worn, options)
            save_opaque(scene, options.out / files[letter])
            garment, person = parts(scene, [picture["swaps"]])
            names = {"garment_mask": garment, "alpha": person}
            for name, values in names.items():
                save_grey(values, options.out / _beside(files[letter], name))
            Index(options.out).put(
                {
                    "kind": "tryon",
                    **describe(scene, studio, spec, worn, size, files[letter]),
                    "swaps": picture["swaps"],
                    "wears": letter,
                    "pair": files[other],
                    "packshots": [f"tryon/{shot}.jpg" for shot in picture["packshots"]],
                    **{name: _beside(files[letter], name) for name in names},
                }
            )
            print(f"{files[letter]}: {time.time() - started:.0f} s", flush=True)


def render_packshots(truth, specs, options):
    side = round(PACKSHOT_SIDE * options.scale)
    for shot in chosen(truth["packshots"], options):
        started = time.time()
        spec = dressed(truth, specs, shot)
        target = options.out / "tryon" / f"{shot['file']}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(take_packshot(shot["cast"], spec, shot["style"], side, options)).save(target, **JPEG)
        worn = next(pair for pair in truth["tryon"] if shot["file"] in pair["packshots"])
        Index(options.out).put(
            {
                "kind": "packshot",
                "file": f"tryon/{target.name}",
                "shows": f"garment B of {worn['file']} by itself: {shot['style']}",
                "garment": worn["b"]["garment"],
                "style": shot["style"],
                "worn_in": f"tryon/{worn['file']}-b.jpg",
                "size": [side, side],
                "licence": LICENCE,
            }
        )
        print(f"{target.name}: {time.time() - started:.0f} s", flush=True)


def save_opaque(scene, target):
    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "view.png")
        bpy.ops.render.render(write_still=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.open(scene.render.filepath).convert("RGB").save(target, **JPEG)


def save_grey(values, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.round(values * 255).astype(np.uint8)).save(target, optimize=True)


def _beside(file, name):
    return file.replace(".jpg", f"-{name.replace('_', '-')}.png")


def chosen(pictures, options):
    return [picture for picture in pictures if not options.only or picture["file"] in options.only]


STEPS = {
    "figures": render_figures,
    "poses": render_poses,
    "tryon": render_tryon,
    "packshots": render_packshots,
    "backdrops": render_backdrops,
}


def main():
    parser = base_parser(__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=[], help="file names without their ending")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--bounces", type=int, default=8, help="half as many cost little to look at")
    parser.add_argument("--threshold", type=float, default=0.03)
    options = parser.parse_args()
    unknown = [step for step in options.talents if step not in STEPS]
    if unknown:
        parser.error(f"no such step: {', '.join(unknown)} (steps: {', '.join(STEPS)})")
    truth, talents = load_truth(), load_specs()
    specs = talents | load_casts(talents)
    for step in options.talents or STEPS:
        STEPS[step](truth, specs, options)


if __name__ == "__main__":
    main()
