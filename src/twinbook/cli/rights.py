"""Commands about who may do what: signatures, withdrawal and erasure."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .. import app
from ..domain.consent import Part
from ..domain.errors import InputError, Reason, SignatureRefused
from ..domain.license import License
from ..domain.paper import Paper
from ..domain.party import Key, Role, Signature
from ..domain.revocation import Grounds
from ..keys.signatures import KeyFile
from ..services import erase as erasing
from ..services import negotiate, sign
from ..services import papers as filed
from ..services import revoke as revoking
from ..services.permit import refused
from ..settings import settings
from . import answers
from .notices import send_at_once
from .root import FILE, HOME, JSON, commands, print_json


@commands.command("sign")
@click.argument("file", type=FILE)
@click.option("--key", "key_file", type=FILE, help="The signer's private key.")
@click.option("--assertion", type=FILE, help="Instead: a passkey's answer over these terms, JSON, made on a page.")
@click.option("--challenge", "ask", is_flag=True, help="Only print what a page asks a passkey to sign.")
@click.option("--confirm", help="What would be typed at the prompt, for scripts.")
@click.option("--anyway", is_flag=True, help="Sign a license under which no picture could be made.")
@HOME
@JSON
def sign_(
    file: Path,
    key_file: Path | None,
    assertion: Path | None,
    ask: bool,
    confirm: str | None,
    anyway: bool,
    home: Path | None,
    as_json: bool,
) -> None:
    """Read terms in plain words and sign them.

    FILE is what `run` wrote under to-sign/. The prompt asks for the signer's id, so that nobody signs by reflex. Whoever
    signs a license is told first what stands against it, and signs it all the same only with --anyway.
    """
    if sum([key_file is not None, assertion is not None, ask]) != 1:
        raise click.UsageError("give --key, or --assertion of a passkey, or --challenge")
    document = _document(file)
    paper = Paper(document)
    key = KeyFile.load(key_file) if key_file else None
    with app.open_office(settings(home=home)) as office:
        if ask:
            _challenge(office, paper, as_json)
            return
        if key:
            owner = owner_of(office, key, key_file)
        else:
            owner, made = _asserted(office, paper, assertion)
        if not as_json:
            for line in sign.plain_words(office, paper):
                click.echo(line)
            click.echo(f"SHA-256 of the exact terms: {paper.digest}")
        against = _obstacles(office, paper, owner, anyway, as_json)
        if key:
            typed = confirm if confirm is not None else click.prompt(f"Type {owner.party!r} to sign as {owner.party}")
            if typed.strip() != owner.party:
                raise SignatureRefused(
                    "signature.declined", f"{typed!r} was typed, not {owner.party!r}: nothing was signed"
                )
            made = key.sign(paper.message)
        signed = sign.sign(office, document, made)
        missing = signed.unsigned_by(office.verify)
    if as_json:
        told = {"paper": paper.digest, "signed_by": owner.party, "missing": list(missing.values())}
        print_json(told | {"against": [why.document() for why in against]})
    else:
        click.echo(f"signed by {owner.party}" + (f"; still missing: {', '.join(missing.values())}" if missing else ""))


def _passkeys(office, paper: Paper) -> list[Key]:
    """The passkeys of whoever must sign a paper. Raises SignatureRefused ``signature.unknown_key``."""
    with office.unit() as unit:
        found = [key for key in unit.parties.keys() if key.rp_id and paper.signers.get(key.role) == key.party]  # noqa: SIM118
    if not found:
        who = ", ".join(paper.signers.values())
        raise SignatureRefused(
            "signature.unknown_key", f"no passkey of {who} is registered here", "twinbook keys register"
        )
    return found


def _challenge(office, paper: Paper, as_json: bool) -> None:
    told = [answers.asked(paper.message, key) | {"key": key.id, "party": key.party} for key in _passkeys(office, paper)]
    if as_json:
        print_json(told)
    for one in () if as_json else told:
        click.echo(f"{one['party']} on {one['origin']}: challenge {one['challenge']}, rpId {one['rpId']}")


def _asserted(office, paper: Paper, file: Path) -> tuple[Key, Signature]:
    """The passkey that answered for exactly these terms, and its signature. Raises SignatureRefused
    ``signature.passkey``."""
    for key in _passkeys(office, paper):
        made = answers.signature(file, key)
        if office.verify(paper.message, made, key):
            return key, made
    raise SignatureRefused(
        "signature.passkey", f"{file} is no answer over these terms, with a passkey of who signs them"
    )


def _obstacles(office, paper: Paper, signer: Key, anyway: bool, as_json: bool) -> tuple[Reason, ...]:
    """What stands against a license, told before anybody signs it: she may sign what she likes, but not unawares.

    Raises Refused with all of it, unless what is missing are signatures, which may yet come.
    """
    if not isinstance(paper.terms, License):
        return ()
    found = negotiate.against(office, paper, signer)
    for why in () if as_json else found.reasons:
        click.echo(f"against it: {why.diagnosis} [{why.code}]\n    {why.remedy}")
    for why in () if as_json else found.notes:
        click.echo(f"note: {why.diagnosis} [{why.code}]\n    {why.remedy}")
    lasting = tuple(why for why in found.reasons if why.code != "signature.missing")
    if lasting and not anyway:
        if not as_json:
            click.echo(
                "nothing was signed: no picture could be made under it. To sign it all the same: --anyway", err=True
            )
        raise refused(lasting)
    return found.reasons


def _document(file: Path) -> dict:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        document = data["paper"]
        paper = Paper(document)
        _ = paper.kind, paper.message  # raises for what is no paper, or nothing that can be signed
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("signature.missing", f"{file} holds no paper to sign", "give a file from to-sign/") from error
    return document


@commands.command("revoke")
@click.option("--talent", required=True, help="Her id.")
@click.option("--key", "key_file", type=FILE, required=True, help="The private key of whoever revokes.")
@click.option(
    "--paper", "papers", multiple=True, help="SHA-256 of a paper, eight digits or more (default: all her consents)."
)
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
        given_up = frozenset(Part(part) for part in parts)
        grounds = Grounds.BREACH if breach else Grounds.NOTICE if notice else Grounds.WITHDRAWN
        papers = tuple(filed.find(office, digest).digest for digest in papers)
        asked = revoking.revocation(
            office,
            talent,
            papers,
            parts=given_up,
            grounds=grounds,
            statement=breach or "",
            by=owner.role,
            party=owner.party,
        )
        lacking = revoking.lacking(office, asked, given_up)
        lacking = {digest: missing for digest, missing in lacking.items() if not papers or digest in papers}
        paper = Paper.of(asked)
        confirmed(office, paper, owner.party, confirm, as_json)
        ended = revoking.revoke(office, paper.document, key.sign(paper.message))
        if not as_json:
            click.echo(f"withdrawn: {len(asked.targets)} papers; {len(ended)} shots on their way were ended")
            for digest, parts_ in sorted(lacking.items()):
                click.echo(
                    f"the consent {digest[:16]}… never gave {', '.join(sorted(parts_))}: nothing to withdraw there"
                )
            if asked.effective > asked.at:
                click.echo(f"it takes effect on {asked.effective.date().isoformat()}")
        sent = send_at_once(office, as_json)
    if as_json:
        revoked = {"revoked": sorted(asked.targets), "effective": asked.effective.isoformat()}
        revoked["not_given"] = {digest: sorted(missing) for digest, missing in sorted(lacking.items())}
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
    """Withdraw everything and destroy everything that is held about her. It can't be undone.

    Vouchers of what was paid stay under the retention key for as long as the law says. Folders that `run` wrote outside
    the home are yours to delete: the command names the files.
    """
    key = KeyFile.load(key_file)
    with app.open_office(settings(home=home)) as office:
        if erasing.erased(office, talent):  # she is gone; a killed command may have left the last step
            erasing.finish(office, talent)
            sent, written, kept = send_at_once(office, as_json), (), 0
        else:
            owner = owner_of(office, key, key_file)
            estate = owner.party if owner.role is Role.ESTATE else ""
            paper = Paper.of(erasing.erasure(office, talent, estate))
            confirmed(office, paper, owner.party, confirm, as_json)
            written = erasing.written_outside(office, talent)
            kept = erasing.erase(office, paper.document, key.sign(paper.message))
            sent = send_at_once(office, as_json)
    if as_json:
        print_json({"erased": talent, "notices": sent, "retained": kept, "written_outside": list(written)})
        return
    click.echo(f"everything held about {talent} is erased")
    if kept:
        click.echo(f"{kept} papers about what was paid are kept as the law says: twinbook retention list")
    if written:
        click.echo("copies that `run` wrote outside the home, and that are yours to delete with what else lies there:")
        for name in written:
            click.echo(f"    {name}")


def confirmed(office, paper: Paper, who: str, confirm: str | None, as_json: bool) -> None:
    if not as_json:
        for line in sign.plain_words(office, paper):
            click.echo(line)
    typed = confirm if confirm is not None else click.prompt(f"Type {who!r} to sign")
    if typed.strip() != who:
        raise SignatureRefused("signature.declined", f"{typed!r} was typed, not {who!r}: nothing was signed")
