"""Commands about base weights: which there are on this machine, and under which licence."""

from __future__ import annotations

from pathlib import Path

import click

from .. import app
from ..domain.weights import Family, Weights
from ..services import weights as shelf
from ..settings import settings
from .root import FOLDER, HOME, JSON, commands, print_json

_FAMILY = click.option(
    "--family", type=click.Choice([f.value for f in Family]), required=True, help="How they are built."
)
_NAME = click.option("--name", required=True, help="What they are called here.")
_COMMERCIAL = click.option(
    "--commercial",
    is_flag=True,
    help="Your word that their licence lets pictures be sold, where it isn't known here. It is written into the log.",
)


@commands.group()
def weights() -> None:
    """Base weights that you bring. Nothing is ever fetched but by `weights pull`."""


@weights.command("add")
@click.argument("folder", type=FOLDER)
@_NAME
@_FAMILY
@click.option("--licence", required=True, help="Their licence: an SPDX identifier, or its own name.")
@_COMMERCIAL
@HOME
@JSON
def weights_add(
    folder: Path, name: str, family: str, licence: str, commercial: bool, home: Path | None, as_json: bool
) -> None:
    """Register a folder of weights in diffusers' layout, each file by its SHA-256. It stays where it is."""
    with app.open_office(settings(home=home)) as office:
        made = shelf.add(office, folder, name, Family(family), licence, commercial=commercial)
    print_json(_told(made)) if as_json else click.echo(f"registered {_line(made)}")


@weights.command("declare")
@click.argument("name")
@_FAMILY
@click.option("--licence", required=True, help="Their licence: an SPDX identifier, or its own name.")
@_COMMERCIAL
@HOME
@JSON
def weights_declare(name: str, family: str, licence: str, commercial: bool, home: Path | None, as_json: bool) -> None:
    """Register weights that a ComfyUI server has, under its name for them: their licence, since their files aren't here."""
    with app.open_office(settings(home=home)) as office:
        made = shelf.declare(office, name, Family(family), licence, commercial=commercial)
    print_json(_told(made)) if as_json else click.echo(f"declared {_line(made)}")


@weights.command("pull")
@click.argument("repo")
@click.option("--revision", required=True, help="The commit to pull, 40 hex digits.")
@_NAME
@_FAMILY
@click.option("--licence", default="", help="Their licence (default: what the repository's model card says).")
@_COMMERCIAL
@HOME
@JSON
def weights_pull(
    repo: str,
    revision: str,
    name: str,
    family: str,
    licence: str,
    commercial: bool,
    home: Path | None,
    as_json: bool,
) -> None:
    """Fetch a repository of a hub at a pinned commit into the home, and register it. Needs twinbook[diffusion]."""
    with app.open_office(settings(home=home)) as office:
        made = shelf.pull(office, repo, revision, name, Family(family), licence, commercial=commercial)
    print_json(_told(made)) if as_json else click.echo(f"pulled {_line(made)}")


@weights.command("list")
@HOME
@JSON
def weights_list(home: Path | None, as_json: bool) -> None:
    """The weights that are registered here, with their licences and digests."""
    with app.open_office(settings(home=home)) as office:
        found = office.weights.all()
    if as_json:
        print_json([_told(each) for each in found])
        return
    for each in found:
        click.echo(_line(each))


@weights.command("remove")
@click.argument("name")
@HOME
@JSON
def weights_remove(name: str, home: Path | None, as_json: bool) -> None:
    """Forget weights. A folder that was added stays; what was pulled is deleted."""
    with app.open_office(settings(home=home)) as office:
        gone = shelf.remove(office, name)
    print_json(_told(gone)) if as_json else click.echo(f"removed {gone.name}")


def _told(each: Weights) -> dict[str, object]:
    return {
        "name": each.name,
        "family": each.family.value,
        "licence": each.licence,
        "commercial": each.commercial,
        "stated": each.stated,
        "source": each.source,
        "revision": each.revision or None,
        "sha256": each.digest,
        "files": dict(each.files),
        "added_at": each.added_at.isoformat(),
    }


def _line(each: Weights) -> str:
    may = "pictures may be sold, as somebody here stated" if each.stated else "pictures may be sold"
    may = may if each.commercial else "no picture may be sold"
    return f"{each.name}: {each.family.value}, {each.licence}: {may}; {len(each.files)} files, {each.digest[:16]}"
