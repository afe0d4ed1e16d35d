"""Skin maps of one person, from the two that tools/talent/skin_maps.py paints. Nothing to run here.

Colours are mixed as optical densities: tone, melanin and blood, spots and lips differ; the fine structure is shared.
"""

import sys

import numpy as np
import population
from PIL import Image

sys.path.insert(0, str(population.HERE.parent / "talent"))
import skin_maps

SIZE = 1024
VALUE = {"light": 0.74, "dark": 0.38}  # materials.SKIN: how far the shader darkens either map
HAIR_SHADE = np.array([1.9, 2.2, 2.5], np.float32)


def _density(path):
    pixels = np.asarray(Image.open(path).convert("RGB").resize((SIZE, SIZE), Image.BOX), np.float32)
    return -np.log(np.clip(skin_maps.to_linear(pixels), 0.004, 1)).astype(np.float32)


class Palette:
    """Maps and masks loaded once; ``paint`` gives one person's skin, linear float32 (1024, 1024, 3)."""

    def __init__(self, work):
        self.work = work
        self.light = _density(work / "skin-light.png") - np.log(VALUE["light"])
        self.dark = _density(work / "skin-dark.png") - np.log(VALUE["dark"])
        self.lips = np.asarray(Image.open(work / "lips.png").resize((SIZE, SIZE), Image.BOX), np.float32) / 255
        skin_maps.SIZE = SIZE
        self.regions = skin_maps.FaceRegions()
        roughness = Image.open(work / "roughness.png").resize((SIZE, SIZE), Image.BOX)
        self.roughness = np.asarray(roughness, np.float32) / 255
        self.relief = 0.6 * skin_maps.cloud(260, 2, 6) + 0.4 * skin_maps.cloud(120, 2, 7)
        self.clouds = [skin_maps.cloud(12, 5, 3), skin_maps.cloud(50, 3, 4), skin_maps.cloud(330, 1, 5)]

    def _cloud(self, index, random):
        grid = self.clouds[index]
        return np.roll(grid, random.integers(0, SIZE, 2), (0, 1))

    def paint(self, person):
        look, regions = person["skin"], self.regions
        random = np.random.default_rng(person["seed"] + 17)
        tone = look["tone"]
        result = self.light * (1 - tone) + self.dark * tone
        # Half way between, brown skin is more yellow than the mean of the two.
        between = np.clip(1 - abs(tone - 0.5) / 0.5, 0, 1)
        result = result + between * np.array([-0.04, 0.02, 0.16], np.float32)
        melanin = 0.04 * self._cloud(0, random) + 0.03 * self._cloud(1, random)
        melanin = melanin + look["sockets"] * (regions.eye_sockets + 0.6 * regions.under_eyes)
        freckles = np.clip(self._cloud(2, random) - 1.7, 0, 1) * (regions.face + 0.2)
        melanin = melanin + look["freckles"] * (1 - 0.6 * tone) * freckles * 0.9
        blood = look["blush"] * 0.6 + (look["blush"] + 0.05) * (regions.cheeks + 0.8 * regions.nose)
        blood = blood + 0.03 * self._cloud(1, random)
        result = result + melanin[..., None] * skin_maps.MELANIN + blood[..., None] * skin_maps.BLOOD
        result = result + look["yellow"] * np.array([-0.1, 0.1, 0.9], np.float32)
        lips = self.lips[..., None]
        result = result + lips * (look["lips"] * np.array([0.7, 2.4, 1.6], np.float32))
        stubble = regions.beard * (1 - 0.9 * self.lips) * (0.75 + 0.25 * self._cloud(2, random)).clip(0, 1.5)
        result = result + (stubble * look["stubble"])[..., None] * np.array([0.62, 0.60, 0.50], np.float32)
        self._moles(result, look["moles"], random)
        return np.exp(-np.clip(result, 0.02, None)).astype(np.float32)

    @staticmethod
    def _moles(density, count, random):
        for _ in range(count):
            u, v = random.uniform(0.74, 0.96) * SIZE, random.uniform(0.40, 0.63) * SIZE
            radius, depth = random.uniform(0.7, 2.2), random.uniform(0.3, 1.1)
            reach = int(radius * 4) + 1
            rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
            spot = depth * np.exp(-(((rows**2 + columns**2) / (2 * radius**2)) ** 2))
            density[int(v) - reach : int(v) + reach + 1, int(u) - reach : int(u) + reach + 1] += spot[
                ..., None
            ] * np.array([0.6, 0.9, 1.1])
