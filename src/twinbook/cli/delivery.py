"""The command that packs what a licensee may use."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from .. import app, durable
from ..services import deliver as delivering
from ..settings import settings
from .root import FILE, HOME, JSON, commands, print_json


@commands.command("deliver")
@click.argument("brand")
@click.option("--out", type=FILE, help="The archive to write; by default delivery-BRAND.zip here.")
@HOME
@JSON
def deliver_(brand: str, out: Path | None, home: Path | None, as_json: bool) -> None:
    """Pack what a brand (its id) may use today: pictures, captions, what each place asks for, checksums."""
    with app.open_office(settings(home=home)) as office:
        made = delivering.deliver(office, brand)
    target = out or Path(f"delivery-{brand}.zip")
    durable.write(target, made.archive)
    if as_json:
        left_out = [{"shot": name, "why": why} for name, why in made.left_out]
        digest = hashlib.sha256(made.archive).hexdigest()
        print_json({"archive": str(target), "sha256": digest, "files": list(made.files), "left_out": left_out})
        return
    click.echo(f"wrote {target}: {len(made.files)} picture{'s' if len(made.files) != 1 else ''}")
    for name, why in made.left_out:
        click.echo(f"  left out {name}: {why}")
