"""Commands about who may do what: signatures, withdrawal and erasure."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .. import app
from ..domain.consent import Part
from ..domain.errors import InputError, SignatureRefused
from ..domain.paper import Paper
from ..domain.party import Key, Role
from ..domain.revocation import Grounds
from ..keys.signatures import KeyFile
from ..services import revoke as revoking
from ..services import sign
from ..settings import settings
from .notices import send_at_once
from .root import FILE, HOME, JSON, commands, print_json


@commands.command("sign")
@click.argument("file", type=FILE)
@click.option("--key", "key_file", type=FILE, required=True, help="The signer's private key.")
@click.option("--confirm", help="What would be typed at the prompt, for scripts.")
@HOME
@JSON
def sign_(file: Path, key_file: Path, confirm: str | None, home: Path | None, as_json: bool) -> None:
    """Read terms in plain words and sign them.

    FILE is what `run` wrote under to-sign/. The prompt asks for the signer's id, so that nobody signs by reflex.
    """
    document = _document(file)
    paper = Paper(document)
    key = KeyFile.load(key_file)
    with app.open_office(settings(home=home)) as office:
        owner = owner_of(office, key, key_file)
        if not as_json:
            for line in sign.plain_words(office, paper):
                click.echo(line)
            click.echo(f"SHA-256 of the exact terms: {paper.digest}")
        typed = confirm if confirm is not None else click.prompt(f"Type {owner.party!r} to sign as {owner.party}")
        if typed.strip() != owner.party:
            raise SignatureRefused(
                "signature.declined", f"{typed!r} was typed, not {owner.party!r}: nothing was signed"
            )
        signed = sign.sign(office, document, key.sign(paper.message))
        missing = signed.unsigned_by(office.verify)
    if as_json:
        print_json({"paper": paper.digest, "signed_by": owner.party, "missing": list(missing.values())})
    else:
        click.echo(f"signed by {owner.party}" + (f"; still missing: {', '.join(missing.values())}" if missing else ""))


def _document(file: Path) -> dict:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        document = data["paper"]
        Paper(document).kind  # noqa: B018  (raises for what is no paper)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("signature.missing", f"{file} holds no paper to sign", "give a file from to-sign/") from error
    return document


@commands.command("revoke")
@click.option("--talent", required=True, help="Her id.")
@click.option("--key", "key_file", type=FILE, required=True, help="The private key of whoever revokes.")
@click.option("--paper", "papers", multiple=True, help="SHA-256 of a paper (default: all her consents).")
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice([part.value for part in Part]),
    help="Withdraw this part of a consent only.",
)
@click.option("--breach", help="End a license at once: what was breached.")
@click.option("--notice", is_flag=True, help="End a license by its own wind-down rule.")
@click.option("--confirm", help="What would be typed at the prompt, for scripts.")
@HOME
@JSON
def revoke_(
    talent: str,
    key_file: Path,
    papers: tuple[str, ...],
    parts: tuple[str, ...],
    breach: str | None,
    notice: bool,
    confirm: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Withdraw a consent or a part of it, which bites at once, or end a license for breach or by notice.

    It takes the talent's own key; a brand can give notice of its own licenses, an estate act after her death.
    """
    if breach and notice:
        raise InputError("revocation.grounds", "a license ends for breach or by notice, not both")
    key = KeyFile.load(key_file)
    with app.open_office(settings(home=home)) as office:
        owner = owner_of(office, key, key_file)
        grounds = Grounds.BREACH if breach else Grounds.NOTICE if notice else Grounds.WITHDRAWN
        asked = revoking.revocation(
            office,
            talent,
            papers,
            parts=frozenset(Part(part) for part in parts),
            grounds=grounds,
            statement=breach or "",
            by=owner.role,
            party=owner.party,
        )
        paper = Paper.of(asked)
        confirmed(office, paper, owner.party, confirm, as_json)
        ended = revoking.revoke(office, paper.document, key.sign(paper.message))
        if not as_json:
            click.echo(f"withdrawn: {len(asked.targets)} papers; {len(ended)} shots on their way were ended")
            if asked.effective > asked.at:
                click.echo(f"it takes effect on {asked.effective.date().isoformat()}")
        sent = send_at_once(office, as_json)
    if as_json:
        revoked = {"revoked": sorted(asked.targets), "effective": asked.effective.isoformat()}
        print_json(revoked | {"ended": [work.name for work in ended], "notices": sent})


def owner_of(office, key: KeyFile, file: Path) -> Key:
    with office.unit() as unit:
        owner = unit.parties.key(key.id)
    if owner is None:
        raise SignatureRefused("signature.unknown_key", f"the key in {file} is not registered here")
    return owner


@commands.command("erase")
@click.option("--talent", required=True, help="Her id.")
@click.option("--key", "key_file", type=FILE, required=True, help="Her private key.")
@click.option("--confirm", help="What would be typed at the prompt, for scripts.")
@HOME
@JSON
def erase_(talent: str, key_file: Path, confirm: str | None, home: Path | None, as_json: bool) -> None:
    """Withdraw everything and destroy the key that encrypts everything of hers. It can't be undone."""
    key = KeyFile.load(key_file)
    with app.open_office(settings(home=home)) as office:
        owner = owner_of(office, key, key_file)
        estate = owner.party if owner.role is Role.ESTATE else ""
        paper = Paper.of(revoking.erasure(office, talent, estate))
        confirmed(office, paper, owner.party, confirm, as_json)
        revoking.erase(office, paper.document, key.sign(paper.message))
        if not as_json:
            click.echo(f"everything held about {talent} is erased")
        sent = send_at_once(office, as_json)
    if as_json:
        print_json({"erased": talent, "notices": sent})


def confirmed(office, paper: Paper, who: str, confirm: str | None, as_json: bool) -> None:
    if not as_json:
        for line in sign.plain_words(office, paper):
            click.echo(line)
    typed = confirm if confirm is not None else click.prompt(f"Type {who!r} to sign")
    if typed.strip() != who:
        raise SignatureRefused("signature.declined", f"{typed!r} was typed, not {who!r}: nothing was signed")
