"""Commands by which a talent sees what is held about her."""

from __future__ import annotations

from pathlib import Path

import click

from .. import app, durable
from ..domain.access import Scope
from ..domain.paper import Paper
from ..domain.party import Role
from ..keys.signatures import KeyFile
from ..services import access
from ..settings import settings
from .rights import confirmed, owner_of
from .root import FILE, FOLDER, HOME, JSON, commands, print_json, teller


@commands.group()
def plates() -> None:
    """The photographs that a twin was made from."""


@plates.command("list")
@click.option("--talent", required=True, help="Her id.")
@HOME
@JSON
def plates_list(talent: str, home: Path | None, as_json: bool) -> None:
    """What is known of her plates without looking at them: file names, sizes, backdrops."""
    with app.open_office(settings(home=home)) as office:
        found = access.plates(office, talent)
    if as_json:
        facts = [{"id": p.id, "photo": p.photo, "width": p.width, "height": p.height} for p in found]
        print_json(facts)
        return
    for plate in found:
        click.echo(f"{plate.id}  {plate.photo}  {plate.width} x {plate.height}, {plate.backdrop} backdrop")
    if not found:
        click.echo(f"{talent} has no twin")


@plates.command("show")
@click.option("--talent", required=True, help="Her id.")
@click.option("--key", "key_file", type=FILE, required=True, help="Her private key.")
@click.option("--plate", "wanted", multiple=True, help="This photograph only (name or id); may be repeated.")
@click.option("--out", type=FOLDER, required=True, help="The folder to write the plates into, as PNG.")
@click.option("--confirm", help="What would be typed at the prompt, for scripts.")
@HOME
@JSON
def plates_show(
    talent: str,
    key_file: Path,
    wanted: tuple[str, ...],
    out: Path,
    confirm: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Write her plates into a folder for her to look at, on a request that she signs. The log keeps each look.

    It takes her own key and her live consent to be photographed; the template isn't shown.
    """
    key, written = KeyFile.load(key_file), []
    with app.open_office(settings(home=home)) as office:
        paper = _request(office, talent, Scope.LOOK, key, key_file, confirm, as_json)
        for facts, data in access.look(office, paper.document, key.sign(paper.message), wanted):
            file = out / f"{facts.id}.png"
            durable.write(file, data, mode=0o600)
            written.append(str(file))
            if not as_json:
                click.echo(f"  {facts.photo}: {file}")
    if as_json:
        print_json({"files": written})


@commands.command("disclose")
@click.option("--talent", required=True, help="Her id.")
@click.option("--key", "key_file", type=FILE, required=True, help="Her private key.")
@click.option("--out", type=FILE, required=True, help="The ZIP archive to write.")
@click.option("--confirm", help="What would be typed at the prompt, for scripts.")
@HOME
@JSON
def disclose(talent: str, key_file: Path, out: Path, confirm: str | None, home: Path | None, as_json: bool) -> None:
    """Hand her a copy of everything that is held about her, in one archive with a page that says what is in it.

    It takes her own key, or after her death the key of the estate that her consent names. Whatever became of her consent.
    """
    key = KeyFile.load(key_file)
    with app.open_office(settings(home=home)) as office:
        paper = _request(office, talent, Scope.EVERYTHING, key, key_file, confirm, as_json)
        sections = access.disclose(office, paper.document, key.sign(paper.message), out, teller(as_json))
    if as_json:
        print_json({"file": str(out), "sections": sections})
    else:
        click.echo(f"wrote {out}: {sum(map(len, sections.values()))} files; open index.html in it. It is for her alone")


def _request(office, talent: str, scope: Scope, key: KeyFile, file: Path, confirm: str | None, as_json: bool) -> Paper:
    owner = owner_of(office, key, file)
    estate = owner.party if owner.role is Role.ESTATE else ""
    paper = Paper.of(access.request(office, talent, scope, estate))
    confirmed(office, paper, owner.party, confirm, as_json)
    return paper
