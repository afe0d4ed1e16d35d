"""Can the product see these faces, and tell them apart?

    python check_faces.py PHOTOS [--models DIR]

Run it in the product's environment (dlib, numpy, pillow). For every picture:
the score of dlib's frontal detector, upsampled once. For the talents: the
largest embedding distance within one, the smallest between two.
"""

import argparse
import itertools
from importlib.util import find_spec
from pathlib import Path

import dlib
import numpy as np
from PIL import Image

NEEDED_SCORE = 0.4
LARGEST_WITHIN = 0.45
SMALLEST_BETWEEN = 0.60


def models_folder():
    """The models' package is only read by path: importing it needs setuptools."""
    package = find_spec("face_recognition_models")
    if package is None:
        raise SystemExit("install face_recognition_models or give --models")
    return Path(package.submodule_search_locations[0]) / "models"


def embeddings(folder, models):
    detector = dlib.get_frontal_face_detector()
    landmarks = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    encoder = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))
    found = {}
    for path in sorted(folder.glob("*.jpg")):
        pixels = np.array(Image.open(path).convert("RGB"))
        boxes, scores, _ = detector.run(pixels, 1, 0.0)
        if not boxes:
            print(f"  {path.name}: no face")
            continue
        best = int(np.argmax(scores))
        note = "" if scores[best] > NEEDED_SCORE else "  too weak"
        print(f"  {path.name}: {scores[best]:.2f}, {boxes[best].width()} px{note}")
        shape = landmarks(pixels, boxes[best])
        found[path.stem] = np.array(encoder.compute_face_descriptor(pixels, shape))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--models", type=Path)
    options = parser.parse_args()
    models = options.models or models_folder()
    people = {}
    for folder in sorted(path for path in options.photos.iterdir() if path.is_dir()):
        print(folder.name)
        people[folder.name] = embeddings(folder, models)
    for name, views in people.items():
        pairs = [np.linalg.norm(a - b) for a, b in itertools.combinations(views.values(), 2)]
        if pairs:
            print(f"within {name}: up to {max(pairs):.2f} (wanted: at most {LARGEST_WITHIN})")
    for first, second in itertools.combinations(people, 2):
        pairs = [np.linalg.norm(a - b) for a in people[first].values() for b in people[second].values()]
        if pairs:
            print(f"between {first} and {second}: from {min(pairs):.2f} (wanted: over {SMALLEST_BETWEEN})")


if __name__ == "__main__":
    main()
