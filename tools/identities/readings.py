"""What the product sees in a picture, kept in ``WORK/readings.json`` so that a picture is read once. Nothing to run here;
product's environment."""

import json
import sys

import numpy as np
import population
from PIL import Image

sys.path.insert(0, str(population.HERE.parents[1] / "src"))
from twinbook.vision.faces import embed, find_faces
from twinbook.vision.skin import lit_skin


class Readings:
    def __init__(self, work):
        self.kept = work / "readings.json"
        self.rows = json.loads(self.kept.read_text()) if self.kept.exists() else {}

    def read(self, path):
        """(embedding or None, CIELAB of lit skin or None)"""
        key = f"{path.parent.name}/{path.name} {path.stat().st_mtime_ns}"
        if key not in self.rows:
            picture = np.array(Image.open(path).convert("RGB"))
            found = find_faces(picture)
            skin = lit_skin(picture, found[0].landmarks) if found else None
            self.rows[key] = [
                embed(picture, found[0]).tolist() if found else None,
                None if skin is None else skin.tolist(),
            ]
            if len(self.rows) % 10 == 0:
                self.save()
        return [None if value is None else np.array(value) for value in self.rows[key]]

    def save(self):
        self.kept.write_text(json.dumps(self.rows), encoding="utf-8")
