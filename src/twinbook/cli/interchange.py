"""Commands that hand rights on to other programs, and read what those hand back."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from .. import app, durable
from ..domain.errors import InputError, Refused
from ..domain.paper import Paper
from ..interchange import JsonInterchange
from ..ports import CredentialReading, CredentialState
from ..services import exchange, sign
from ..settings import settings
from .root import FILE, HOME, JSON, commands, print_json


@commands.command("export")
@click.argument("digest")
@click.option("--as", "as_", type=click.Choice(exchange.FORMATS), default="odrl", show_default=True)
@click.option("--out", type=FILE, help="Write it here instead of printing it.")
@HOME
@JSON
def export_(digest: str, as_: str, out: Path | None, home: Path | None, as_json: bool) -> None:
    """Hand a consent or license on, as an ODRL policy or as a verifiable credential.

    DIGEST is the SHA-256 of its exact terms, as `sign` and the papers show it. It holds all that the paper says, fees and
    names included: give it to those who may read the paper.
    """
    with app.open_office(settings(home=home)) as office:
        made = exchange.export(office, digest.strip().lower(), as_)
    if out is None:
        print_json(made)
        return
    durable.write(out, _text(made), mode=0o600)
    if as_json:
        print_json({"file": str(out)})
    else:
        click.echo(f"wrote {out}" + (f", issued by {made['issuer']}" if as_ == "credential" else f": {made['@type']}"))


@commands.command("import")
@click.argument("file", type=FILE)
@click.option("--out", type=FILE, help="Write the draft here, as a file that `sign` takes.")
@click.option("--file", "file_it", is_flag=True, help="File the draft, so that it can be signed here.")
@HOME
@JSON
def import_(file: Path, out: Path | None, file_it: bool, home: Path | None, as_json: bool) -> None:
    """Read an ODRL policy of Twinbook's profile as terms to sign.

    FILE is never evaluated and nothing it names is fetched. What comes out is a draft: whatever FILE calls itself, nobody
    is bound by it until everybody has signed it here.
    """
    with app.open_office(settings(home=home)) as office:
        terms = exchange.import_terms(office, _bytes(file))
        paper = Paper.of(terms)
        words = sign.plain_words(office, paper)
        if file_it:
            paper = exchange.file_draft(office, terms)
    draft = {"paper": paper.document, "sha256": paper.digest, "in_plain_words": words}
    if out:
        durable.write(out, _text(draft))
    if as_json:
        print_json(draft | ({"file": str(out)} if out else {}))
        return
    click.echo("\n".join(words))
    click.echo(f"a draft that nobody has signed; SHA-256 of the exact terms: {paper.digest}")
    if out:
        click.echo(f"wrote {out}" + (f"; to sign it: twinbook sign {out} --key KEY" if file_it else ""))


@commands.group()
def credential() -> None:
    """Verifiable credentials of licenses and consents."""


@credential.command("verify")
@click.argument("file", type=FILE)
@click.option("--issuer", default="", help="The did:key it must be from.")
@JSON
def credential_verify(file: Path, issuer: str, as_json: bool) -> None:
    """Check a credential offline, with no home at all: signature, issuer, days, and that it says one thing only.

    Whether it was revoked since is known to the home that issued it, and to nobody else.
    """
    reading = JsonInterchange().read_credential(_bytes(file), datetime.now(UTC), issuer)
    good = reading.state is CredentialState.VALID
    if as_json:
        print_json(_document(reading))
        sys.exit(0 if good else Refused.exit_status)
    if not good:
        raise Refused("interchange.credential", f"{file.name} is {reading.state.value}: {reading.why}")
    click.echo(f"valid: {reading.terms.KIND.name.lower()} {reading.paper}")
    for one in reading.signed:
        click.echo(f"signed by {one['twb:party']} ({one['twb:role']}) on {one['twb:signedAt']}, says the issuer")
    click.echo(f"issued by {reading.issuer} on {reading.issued.date().isoformat()}")
    click.echo("whether it was revoked since, ask the home that issued it")
    if not issuer:
        click.echo("is this the issuer you trust? --issuer DID checks that as well")


def _document(reading: CredentialReading) -> dict[str, object]:
    return {
        "state": reading.state.value,
        "why": reading.why,
        "issuer": reading.issuer,
        "issued": reading.issued.isoformat() if reading.issued else None,
        "sha256": reading.paper,
        "paper": reading.terms.document() if reading.terms else None,
        "signed": [dict(one) for one in reading.signed],
        "revocation": "unknown",
    }


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError("interchange.malformed", f"{file} can't be read") from error


def _text(data: object) -> bytes:
    return json.dumps(data, indent=2, ensure_ascii=False).encode() + b"\n"
