"""Step 4, in the product's environment: the impostors' pictures become the pool the product ships.

    python pool.py --work WORK

Writes ``src/twinbook/vision/impostors.npz``: embeddings float16 (n, 128), a skin group per row, and who made them.
Pictures in which no face is found are left out and counted.
"""

import argparse
from pathlib import Path

import numpy as np
import population
from readings import Readings

from twinbook.vision.faces import EMBEDDING

ROOT = population.HERE.parents[1]
VERSION = 1  # raise it when the renderer or the draws change


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=ROOT / "src/twinbook/vision/impostors.npz")
    options = parser.parse_args()
    readings = Readings(options.work)
    rows, groups, without = [], [], []
    for person in population.population():
        path = options.work / "impostors" / f"{person['id']}.jpg"
        if person["kind"] != "impostor" or not path.exists():
            continue
        vector, _ = readings.read(path)
        if vector is None:
            without.append(person["id"])
            continue
        rows.append(vector)
        groups.append(person["group"])
    readings.save()
    seed = population.description()["seed"]
    maker = f"tools/identities {VERSION}, population {seed}, {EMBEDDING}"
    np.savez_compressed(
        options.out, embeddings=np.array(rows, np.float16), groups=np.array(groups), maker=np.array(maker)
    )
    counts = {group: groups.count(group) for group in dict.fromkeys(groups)}
    print(
        f"{len(rows)} rows {counts}, no face in {len(without)}: {' '.join(without)}; {options.out.stat().st_size} bytes"
    )


if __name__ == "__main__":
    main()
