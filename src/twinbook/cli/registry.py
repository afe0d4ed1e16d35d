"""Commands about the public registry: the signed file, and the service that answers from it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .. import app, durable
from ..services import registry as registries
from ..settings import settings
from .root import FILE, HOME, JSON, commands, print_json


@commands.group()
def registry() -> None:
    """What anybody may know of this home's releases: ids, fingerprints, and whether they still stand."""


@registry.command("export")
@click.option("--out", type=FILE, default="registry.json", show_default=True)
@HOME
@JSON
def registry_export(out: Path, home: Path | None, as_json: bool) -> None:
    """Write the signed registry: no names, no photographs, nothing that was agreed."""
    with app.open_office(settings(home=home)) as office:
        document = registries.export(office)
    durable.write(out, json.dumps(document, indent=1).encode() + b"\n")
    count, key = len(document["registry"]["releases"]), document["key"]
    if as_json:
        print_json({"file": str(out), "releases": count, "key": key})
        return
    click.echo(f"wrote {out}: {count} releases")
    click.echo(f"to look a picture up in it: twinbook verify IMAGE --registry {out} --key {key}")


@commands.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8646, show_default=True)
@HOME
def serve_(host: str, port: int, home: Path | None) -> None:
    """Answer who asks for the manifest of a picture (C2PA Soft Binding Resolution API), and give the registry away."""
    app.serve(settings(home=home), host, port, click.echo)
