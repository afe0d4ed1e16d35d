"""Whether the fidelity checks know her from others, and what they cost: ``python bench/fidelity.py``.

- **identity**: `bench/faces` holds rendered people who don't exist. Each is enrolled from every other picture of theirs; the rest,
  everybody else's and, for the demonstration's two, look-alikes drawn 10 to 30 % towards them, are judged by the talent's own
  calibrated bound. Its one free number (the margin over her held-out captures) was chosen on people with even seeds; reported
  are those with odd ones. Beside it, in the same run, the customary rule: nearest photograph within 0.6, and within 0.45.
- **cost**: the whole verdict on a picture of 2048 × 3072 pixels, in a process of its own.

bench/tampering.py has what is done to pictures of her. QUICK=1 takes a part, in under a minute. ``--plot FILE`` draws ROC and DET.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from twinbook.domain.fidelity import Calibration, identity_bound
from twinbook.domain.twin import Backdrop, Box, PlateFacts
from twinbook.ports import Face, Plate
from twinbook.vision import DlibMeter
from twinbook.vision.faces import _embedder, chip, find_faces
from twinbook.vision.identity import DlibEmbedder, score
from twinbook.vision.impostors import load_impostors
from twinbook.vision.likeness import find_her, identified

PEERS = ["matplotlib", "contourpy", "cycler", "fonttools", "kiwisolver", "pyparsing", "python-dateutil", "six"]
QUICK = os.environ.get("QUICK") == "1"
HERE = Path(__file__).resolve().parent
FACES = HERE / "faces"
PHOTOS = HERE.parent / "examples" / "demo" / "photos"
ASKED = argparse.Namespace(plot=None)
# Somebody to look for in pictures of which nothing can be told: whoever it is, the answer must be the same.
_BOX = Box(0, 0, 1, 1)
PROBE = Plate(
    PlateFacts("probe", "probe", 1, 1, _BOX, _BOX, Backdrop.PLAIN, 1.0),
    np.zeros((1, 1, 3), np.uint8),
    None,
    np.zeros((5, 2), np.float32),
    np.zeros(128),
    np.zeros(3),
)


def figure(name: str, value: float, goal: float, unit: str = "", *, least: bool = False) -> bool:
    ok = value >= goal if least else value <= goal
    sign = "≥" if least else "≤"
    print(f"figure: {name} = {value:.3g}{unit} (goal {sign} {goal:g}{unit}) {'ok' if ok else 'short'}")
    return ok


def interval(hits: int, count: int) -> str:
    """A share with its 95 % interval (Wilson, JASA 22 (1927))."""
    if not count:
        return "–"
    z, share = 1.96, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return f"{share:.1%} [{max(middle - half, 0):.1%}, {min(middle + half, 1):.1%}]"


def load(file: Path) -> np.ndarray:
    return np.asarray(Image.open(file).convert("RGB"))


# --- identity -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """A picture of somebody: whose, the view's name, its embedding, and the plain one for the customary rule."""

    person: str
    view: str
    vector: np.ndarray
    plain: np.ndarray


@dataclass(frozen=True)
class Person:
    """``like`` is whom a look-alike was drawn towards and by how many percent, None for everybody else."""

    id: str
    seed: int
    group: str
    like: tuple[str, int] | None


@dataclass(frozen=True)
class Trial:
    """A picture judged for a talent. ``value`` is its score over her bound: up to 1 is taken for her; ``nearest`` the plain
    distance to her nearest picture; ``look_alike`` by how many percent it was drawn towards her."""

    talent: str
    group: str
    seed: int
    genuine: bool
    look_alike: int
    value: float
    nearest: float


def people() -> tuple[dict[str, Person], list[Shown]]:
    """Everybody in `bench/faces`, and their pictures that an embedding can tell anything of; where no face is found is told."""
    index = json.loads((FACES / "index.json").read_text(encoding="utf-8"))
    embedder = DlibEmbedder()
    known: dict[str, Person] = {}
    shown, missed, tried, unclear = [], [], 0, []
    for entry in index["people"][:: 4 if QUICK else 1]:
        like = entry.get("look_alike")
        known[entry["id"]] = Person(
            entry["id"], entry["seed"], entry["group"], (like["of"], like["percent"]) if like else None
        )
        for view, facts in entry["views"].items():
            rgb = load(FACES / entry["id"] / f"{view}.jpg")
            if facts.get("hidden_by") or abs(facts["yaw"]) > 50:
                hers = find_her(rgb, [PROBE], embedder)
                unclear.append(identified(rgb, hers, False)[0].value is None)
                continue
            tried += 1
            faces = find_faces(rgb)
            if faces:
                shown.append(Shown(entry["id"], view, embedder.embed(rgb, faces[0]), plain(rgb, faces[0])))
            else:
                missed.append(f"{entry['id']}/{view}")
    found = tried - len(missed)
    print(f"{len(known)} people, {tried} pictures, a face found in {found}: {interval(found, tried)}")
    if unclear:
        print(
            f"profiles and hidden faces of which it is said that they can't be told: {interval(sum(unclear), len(unclear))}"
        )
    return known, shown


def trials(known: dict[str, Person], shown: Sequence[Shown]) -> list[Trial]:
    """Every enrolled person against every picture that isn't one of her plates."""
    pool = load_impostors().embeddings
    found = []
    for person in known.values():
        hers = [one for one in shown if one.person == person.id]
        plates, rest = hers[0::2], hers[1::2]
        if person.like is not None or len(plates) < 2 or not rest:
            continue
        vectors = np.stack([one.vector for one in plates])
        plain_ones = np.stack([one.plain for one in plates])
        held_out = tuple(score(one.vector, np.delete(vectors, i, axis=0)) for i, one in enumerate(plates))
        limit = identity_bound(Calibration(held_out, tuple(score(vector, vectors) for vector in pool))).limit
        for one in shown:
            other = known[one.person]
            if one in plates or (other.like and other.like[0] != person.id):
                continue
            nearest = float(np.linalg.norm(plain_ones - one.plain, axis=1).min())
            towards = other.like[1] if other.like else 0
            value = score(one.vector, vectors) / limit
            found.append(Trial(person.id, person.group, person.seed, one.person == person.id, towards, value, nearest))
    return found


def plain(rgb: np.ndarray, face: Face) -> np.ndarray:
    """The embedding as its authors compute it, without the mirror image."""
    return np.array(_embedder().compute_face_descriptor(chip(rgb, face)), np.float64)


def table(found: Sequence[Trial]) -> list[str]:
    rules = {
        "Twinbook, her own bound": lambda t: t.value <= 1,
        "customary, 0.6 to the nearest": lambda t: t.nearest <= 0.6,
        "one bound for all, 0.45": lambda t: t.nearest <= 0.45,
    }
    lines = ["| rule | group | false reject | false accept | of look-alikes |", "|---|---|---|---|---|"]
    for name, rule in rules.items():
        for group in ("all", "light", "medium", "dark"):
            these = [t for t in found if group in ("all", t.group)]
            rejected = [not rule(t) for t in these if t.genuine]
            accepted = [rule(t) for t in these if not t.genuine and not t.look_alike]
            alike = [rule(t) for t in these if t.look_alike]
            shares = (interval(sum(x), len(x)) for x in (rejected, accepted, alike))
            lines.append(f"| {name} | {group} | {' | '.join(shares)} |")
    return lines


def identity() -> list[bool]:
    known, shown = people()
    everybody = trials(known, shown)
    reported = [t for t in everybody if t.seed % 2 or QUICK]
    print(f"reported: {len({t.talent for t in reported})} people with odd seeds, {len(reported)} trials")
    print("\n".join(table(reported)))
    if ASKED.plot:
        draw(reported, ASKED.plot)
    genuine = [t.value > 1 for t in reported if t.genuine]
    others = [t.value <= 1 for t in reported if not t.genuine and not t.look_alike]
    alike = [t.value <= 1 for t in reported if t.look_alike]
    return [
        figure("false reject", 100 * statistics.mean(genuine), 5.0, " %"),
        figure("false accept", 100 * statistics.mean(others), 1.0, " %"),
        figure("false accept with look-alikes among the impostors", 100 * statistics.mean(others + alike), 1.0, " %"),
    ]


def draw(found: Sequence[Trial], file: Path) -> None:
    """ROC and DET of both scores, by skin group for ours."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    page, (roc, det) = pyplot.subplots(1, 2, figsize=(11, 5))
    curves = {"customary distance": ([(t.nearest, t.genuine) for t in found], "#888888")}
    curves["Twinbook, all"] = ([(t.value, t.genuine) for t in found], "#111111")
    for group, colour in (("light", "#d7a06e"), ("medium", "#9a6138"), ("dark", "#4a2f20")):
        curves[f"Twinbook, {group}"] = ([(t.value, t.genuine) for t in found if t.group == group], colour)
    for name, (pairs, colour) in curves.items():
        values, genuine = np.array([v for v, _ in pairs]), np.array([g for _, g in pairs])
        steps = np.sort(values)
        accept = np.array([(values[~genuine] <= at).mean() for at in steps])
        reject = np.array([(values[genuine] > at).mean() for at in steps])
        roc.plot(accept, 1 - reject, label=name, color=colour)
        det.plot(np.maximum(accept, 1e-4), np.maximum(reject, 1e-3), label=name, color=colour)
    roc.set(xscale="symlog", xlim=(0, 1), xlabel="false accept", ylabel="true accept", title="ROC")
    roc.set_xscale("symlog", linthresh=1e-3)
    det.set(xscale="log", yscale="log", xlabel="false accept", ylabel="false reject", title="DET")
    det.axvline(0.01, color="#bbbbbb", linewidth=0.8)
    det.axhline(0.05, color="#bbbbbb", linewidth=0.8)
    det.legend(fontsize=8)
    page.tight_layout()
    page.savefig(file, dpi=110)


# --- cost ---------------------------------------------------------------------------------------------------------

_ONE = """
import pickle, resource, sys, time
from pathlib import Path
import cv2, numpy as np
from twinbook.domain import fidelity
from twinbook.ports import Asked
from twinbook.vision import DlibMeter
plates = pickle.loads(Path(sys.argv[1]).read_bytes())
plate = next(p for p in plates if p.facts.photo == "full-front")
picture = cv2.resize(plate.rgb_srgb, (2048, 3072), interpolation=cv2.INTER_CUBIC)
meter = DlibMeter()
meter.measure(picture, plates, Asked(plate.facts.id))  # the weights are read once a process
took = []
for _ in range(5):
    start = time.perf_counter()
    bounds = fidelity.bounds(fidelity.identity_bound(meter.calibrate(plates)), {}, {})
    verdict = fidelity.judge(meter.measure(picture, plates, Asked(plate.facts.id)), bounds, calibrated=True)
    took.append(time.perf_counter() - start)
print(sorted(took)[2], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, verdict.outcome)
"""


def cost() -> list[bool]:
    plates = DlibMeter().enroll(sorted((PHOTOS / "mira").glob("*-front.jpg")), lambda said: None).plates
    with (
        tempfile.TemporaryDirectory() as folder
    ):  # plates of nobody, in a process of its own: enrolling isn't the verdict
        kept = Path(folder) / "plates"
        kept.write_bytes(pickle.dumps(plates))
        ran = subprocess.run([sys.executable, "-c", _ONE, str(kept)], capture_output=True, text=True, check=True)
    seconds, megabytes, outcome = ran.stdout.split()
    print(
        f"the whole verdict on 2048 × 3072 pixels: {float(seconds):.2f} s, peak {float(megabytes):.0f} MB ({outcome})"
    )
    return [
        figure("verdict at 2048 × 3072", float(seconds), 1.5, " s"),
        figure("peak memory", float(megabytes) / 1024, 1.5, " GB"),
    ]


def main() -> int:
    done = [*identity(), *cost()]
    return 0 if all(done) else 1


if __name__ == "__main__":
    reader = argparse.ArgumentParser(description="Fidelity: identity and cost.")
    reader.add_argument("--plot", type=Path, default=None)
    ASKED = reader.parse_args()
    sys.exit(main())
