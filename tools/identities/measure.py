"""Step 3, in the product's environment: index the pictures and tell how alike the people are to dlib.

    python measure.py bench/faces --work WORK

Writes ``index.json`` next to the pictures: who they are, the views, and what was measured on each front view (ITA of
the lit skin, Monk-like tone). Prints detection rates and embedding distances within and between people.
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import population
from readings import Readings
from views import views_of

UNTELLABLE = ("profile", "hidden")  # views that are meant to defeat the measurement


def ita(lab):
    """Individual typology angle in degrees (Chardon 1991): over 28 light, under −30 dark."""
    return float(np.degrees(np.arctan2(lab[0] - 50, lab[2])))


def spread(values):
    values = np.asarray(values)
    if not len(values):
        return "none"
    return f"n {len(values)}, 1 % {np.percentile(values, 1):.3f}, 5 % {np.percentile(values, 5):.3f}, median {np.median(values):.3f}, 95 % {np.percentile(values, 95):.3f}, 99 % {np.percentile(values, 99):.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--views", nargs="+", help="read only these; the rest is listed as it is")
    options = parser.parse_args()
    readings = Readings(options.work)
    people = [p for p in population.population() if (options.pictures / p["id"]).is_dir()]
    index, vectors, missed = [], {}, []
    for person in people:
        entry = {key: person[key] for key in ("id", "kind", "seed", "group", "sex", "age")}
        if person["blend"]:
            entry["look_alike"] = person["blend"]
        entry["views"] = {}
        for name, view in views_of(person).items():
            path = options.pictures / person["id"] / f"{name}.jpg"
            if not path.exists():
                continue
            row = {key: view[key] for key in ("yaw", "pitch", "light")}
            row |= {"expression": "smile"} if view["face"] == "smile" else {}
            row |= {"other_hair": True} if view["hair"] == "other" else {}
            if name == "hidden":
                row["hidden_by"] = view["over"] or "distance"
            entry["views"][name] = row
            if options.views and name not in options.views and person["kind"] != "genuine":
                continue
            vector, skin = readings.read(path)
            row["face_found"] = vector is not None
            if vector is None:
                missed.append(f"{person['id']}/{name}")
            elif name not in UNTELLABLE:
                vectors[person["id"], name] = vector
                if skin is not None:
                    row["ita"] = round(ita(skin), 1)
        if "ita" in entry["views"].get("front", {}):
            entry["ita"] = entry["views"]["front"]["ita"]
        index.append(entry)
    readings.save()
    made = {
        "made_by": "tools/identities",
        "licence": "CC0-1.0",
        "population_seed": population.description()["seed"],
        "people": index,
    }
    (options.pictures / "index.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    report(index, vectors, missed)


def distance(vectors, one, other):
    return float(np.linalg.norm(vectors[one] - vectors[other]))


def report(index, vectors, missed):
    read = [(p["id"], n, v["face_found"]) for p in index for n, v in p["views"].items() if "face_found" in v]
    wanted = [row for row in read if row[1] not in UNTELLABLE]
    print(f"faces found in {len(vectors)} of {len(wanted)} pictures read that are meant to show one")
    for name in UNTELLABLE:
        chosen = [found for _, n, found in read if n == name]
        print(f"  {name}: found in {sum(chosen)} of {len(chosen)}")
    print("  missed:", " ".join(m for m in missed if m.split("/")[1] not in UNTELLABLE) or "none")
    facts = {p["id"]: p for p in index}
    for group in ("light", "medium", "dark"):
        angles = [p["ita"] for p in index if p["kind"] == "person" and p["group"] == group and "ita" in p]
        if angles:
            print(f"{group}: ITA {min(angles):.0f} to {max(angles):.0f}, median {np.median(angles):.0f}")
        keys = [k for k in vectors if facts[k[0]]["kind"] == "person" and facts[k[0]]["group"] == group]
        pairs = list(itertools.combinations(keys, 2))
        print("  within one person: ", spread([distance(vectors, a, b) for a, b in pairs if a[0] == b[0]]))
        between = [(a, b) for a, b in pairs if a[0] != b[0]]
        print("  between people:    ", spread([distance(vectors, a, b) for a, b in between]))
        same = [(a, b) for a, b in between if facts[a[0]]["sex"] == facts[b[0]]["sex"]]
        print("  ... of one sex:    ", spread([distance(vectors, a, b) for a, b in same]))
        print("  ... both frontal:  ", spread([distance(vectors, a, b) for a, b in same if a[1] == b[1] == "front"]))
    for name in ("mira", "sami"):
        own = [k for k in vectors if k[0] == name]
        if not own:
            continue
        print(f"{name} within:", spread([distance(vectors, a, b) for a, b in itertools.combinations(own, 2)]))
        for percent in sorted({p["look_alike"]["percent"] for p in index if "look_alike" in p}):
            near = [k for k in vectors if facts[k[0]].get("look_alike") == {"of": name, "percent": percent}]
            print(f"  {percent} % look-alikes:", spread([distance(vectors, a, b) for a in own for b in near]))
        others = [k for k in vectors if facts[k[0]]["kind"] == "person" and facts[k[0]]["group"] == facts[name]["group"]
                  and facts[k[0]]["sex"] == facts[name]["sex"]]  # fmt: skip
        print("  others of the group:", spread([distance(vectors, a, b) for a in own for b in others]))


if __name__ == "__main__":
    main()
