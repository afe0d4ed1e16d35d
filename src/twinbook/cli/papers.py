"""Commands about papers: which there are, what they say, and whether a PDF is one that was signed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import click

from .. import app
from ..domain.consent import Consent
from ..domain.errors import InputError, Refused
from ..domain.license import License
from ..domain.mandate import Mandate
from ..domain.paper import Paper
from ..domain.party import Key, PaperKind, Role, Signature
from ..keys.signatures import verify
from ..services import papers as filed
from ..services import report, sign
from ..settings import Settings, settings
from .root import FILE, FOLDER, HOME, JSON, commands, print_json

KINDS = click.Choice([kind.name.lower() for kind in PaperKind])


@commands.group()
def papers() -> None:
    """What was signed here: consents, licenses, mandates, proposals, words, approvals, withdrawals."""


@papers.command("list")
@click.option("--talent", help="Only what is about her, by id.")
@click.option("--kind", type=KINDS, help="Only papers of this kind.")
@HOME
@JSON
def papers_list(talent: str | None, kind: str | None, home: Path | None, as_json: bool) -> None:
    """The papers on file, oldest first: digest, kind, who must sign and who has, whether revoked, until when.

    The first eight digits of a digest are enough wherever a paper is asked for, while no other begins like them.
    """
    with app.open_office(settings(home=home)) as office:
        found = filed.listed(office, talent, PaperKind[kind.upper()] if kind else None)
        known = [(paper, _told(office, paper)) for paper in found]
    if as_json:
        print_json([told for _, told in known])
    for paper, told in () if as_json else known:
        ends = f", until {told['until']}" if told["until"] else ""
        click.echo(f"{paper.digest[:16]}  {told['kind']:10} {_state(told)}{ends}")


def _told(office, paper: Paper) -> dict[str, object]:
    missing = {} if paper.erased else paper.unsigned_by(office.verify)
    signers = {} if paper.erased else paper.signers
    return {
        "sha256": paper.digest if not paper.erased else None,
        "kind": paper.kind.name.lower(),
        "signers": [f"{party} ({role})" for role, party in signers.items()],
        "signed_by": [f"{party} ({role})" for role, party in signers.items() if role not in missing],
        "drawn_at": paper.drawn_at.isoformat() if paper.drawn_at else None,
        "revoked_at": paper.revoked_at.isoformat() if paper.revoked_at else None,
        "withdrawn": {part.value: at.isoformat() for part, at in sorted(paper.withdrawn.items())},
        "until": last.isoformat() if (last := _until(paper)) else None,
        "erased": paper.erased,
    }


def _state(told: dict) -> str:
    if told["erased"]:
        return "erased"
    waits = [who for who in told["signers"] if who not in told["signed_by"]]
    said = f"signed by {', '.join(told['signed_by'])}" if told["signed_by"] else "signed by nobody"
    said += f", waits for {', '.join(waits)}" if waits else ""
    said += f", withdrawn: {', '.join(told['withdrawn'])}" if told["withdrawn"] else ""
    return said + (f", revoked from {told['revoked_at'][:10]} on" if told["revoked_at"] else "")


def _until(paper: Paper) -> date | None:
    terms = None if paper.erased else paper.terms
    if isinstance(terms, Consent | Mandate):
        return terms.until
    return terms.ends if isinstance(terms, License) else None


@papers.command("show")
@click.argument("digest")
@HOME
@JSON
def papers_show(digest: str, home: Path | None, as_json: bool) -> None:
    """What a paper says, in plain words and in its own language, and who signed it; with --json its signed form."""
    with app.open_office(settings(home=home)) as office:
        paper = filed.find(office, digest)
        if as_json:
            print_json(report.signed_document(paper))
            return
        for line in sign.plain_words(office, paper):
            click.echo(line)
        told = _told(office, paper)
    click.echo(f"SHA-256 of the exact terms: {paper.digest}\n{_state(told)}")


@papers.command("write")
@click.argument("digest")
@click.option("--out", type=FOLDER, default="out/papers", show_default=True, help="The folder it goes to.")
@HOME
@JSON
def papers_write(digest: str, out: Path, home: Path | None, as_json: bool) -> None:
    """Write a paper as a sealed PDF in its language, and as JSON with its signatures and keys; of a license the deal memo
    as well."""
    with app.open_office(settings(home=home)) as office:
        paper = filed.find(office, digest)
        written = report.write_paper(office, paper, out, f"{paper.kind.name.lower()}-{paper.digest[:8]}")
    if as_json:
        print_json({"sha256": paper.digest, "files": [str(file) for file in written]})
    else:
        click.echo("\n".join(f"wrote {file}" for file in written))


@papers.command("verify")
@click.argument("file", type=FILE)
@click.option("--signed", type=FILE, help="Its JSON with the signatures (default: the one beside it).")
@click.option("--anchors", type=FILE, help="Whom to believe about the seal, PEM (default: this home's own, if any).")
@HOME
@JSON
def papers_verify(file: Path, signed: Path | None, anchors: Path | None, home: Path | None, as_json: bool) -> None:
    """Check a PDF offline: that it is as it was sealed, which terms it holds, and that the signatures fit them.

    Whose the keys are and whether it was revoked since is known to the home; with none at hand it is only said.
    """
    from ..documents import attached, pades

    where = settings(home=home)
    pdf = _bytes(file)
    vouchers = _bytes(anchors).decode("utf-8", "replace") if anchors else app.anchors(where)
    try:
        seal = pades.check(pdf, vouchers, datetime.now(UTC))
    except ValueError as error:
        raise InputError("paper.unreadable", f"{anchors} holds no certificates") from error
    if not (seal.intact and seal.covers_whole_file):
        raise Refused("paper.altered", f"{file.name} was changed after {seal.signer} sealed it")
    if anchors and not seal.trusted:
        raise Refused("paper.altered", f"nobody in {anchors} vouches for {seal.signer}, who sealed {file.name}")
    paper = attached.terms(pdf)
    beside = file.with_suffix(".json")
    signed = signed or (beside if beside.exists() else None)
    keys = _signatures(signed, paper) if signed else []
    unknown = _strangers(where, keys)
    told = {
        "sha256": paper.digest,
        "kind": paper.kind.name.lower(),
        "sealed_by": seal.signer,
        "vouched_for": seal.trusted,
        "sealed_at": seal.signed_at.isoformat() if seal.signed_at else None,
        "signed_by": [f"{key.party} ({key.role})" for key in keys],
        "unsigned": [f"{party} ({role})" for role, party in paper.signers.items() if not _by(keys, role, party)],
        "keys_known_here": None if unknown is None else not unknown,
    }
    if unknown:
        raise Refused("signature.unknown_key", f"not registered here for who it names: {', '.join(unknown)}")
    print_json(told) if as_json else click.echo("\n".join(_sentences(told, signed)))


def _sentences(told: dict, signed: Path | None) -> list[str]:
    vouched = "" if told["vouched_for"] else ", for whom nobody vouches here"
    lines = [
        f"a {told['kind']}, as {told['sealed_by']} sealed it on {told['sealed_at']}{vouched}",
        f"SHA-256 of the exact terms: {told['sha256']}",
    ]
    if signed is None:
        return [*lines, "the signatures are in the JSON that was written with it: --signed FILE checks them"]
    lines.append(f"signed, over exactly these terms, by {', '.join(told['signed_by']) or 'nobody'}")
    if told["unsigned"]:
        lines.append(f"not signed by {', '.join(told['unsigned'])}")
    if told["keys_known_here"] is None:
        lines.append("whose the keys are, and whether it was revoked since, ask the home that it comes from")
    return lines


def _by(keys: list[Key], role: Role, party: str) -> bool:
    return any((key.role, key.party) == (role, party) for key in keys)


def _signatures(file: Path, paper: Paper) -> list[Key]:
    """The keys whose signatures on this paper are good. Raises InputError ``paper.unreadable``; Refused
    ``signature.invalid`` when one of them isn't."""
    try:
        data = json.loads(_bytes(file))
        digest, entries = data["sha256"], data["signatures"]
        found = []
        for one in entries:
            key = Key(
                *(str(one[name]) for name in ("key", "algorithm", "public", "party")),
                Role(one["role"]),
                str(one.get("rp_id", "")),
                str(one.get("origin", "")),
            )
            evidence = {str(name): str(text) for name, text in one.get("evidence", {}).items()}
            found.append((Signature(key.id, key.algorithm, str(one["value"]), evidence), key))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("paper.unreadable", f"{file} is not a paper's JSON with its signatures") from error
    if digest != paper.digest:
        raise Refused("signature.invalid", f"{file.name} holds the signatures of another paper, {str(digest)[:16]}…")
    for signature, key in found:
        if (key.role, key.party) not in paper.signers.items() or not verify(paper.message, signature, key):
            raise Refused("signature.invalid", f"the signature of {key.party} ({key.role}) does not fit these terms")
    return [key for _, key in found]


def _strangers(where: Settings, keys: list[Key]) -> list[str] | None:
    """Of these keys, those that this home doesn't know as theirs; None without a home."""
    if not (where.home / "keys" / "log.pem").exists():
        return None
    with app.open_office(where) as office, office.unit() as unit:
        known = [(key, unit.parties.key(key.id)) for key in keys]
    return [
        f"{key.id} of {key.party}"
        for key, ours in known
        if ours is None or (ours.party, ours.role, ours.public) != (key.party, key.role, key.public)
    ]


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError("paper.unreadable", f"{file} can't be read: {error.strerror}") from error
