"""Pictures with a true alpha: what the film saw, kept apart from what the denoiser made of it.

Two renders of one scene. The first is lit and denoised and gives the colours. The
second gives alpha: every material but sheer cloth shines evenly, no light bounces,
many samples, no denoiser; a pixel's alpha is the share of it that something covers,
under the same pixel filter. Colours are then divided by that alpha in linear light,
so that they are straight (not premultiplied), and only then developed with the scene's
view transform. In the second pass everything shines, so that adaptive sampling, which
looks at light, spends its samples where cover is in doubt: on edges and hair. Used by truth.py; nothing to run here.
"""

import tempfile
from contextlib import contextmanager
from pathlib import Path

import bpy
import materials
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

ALPHA_SAMPLES = 128  # most; a settled pixel stops at a few
SETTLED = 0.008
SEE_THROUGH = ("chiffon",)
WEBP = dict(quality=90, alpha_quality=100, method=6, exact=False)


def render_straight(scene):
    """(colours, alpha): uint8 (h, w, 3) in display space and (h, w)."""
    with _film(scene, transparent=True):
        lit = _render(scene)
        alpha = coverage(scene)
    return develop(scene, straight(lit[..., :3], alpha)), np.round(alpha * 255).astype(np.uint8)


def coverage(scene, samples=ALPHA_SAMPLES):
    """The share of each pixel that is covered, (h, w) in 0..1."""
    with _film(scene, transparent=True), _unlit(scene, samples, (1, 1, 1)):
        return np.clip(_render(scene)[..., 3], 0, 1)


def parts(scene, names, samples=ALPHA_SAMPLES // 2):
    """What is seen of each named object: a list of (h, w) in 0..1, then of the whole figure."""
    shines = dict(zip(names, ((1, 0, 0), (0, 1, 0)), strict=False))
    with _film(scene, transparent=True), _unlit(scene, samples, (0, 0, 1), shines):
        film = _render(scene)
    return [np.clip(film[..., channel], 0, 1) for channel in [*range(len(names)), 3]]


def straight(premultiplied, alpha):
    """Divide by alpha; where little is covered, by what the surroundings cover."""
    colours, known = np.zeros_like(premultiplied), np.zeros(alpha.shape)
    # From the pixel itself outwards: sharp where it can be, defined where it must be.
    for sigma, enough in ((0, 0.75), (0.8, 0.25), (1.6, 0.05), (4, 0.004), (12, 1e-5), (40, 1e-9)):
        weight = gaussian_filter(alpha, sigma) if sigma else alpha
        total = (
            np.stack([gaussian_filter(premultiplied[..., c], sigma) for c in range(3)], -1) if sigma else premultiplied
        )
        share = (1 - known) * np.clip(weight / enough - 0.5, 0, 1)
        colours += share[..., None] * total / np.maximum(weight, 1e-12)[..., None]
        known += share
    return colours / np.maximum(known, 1e-6)[..., None]


def develop(scene, linear):
    """Linear light to display bytes, through the scene's own exposure and view transform."""
    height, width = linear.shape[:2]
    picture = bpy.data.images.new("undeveloped", width, height, float_buffer=True)
    picture.colorspace_settings.name = "Linear Rec.709"
    pixels = np.ones((height, width, 4), np.float32)
    pixels[..., :3] = linear[::-1]
    picture.pixels.foreach_set(pixels.ravel())
    with tempfile.TemporaryDirectory() as folder, _format(scene, "PNG", "RGB", "8"):
        path = str(Path(folder) / "developed.png")
        picture.save_render(path, scene=scene)
        result = np.asarray(Image.open(path).convert("RGB"))
    bpy.data.images.remove(picture)
    return result


def save_webp(colours, alpha, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.dstack([colours, alpha])).save(target, "WEBP", **WEBP)


def _render(scene):
    with tempfile.TemporaryDirectory() as folder, _format(scene, "OPEN_EXR", "RGBA", "32"):
        scene.render.filepath = str(Path(folder) / "film.exr")
        bpy.ops.render.render(write_still=True)
        film = bpy.data.images.load(scene.render.filepath)
        width, height = film.size
        pixels = np.empty(width * height * 4, np.float32)
        film.pixels.foreach_get(pixels)
        bpy.data.images.remove(film)
    return pixels.reshape(height, width, 4)[::-1].astype(float)


@contextmanager
def _changed(owner, **values):
    before = {key: getattr(owner, key) for key in values}
    for key, value in values.items():
        setattr(owner, key, value)
    try:
        yield
    finally:
        for key, value in before.items():
            setattr(owner, key, value)


def _format(scene, file_format, mode, depth):
    return _changed(scene.render.image_settings, file_format=file_format, color_mode=mode, color_depth=depth)


@contextmanager
def _film(scene, transparent):
    """The backdrop goes on bouncing light, but the camera no longer sees it."""
    backdrop = bpy.data.objects["backdrop"]
    with _changed(scene.render, film_transparent=transparent), _changed(backdrop, visible_camera=not transparent):
        yield


@contextmanager
def _unlit(scene, samples, colour, own_colours=None):
    """Everything but sheer cloth shines in one colour, or in one of its own by name."""
    plain = {name: materials.shining(each) for name, each in {"": colour, **(own_colours or {})}.items()}
    before = []
    for thing in scene.objects:
        slots = getattr(thing.data, "materials", None)
        if slots and slots[0] and not slots[0].name.startswith(SEE_THROUGH):
            before.append((slots, slots[0]))
            slots[0] = plain.get(thing.name, plain[""])
    fast = dict(
        samples=samples, adaptive_threshold=SETTLED, adaptive_min_samples=12, use_denoising=False, max_bounces=0
    )
    try:
        with _changed(scene.cycles, **fast):
            yield
    finally:
        for slots, material in before:
            slots[0] = material
        for material in plain.values():
            bpy.data.materials.remove(material)
