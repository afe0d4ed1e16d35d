"""What goes out to licensees, and whose copy came back: packing and tracing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from .. import app, durable
from ..domain.errors import InputError
from ..services import deliver as delivering
from ..services import trace as tracing
from ..settings import settings
from .root import FILE, HOME, JSON, commands, print_json


@commands.command("deliver")
@click.argument("brand")
@click.option("--out", type=FILE, help="The archive to write; by default delivery-BRAND.zip here.")
@click.option(
    "--to",
    "recipient",
    default="",
    help="Whom the brand passes them on to: a sublicensee, a vendor, or BRAND/who for its own people. They get copies with "
    "codes of their own.",
)
@HOME
@JSON
def deliver_(brand: str, out: Path | None, recipient: str, home: Path | None, as_json: bool) -> None:
    """Pack what a brand (its id) may use today: pictures, captions, what each place asks for, checksums."""
    with app.open_office(settings(home=home)) as office:
        made = delivering.deliver(office, brand, recipient)
    named = "-for-".join(filter(None, (brand, recipient.replace("/", "-").replace(" ", "-"))))
    target = out or Path(f"delivery-{named}.zip")
    durable.write(target, made.archive)
    if as_json:
        left_out = [{"shot": name, "why": why} for name, why in made.left_out]
        digest = hashlib.sha256(made.archive).hexdigest()
        print_json({"archive": str(target), "sha256": digest, "files": list(made.files), "left_out": left_out})
        return
    click.echo(f"wrote {target}: {len(made.files)} picture{'s' if len(made.files) != 1 else ''}")
    for name, why in made.left_out:
        click.echo(f"  left out {name}: {why}")


@commands.command("trace")
@click.argument("image", type=FILE)
@click.option(
    "--release",
    "releases",
    multiple=True,
    help="A release to ask about; may be given again. By default the one it leads to.",
)
@HOME
@JSON
def trace_(image: Path, releases: tuple[str, ...], home: Path | None, as_json: bool) -> None:
    """Of which released copy was a leaked picture made? A ranking for a person to judge."""
    try:
        data = image.read_bytes()
    except OSError as error:
        raise InputError("image.unreadable", f"{image} can't be read: {error.strerror}") from error
    with app.open_office(settings(home=home)) as office:
        found = tracing.trace(office, data, releases)
    if as_json:
        print_json(found.document())
        return
    for each in found.ranked[:20]:
        said = "above the threshold" if each.score >= found.threshold else ""
        whom = each.licensee or "nobody on file"
        whom += f", passed on to {each.recipient}" if each.recipient else ""
        click.echo(f"{each.score:7.1f}  {each.release} {each.format}, made for {whom}  {said}".rstrip())
    click.echo(
        f"threshold {found.threshold:.1f}: an innocent copy comes above it once in {1 / found.false_accusation:,.0f} "
        f"pictures; {found.overlap:.0%} of the original was there to compare"
    )
    click.echo(tracing.CAUTION)
