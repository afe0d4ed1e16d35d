"""Commands for whoever runs a home: the vault's keys, and papers that a law makes it keep."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from .. import app
from ..domain.errors import InputError
from ..ports import Retained
from ..services import retention as keeping
from ..settings import settings
from .root import FILE, HOME, JSON, commands, print_json


@commands.group()
def vault() -> None:
    """The vault: what lies in it, and new keys for it."""


@vault.command("status")
@HOME
@JSON
def vault_status(home: Path | None, as_json: bool) -> None:
    """What the vault holds: boxes of talents, objects, bytes, and rotations that were broken off. Opens nothing."""
    with app.open_office(settings(home=home)) as office:
        state = office.vault.state()
        owners = _owners(office)
        kept = len(keeping.kept(office))
    boxes = [
        {
            "talent": owners.get(box.name),
            "box": box.name,
            "objects": box.objects,
            "bytes": box.size,
            "rotating": box.rotating,
            "drafts": box.drafts,
        }
        for box in state.boxes
    ]
    if as_json:
        print_json({"boxes": boxes, "rotating": state.rotating, "retained": kept})
        return
    for box in boxes:
        who = box["talent"] or f"nobody who is known here ({box['box'][:8]}…)"
        click.echo(f"{who}: {box['objects']} objects, {box['bytes']:,} bytes")
        if box["rotating"]:
            click.echo(f"    a rotation was broken off: twinbook vault rotate --talent {box['talent']}")
        if box["drafts"]:
            click.echo(f"    {box['drafts']} drafts of killed writers; they go with the next writing, or with the box")
    if not boxes:
        click.echo("the vault is empty")
    if state.rotating:
        click.echo(
            "a rotation of the master key was broken off: run `twinbook vault rotate --master` with the same key"
        )
    click.echo(f"{kept} papers under legal retention")


@vault.command("rotate")
@click.option("--talent", help="Give this talent a new data key.")
@click.option("--master", type=FILE, help="A file with the new master key, 32 bytes in hex.")
@HOME
@JSON
def vault_rotate(talent: str | None, master: Path | None, home: Path | None, as_json: bool) -> None:
    """New keys: for one talent, for every talent in turn (the default), or a new master key.

    A new data key seals every object of hers anew; a new master key wraps the data keys anew and touches no object.
    Broken off anywhere, nothing is lost and the same command goes on.
    """
    if talent and master:
        raise InputError("key.master", "one thing at a time: --talent or --master")
    where = settings(home=home)
    if master:
        wrapped = app.rotate_master(where, app.read_key(master))
        if as_json:
            print_json({"wrapped": wrapped})
            return
        click.echo(f"{wrapped} data keys are wrapped by the new master key; the old one opens nothing any more")
        if where.master_key:
            click.echo("set TWINBOOK_MASTER_KEY to the new key now, wherever this home is used")
        else:
            click.echo(f"it lies in the home; destroy {master} or keep it where your backups aren't")
        return
    with app.open_office(where) as office:
        owners = {who: box for box, who in _owners(office).items()}
        boxes = {box.name for box in office.vault.state().boxes}
        if talent and talent not in owners:
            raise InputError("talent.unknown", f"{talent!r} is not known in this home")
        whose = [talent] if talent else [who for who, box in sorted(owners.items()) if box in boxes]
        changed = {}
        for who in whose:
            changed[who] = office.vault.rotate(who)
            with office.unit() as unit:
                office.record(unit, "key:data_rotated", {"objects": str(changed[who])}, (who,))
            if not as_json:
                click.echo(f"{who}: {changed[who]} objects sealed anew")
    if as_json:
        print_json({"rotated": changed})


def _owners(office) -> dict[str, str]:
    """Talent by the name of her box."""
    with office.unit() as unit:
        talents = sorted({key.party for key in unit.parties.keys() if key.role.value == "talent"})  # noqa: SIM118
    return {office.vault.box(talent): talent for talent in talents}


@commands.group()
def retention() -> None:
    """Papers that a law makes this home keep after an erasure, under a key of their own."""


@retention.command("list")
@HOME
@JSON
def retention_list(home: Path | None, as_json: bool) -> None:
    """What is kept, why and until when; whose it is, only opening tells."""
    with app.open_office(settings(home=home)) as office:
        kept = keeping.kept(office)
    if as_json:
        print_json([_line(one) for one in kept])
        return
    for one in kept:
        click.echo(f"{one.id}  until {one.until.isoformat()}  {one.why}")
    if not kept:
        click.echo("nothing is kept under retention")


@retention.command("open")
@click.argument("retained_id", metavar="ID")
@click.option("--purpose", required=True, help="What for: a digest of it stands in the log.")
@HOME
def retention_open(retained_id: str, purpose: str, home: Path | None) -> None:
    """Print one paper as JSON. The log says that it was opened."""
    with app.open_office(settings(home=home)) as office:
        print_json(dict(keeping.open_paper(office, retained_id, purpose)))


@retention.command("purge")
@click.option("--before", required=True, help="Destroy what had to be kept until a day before this one.")
@HOME
@JSON
def retention_purge(before: str, home: Path | None, as_json: bool) -> None:
    """Destroy the papers whose time is over."""
    try:
        day: date = datetime.strptime(before, "%Y-%m-%d").date()
    except ValueError as error:
        raise InputError("retention.early", f"{before!r} is not a day", "write it as 2034-01-01") from error
    with app.open_office(settings(home=home)) as office:
        gone = keeping.purge(office, day)
    if as_json:
        print_json({"destroyed": [one.id for one in gone]})
    else:
        click.echo(f"{len(gone)} papers destroyed")


def _line(one: Retained) -> dict[str, str]:
    return {
        "id": one.id,
        "in_the_books": one.alias,
        "kind": one.kind,
        "why": one.why,
        "kept_at": one.kept_at.isoformat(),
        "until": one.until.isoformat(),
    }
