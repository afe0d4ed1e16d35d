"""Step 3: skin colour and roughness maps on the MakeHuman UVs.

    python skin_maps.py --data ASSETS --work WORK

The light map keeps a painted CC0/MIT source and adds mottling. The dark one
is authored in optical density: a base, melanin and blood variation, and only
the fine structure of the light map; darkening a light photograph never looks
right. Writes ``skin-light.png``, ``skin-dark.png``, ``roughness.png``,
``lips.png`` and ``scalp.png``. Pores are the shader's business.
"""

import numpy as np
from assets import base_parser, parse
from PIL import Image
from scipy.ndimage import gaussian_filter

SIZE = 2048
SOURCE = "skin/young_lightskinned_female_diffuse_fix_nosehole.jpg"
MELANIN = np.array([0.36, 0.62, 0.98], np.float32)  # absorption per channel
BLOOD = np.array([0.06, 1.0, 0.72], np.float32)
FACE_AXIS = 0.517  # the face lies on its side: its midline is this v coordinate


def to_linear(values):
    values = values / 255.0
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def to_bytes(linear):
    linear = np.clip(linear, 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (encoded * 255 + 0.5).astype(np.uint8)


def cloud(frequency, octaves, seed):
    """Fractal noise with unit deviation."""
    random = np.random.default_rng(seed)
    total = np.zeros((SIZE, SIZE), np.float32)
    for octave in range(octaves):
        cells = frequency * 2**octave
        grid = Image.fromarray(random.standard_normal((cells, cells)).astype(np.float32))
        total += 0.55**octave * np.asarray(grid.resize((SIZE, SIZE), Image.BICUBIC))
    return total / total.std()


class FaceRegions:
    """Soft masks in the head's UV island. Coordinates: u towards the chin."""

    def __init__(self):
        self.v, self.u = np.mgrid[0:SIZE, 0:SIZE] / float(SIZE)
        self.lateral = np.abs(self.v - FACE_AXIS)
        self.face = self.blob(0.87, 0.0, 0.09, 0.17)
        self.cheeks = self.blob(0.885, 0.075, 0.030, 0.035)
        self.nose = self.blob(0.885, 0.0, 0.014, 0.020)
        self.nose_wings = self.blob(0.893, 0.017, 0.007, 0.007)
        self.under_eyes = self.blob(0.853, 0.043, 0.010, 0.026)
        self.eye_sockets = self.blob(0.845, 0.043, 0.020, 0.030)
        self.forehead = self.blob(0.785, 0.0, 0.045, 0.09)
        self.chin = self.blob(0.935, 0.0, 0.016, 0.03)
        self.mouth = self.blob(0.909, 0.0, 0.016, 0.032, 1.2)
        # Everything that is certainly not scalp, eyes and mouth included.
        self.features = np.clip(self.blob(0.89, 0.0, 0.075, 0.125) * 3 - 0.9, 0, 1)
        self.ears = np.clip(self.blob(0.850, 0.150, 0.028, 0.028) * 3 - 0.9, 0, 1)
        self.beard = np.clip(self.blob(0.930, 0.0, 0.030, 0.085) + self.blob(0.898, 0.0, 0.006, 0.03), 0, 1)

    def blob(self, u, lateral, u_radius, v_radius, sharpness=1.0):
        square = ((self.u - u) / u_radius) ** 2 + ((self.lateral - lateral) / v_radius) ** 2
        return np.exp(-square * sharpness).astype(np.float32)


def blur(values, radius):
    sigma = (radius, radius, 0) if values.ndim == 3 else radius
    return gaussian_filter(values.astype(np.float32), sigma)


def spots(frequency, threshold, softness, seed):
    return blur(np.clip(cloud(frequency, 1, seed) - threshold, 0, 1), softness)


def light_skin(density, lips, regions):
    melanin = 0.045 * cloud(12, 6, 1) + 0.03 * cloud(260, 2, 2)
    melanin += 0.9 * spots(420, 2.7, 1.6, 31) * (0.35 + regions.face)  # faint freckles
    melanin += 0.08 * regions.under_eyes + 0.13 * regions.features  # the source's face is paler
    blood = 0.05 * regions.features + 0.055 * cloud(20, 5, 4) + 0.035 * cloud(150, 3, 5)
    blood += 0.17 * regions.cheeks + 0.13 * regions.nose + 0.12 * regions.nose_wings
    blood += 0.07 * regions.chin + 0.06 * regions.under_eyes
    result = density + (melanin[..., None] * MELANIN + blood[..., None] * BLOOD) * 0.85
    result -= (lips * 0.10)[..., None] * BLOOD  # the source's lips look painted
    return result + (lips * 0.05)[..., None]


def dark_skin(detail, lips, scalp, regions):
    base = -np.log(np.array([0.235, 0.112, 0.062], np.float32))
    melanin = 0.10 * cloud(10, 6, 7) + 0.06 * cloud(60, 4, 8) + 0.035 * cloud(400, 2, 9)
    melanin += 0.13 * regions.eye_sockets + 0.05 * regions.under_eyes - 0.09 * regions.cheeks
    melanin += 0.06 * regions.forehead + 0.05 * regions.chin
    melanin += 0.8 * spots(500, 2.9, 1.6, 12) * regions.face
    melanin += 0.10 * regions.beard * (1 - regions.mouth)
    blood = 0.10 * cloud(24, 5, 13) + 0.10 * regions.nose + 0.07 * regions.cheeks
    result = base + melanin[..., None] * MELANIN + blood[..., None] * BLOOD * 0.35
    result += (detail * 0.75)[..., None]
    lip_colour = -np.log(np.array([0.25, 0.092, 0.078], np.float32))
    lip_colour = lip_colour + (detail * 0.9 + 0.06 * cloud(90, 3, 15))[..., None]
    share = (lips * 0.82)[..., None]
    result = result * (1 - share) + lip_colour * share
    rim = np.clip(blur(lips, 4) * 2, 0, 1) * (1 - lips)
    return result + (rim * 0.10 + scalp * 0.35)[..., None]


def erase_scalp(density, scalp, regions):
    """Take the painted stubble out: the hair is real, and its line is ours."""
    level = np.array([density[..., c][regions.forehead > 0.6].mean() for c in range(3)])
    tone = level * 1.04 + 0.22 * (density - blur(density, 10))
    share = (np.clip(blur(scalp, 8) * 1.5, 0, 1) * 0.60)[..., None]
    return density * (1 - share) + tone * share


def roughness(lips, regions):
    values = 0.50 + 0.022 * cloud(40, 5, 21) + 0.02 * cloud(300, 2, 22)
    values -= 0.08 * regions.nose + 0.05 * regions.forehead + 0.03 * regions.chin
    values += 0.04 * regions.cheeks
    return values - 0.09 * lips


def save(path, values):
    Image.fromarray(values).save(path)


def main():
    options = parse(base_parser(__doc__))
    source = Image.open(options.data / SOURCE).convert("RGB").resize((SIZE, SIZE))
    linear = to_linear(np.asarray(source, np.float32))
    density = -np.log(np.clip(linear, 0.01, 1)).astype(np.float32)
    regions = FaceRegions()
    brightness = density.mean(2)
    on_head = regions.u > 0.635
    scalp = np.clip((blur(brightness * on_head, 10) - 0.95) / 0.35, 0, 1) * on_head
    scalp *= (1 - regions.features) * (1 - regions.ears)
    redness = density[..., 1] - density[..., 0]
    redness -= blur(redness, 110)
    lips = np.clip((blur(redness, 2) - 0.10) / 0.12, 0, 1) * np.clip(regions.mouth * 1.6, 0, 1)
    detail = brightness - blur(brightness, 17)
    detail *= 1 - np.clip(blur(scalp, 6) * 1.6, 0, 1)
    clean = erase_scalp(density, scalp, regions)
    work = options.work
    save(work / "skin-light.png", to_bytes(np.exp(-light_skin(clean, lips, regions))))
    save(work / "skin-dark.png", to_bytes(np.exp(-dark_skin(detail, lips, scalp, regions))))
    save(work / "lips.png", (lips * 255).astype(np.uint8))
    save(work / "scalp.png", (scalp * 255).astype(np.uint8))
    gloss = np.clip(roughness(lips, regions), 0, 1)
    save(work / "roughness.png", (gloss * 255).astype(np.uint8))
    print("skin maps written to", work)


if __name__ == "__main__":
    main()
