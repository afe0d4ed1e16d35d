"""Plays the gallery's campaign with every command a user would type, and writes docs/gallery.md with what came out:
released copies as they are delivered, made smaller, and refusals in the words of the run.

    python tools/gallery/make.py
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Container
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PICTURES = ROOT / "docs" / "pictures"
HIGH = 640
_STOPPED = range(8)  # a run with something refused or waiting says so by its exit status
PEOPLE = (("talent", "Mira Holm", "mira"), ("talent", "Sami Okoro", "sami"), ("brand", "Tvaton", "tvaton"))


def twinbook(*words: str, expect: Container[int] = (0,)) -> str:
    command = [sys.executable, "-c", "from twinbook.cli import main; main()", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in expect:
        raise SystemExit(f"twinbook {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def lay_out(folder: Path) -> None:
    """The campaign with the pictures it names: the demonstration's people and places, garments of our own rendering."""
    shutil.copy(HERE / "campaign.toml", folder)
    for name in ("photos", "scenes"):
        shutil.copytree(ROOT / "examples" / "demo" / name, folder / name)
    (folder / "packshots").mkdir()
    shutil.copy(ROOT / "bench" / "figures" / "tryon" / "mira-tee-b-hanger.jpg", folder / "packshots" / "hanger.jpg")
    sys.path.insert(0, str(ROOT / "tests"))
    from drawn_garments import belt

    Image.fromarray(belt()).save(folder / "packshots" / "belt.png")


def play() -> list[dict]:
    twinbook("run", "campaign.toml", expect=_STOPPED)
    for role, name, party in PEOPLE:
        twinbook("keys", "new", role, name, "--id", party, "--out", f"keys/{party}.pem")
    for paper in sorted(Path("out/to-sign").iterdir()):
        talent = paper.name.split("-")[1]
        for party in (talent, "tvaton") if paper.name.startswith("license") else (talent,):
            twinbook("sign", str(paper), "--key", f"keys/{party}.pem", "--confirm", party)
    return json.loads(twinbook("run", "campaign.toml", "--json", expect=_STOPPED))["shots"]


def page(shots: list[dict], briefs: dict[str, dict]) -> str:
    lines = [
        "# Gallery: what the composite engine makes, and what it refuses",
        "",
        "Played by `python tools/gallery/make.py`: two people who don't exist, garments of our own rendering, every command as a user",
        "types it. The pictures are released copies, made smaller; below each, the brief. Nothing was retouched, nothing left out.",
        "",
    ]
    for one in shots:
        if not one["files"]:
            continue
        with Image.open(Path("out/released") / one["files"][0]) as picture:
            picture = picture.convert("RGB")
            picture.thumbnail((HIGH, HIGH), Image.Resampling.LANCZOS)
            picture.save(PICTURES / f"gallery-{one['shot']}.jpg", quality=88)
        lines += [f"## {_words(one['shot'])}", "", f"![{_words(one['shot'])}](pictures/gallery-{one['shot']}.jpg)", ""]
        lines += ["```toml", *_toml(briefs[one["shot"]]), "```", ""]
    waiting = [one for one in shots if not one["files"] and not one["reasons"]]
    if waiting:
        lines += ["## Not passed by itself: she decides", ""]
        for one in waiting:
            beyond = ", ".join(f"`{name}`" for name, m in one["measurements"].items() if not m["ok"])
            lines.append(f"- **{_words(one['shot'])}**: {beyond}")
        lines.append("")
    lines += ["## Refused, and why", "", "| shot | reason |", "|---|---|"]
    for one in shots:
        for reason in one["reasons"]:
            lines.append(f"| {_words(one['shot'])} | {reason['diagnosis']} `{reason['code']}` |")
    return "\n".join(lines) + "\n"


def _words(name: str) -> str:
    said = name.replace("-", " ")
    return said[0].upper() + said[1:]


def _toml(brief: dict) -> list[str]:
    def value(of: object) -> str:
        if isinstance(of, dict):
            return "{ " + ", ".join(f"{key} = {value(one)}" for key, one in of.items()) + " }"
        if isinstance(of, list):
            return "[" + ", ".join(map(value, of)) + "]"
        return json.dumps(of)

    return [f"{key} = {value(of)}" for key, of in brief.items() if key != "name"]


def main() -> None:
    briefs = {shot["name"]: shot for shot in tomllib.loads((HERE / "campaign.toml").read_text())["shot"]}
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        os.chdir(folder)
        shots = play()
        for one in shots:
            print(one["shot"], one["outcome"], *(reason["code"] for reason in one["reasons"]))
        (ROOT / "docs" / "gallery.md").write_text(page(shots, briefs))
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
