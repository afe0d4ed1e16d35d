"""A small programme to try the command line on: the portrait of an astronaut (public domain, shipped by scikit-image)."""

import os
import subprocess
import sys

from PIL import Image
from skimage import data

CAMPAIGN = """
[[talent]]
id = "stella"
name = "Stella Nova"
born = 1996-11-19
photos = "photos"

[consent]
purpose = "tests of this software"
parts = ["capture", "template", "generate"]
until = 2999-11-22
channels = ["web", "instagram"]
territories = ["SE"]
min_fee_per_image = "300 EUR"
max_images_per_month = 40

[license]
brand = "Tvaton"
category = "space wear"
fee_per_image = "450 EUR"
channels = ["instagram", "web"]
territories = ["SE"]
term_days = 90
split = { agency = 20 }

[[shot]]
name = "blue-suit"
talents = ["stella"]
garment = { recolor = "top", to = "#1f3a93" }
formats = ["instagram-4x5", "web-3x4"]

[[shot]]
name = "studio"
talents = ["stella"]
scene = "studio:warm-grey"
formats = ["instagram-4x5"]
"""


def twinbook(folder, *arguments):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TWINBOOK")}
    return subprocess.run(
        [sys.executable, "-c", "from twinbook.cli import main; main()", *map(str, arguments)],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        timeout=240,
    )


def make_folder(folder):
    (folder / "photos").mkdir()
    Image.fromarray(data.astronaut()).save(folder / "photos" / "portrait.png")
    (folder / "campaign.toml").write_text(CAMPAIGN)
    return folder


def sign_everything(folder):
    assert twinbook(folder, "keys", "new", "talent", "Stella Nova", "--id", "stella").returncode == 0
    assert twinbook(folder, "keys", "new", "brand", "Tvaton").returncode == 0
    for file in sorted((folder / "out" / "to-sign").iterdir()):
        for party in ["stella"] + (["tvaton"] if file.name.startswith("license") else []):
            done = twinbook(folder, "sign", file, "--key", f"{party}.pem", "--confirm", party)
            assert done.returncode == 0, done.stderr
