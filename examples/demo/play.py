"""The whole story, played: every person with a key of their own, every command as one would type it.

Run by `make demo`. Writes demo-out/ beside the Makefile and starts afresh each time.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import click
from PIL import Image

from twinbook.cli import commands
from twinbook.domain.errors import TwinbookError

HERE = Path(__file__).resolve().parent
OUT = Path("demo-out")
PEOPLE = (("talent", "Mira Holm", "mira"), ("talent", "Sami Okoro", "sami"), ("brand", "Tvaton", "tvaton"))


def scene(line: str) -> None:
    click.secho(f"\n{line}", bold=True)


def type_in(*words: str, expect: str | None = None) -> None:
    """Type a command and show it. ``expect`` is the error code that the story wants to happen here."""
    shown = " ".join(f'"{word}"' if " " in word else word for word in words)
    click.secho(f"$ twinbook {shown}", fg="cyan")
    try:
        commands(list(words), standalone_mode=False)
    except TwinbookError as error:
        if error.code != expect:
            raise
        click.echo(f"{error.diagnosis} [{error.code}]\n    {error.remedy}")


def main() -> None:
    begun = time.monotonic()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    for name in ("campaign.toml", "photos", "scenes"):
        source = HERE / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, OUT / name)
    os.chdir(OUT)
    os.environ.pop("TWINBOOK_HOME", None)

    scene("Tvaton's producer has a campaign. Without signatures nothing happens, and the run says who must sign what.")
    type_in("run", "campaign.toml", expect="awaiting.signature")

    scene("Everybody makes a key of their own. In real life each does so on their own machine.")
    for role, name, party in PEOPLE:
        type_in("keys", "new", role, name, "--id", party, "--out", f"keys-of-people/{party}.pem")

    scene("Mira and Sami read the terms in plain words and sign; Tvaton countersigns the licenses.")
    for paper in sorted(Path("out/to-sign").iterdir()):
        talent = paper.name.split("-")[1]
        for party in (talent, "tvaton") if paper.name.startswith("license") else (talent,):
            type_in("sign", str(paper), "--key", f"keys-of-people/{party}.pem", "--confirm", party)

    scene("Now the campaign runs: photographs in, released images out, each one permitted, checked, marked and paid.")
    type_in("run", "campaign.toml")

    scene(
        "Anybody can ask what a picture is: the image as released, one that a platform re-encoded, one with lighter skin."
    )
    released = next(Path("out/released").glob("portrait-web-3x4-*.jpg"))
    with Image.open(released) as picture:
        picture.save("as-a-platform-keeps-it.jpg", quality=75)
        lighter = picture.point([min(255, round(value * 1.25)) for value in range(256)] * 3)
        width, height = picture.size
        middle = (width // 4, height // 5, width * 3 // 4, height * 3 // 5)
        tampered = picture.copy()
        tampered.paste(lighter.crop(middle), middle[:2])
        tampered.save("with-lighter-skin.jpg", quality=92)
    type_in("verify", str(released), "as-a-platform-keeps-it.jpg", "with-lighter-skin.jpg")

    scene("Sami's statement lists every image ever made of his twin, and he can check that offline.")
    type_in("statement", "--talent", "sami")
    type_in("log", "verify", "--bundle", "out/log-sami.json", "--statement", "out/statement.csv")

    scene("Mira changes her mind. It takes her key and nobody else's yes.")
    type_in("revoke", "--talent", "mira", "--key", "keys-of-people/mira.pem", "--confirm", "mira")
    type_in("verify", str(released))
    type_in("log", "verify")

    scene(f"Done in {time.monotonic() - begun:.0f} seconds.")
    click.echo(f"Look at  {OUT}/out/contact-sheet.html  and  {OUT}/out/released/")
    click.echo(
        "Try next, in demo-out/: change a colour in campaign.toml and run it again (Mira's shots are refused now),"
    )
    click.echo("    ../.venv/bin/twinbook run campaign.toml")
    click.echo("or make a campaign of your own:  .venv/bin/twinbook init my-campaign")


if __name__ == "__main__":
    try:
        main()
    except TwinbookError as error:
        click.echo(f"{error.diagnosis} [{error.code}]\n    {error.remedy}", err=True)
        sys.exit(error.exit_status)
