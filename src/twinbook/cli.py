"""The command line. Each command says in plain words what it did; every error has a code, a diagnosis and a remedy."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

import click

from . import __version__, app, durable
from .campaign_file import read_campaign, slug
from .domain.errors import CampaignError, InputError, Refused, SignatureRefused, TwinbookError
from .domain.paper import Paper
from .domain.party import Key, Role
from .domain.work import Stage
from .keys.signatures import KeyFile, verify_raw
from .services import enroll as enrolling
from .services import report, sign, transparency
from .services import revoke as revoking
from .services import run as running
from .services import verify as verifying
from .settings import DEFAULT_HOME, Settings, settings

_HOME = click.option("--home", type=click.Path(path_type=Path), help="The Twinbook home (default: .twinbook here).")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


def main() -> None:
    """The `twinbook` command. Exit status: 0 done, 1 refused or broken, 2 wrong input, 3 waiting for a signature."""
    try:
        commands(standalone_mode=False)
    except TwinbookError as error:
        _show(error)
        sys.exit(error.exit_status)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; what was done is kept, and running again goes on from there", err=True)
        sys.exit(130)


def _show(error: TwinbookError) -> None:
    if "--json" in sys.argv:
        click.echo(json.dumps({"error": [why.document() for why in _reasons(error)]}, indent=1, ensure_ascii=False))
        return
    if isinstance(error, CampaignError):
        for fault in error.faults:
            click.echo(f"{fault.at(error.file)} [{fault.reason.code}]", err=True)
            click.echo(f"    {fault.reason.remedy}", err=True)
        return
    for why in _reasons(error):
        click.echo(f"{why.diagnosis} [{why.code}]", err=True)
        click.echo(f"    {why.remedy}", err=True)


def _reasons(error: TwinbookError):
    if isinstance(error, CampaignError):
        return [fault.reason for fault in error.faults]
    return error.reasons if isinstance(error, Refused) else (error.reason,)


def _tell(as_json: bool):
    return (lambda line: None) if as_json else (lambda line: click.echo(f"  {line}"))


def _print(data: object) -> None:
    click.echo(json.dumps(data, indent=1, ensure_ascii=False))


@click.group()
@click.version_option(__version__)
def commands() -> None:
    """Twinbook: every image of her digital twin permitted by her own signature, checked to be her, marked and paid."""


@commands.command()
@click.argument("folder", type=_FOLDER, default=".")
@_HOME
def init(folder: Path, home: Path | None) -> None:
    """Make a home and a commented campaign file."""
    where = settings(home=home, beside=folder)
    campaign = folder / "campaign.toml"
    new = app.make_home(where)
    click.echo(f"{'made' if new else 'kept'} the home {where.home}")
    click.secho(f"DEVELOPMENT CERTIFICATE: {app.DEVELOPMENT_WARNING}", fg="yellow", err=True)
    if campaign.exists():
        click.echo(f"kept {campaign}")
    else:
        durable.write(campaign, app.campaign_template().encode())
        click.echo(f"wrote {campaign}: edit it, then run: twinbook run {campaign}")


@commands.group()
def keys() -> None:
    """Make and list keys."""


@keys.command("new")
@click.argument("role", type=click.Choice([role.value for role in Role if role is not Role.OPERATOR]))
@click.argument("name")
@click.option("--id", "party", help="The party's id (default: made from the name).")
@click.option("--out", type=_FILE, help="Where the private key goes (default: ID.pem here).")
@_HOME
@_JSON
def keys_new(role: str, name: str, party: str | None, out: Path | None, home: Path | None, as_json: bool) -> None:
    """Make a key for a person or a brand and register its public half.

    The private key is written once, for the person alone; the home keeps the public half and no other.
    """
    where = settings(home=home)
    party = party or slug(name)
    file = out or Path(f"{party}.pem")
    if where.home.resolve() in file.resolve().parents:
        raise InputError("key.exists", "a person's key doesn't belong into the home", "choose a place of her own")
    with app.open_office(where) as office:
        made = KeyFile.make(file)
        try:
            sign.register_key(office, made.registered(party, Role(role)), name)
        except TwinbookError:
            file.unlink()  # a key that nobody knows would only confuse
            raise
    if as_json:
        _print({"key": made.id, "party": party, "role": role, "file": str(file)})
    else:
        click.echo(
            f"{name} ({role} {party!r}) has the key {made.id}\nprivate key: {file}. Keep it; nobody can make it again."
        )


@keys.command("list")
@_HOME
@_JSON
def keys_list(home: Path | None, as_json: bool) -> None:
    """The public keys that are registered."""
    with app.open_office(settings(home=home)) as office, office.unit() as unit:
        known: list[Key] = list(unit.parties.keys())
    if as_json:
        _print([{"key": k.id, "party": k.party, "role": k.role.value, "public": k.public} for k in known])
    for key in () if as_json else known:
        click.echo(f"{key.role.value:8} {key.party:16} {key.id}")


@commands.command("sign")
@click.argument("file", type=_FILE)
@click.option("--key", "key_file", type=_FILE, required=True, help="The signer's private key.")
@click.option("--confirm", help="What would be typed at the prompt, for scripts.")
@_HOME
@_JSON
def sign_(file: Path, key_file: Path, confirm: str | None, home: Path | None, as_json: bool) -> None:
    """Read terms in plain words and sign them.

    FILE is what `run` wrote under to-sign/. The prompt asks for the signer's id, so that nobody signs by reflex.
    """
    document = _document(file)
    paper = Paper(document, {})
    key = KeyFile.load(key_file)
    with app.open_office(settings(home=home)) as office:
        with office.unit() as unit:
            owner = unit.parties.key(key.id)
        if owner is None:
            raise SignatureRefused("signature.unknown_key", f"the key in {key_file} is not registered here")
        if not as_json:
            for line in sign.plain_words(paper):
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
        _print({"paper": paper.digest, "signed_by": owner.party, "missing": list(missing.values())})
    else:
        click.echo(f"signed by {owner.party}" + (f"; still missing: {', '.join(missing.values())}" if missing else ""))


def _document(file: Path) -> dict:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        document = data["paper"]
        Paper(document, {}).kind  # noqa: B018  (raises for what is no paper)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("signature.missing", f"{file} holds no paper to sign", "give a file from to-sign/") from error
    return document


@commands.command("enroll")
@click.argument("campaign", type=_FILE)
@click.option("--talent", help="Only this talent.")
@_HOME
@_JSON
def enroll_(campaign: Path, talent: str | None, home: Path | None, as_json: bool) -> None:
    """Make the twins of a campaign from its photographs, under signed consents."""
    where = settings(home=home, beside=campaign.parent)
    planned = read_campaign(campaign, date.today())
    made = []
    with app.open_office(where) as office:
        papers = sign.draw_papers(office, planned)
        for cast in planned.talents:
            consent = papers[cast.party.id][0]
            if talent not in (None, cast.party.id):
                continue
            missing = consent.unsigned_by(office.verify)
            if missing:
                files = report.to_sign([(consent, r, p) for r, p in missing.items()], campaign.parent)
                _ask_for_signatures(office, where, planned, files)
            files = enrolling.photographs(campaign.parent / cast.photos)
            twin, refused = enrolling.enroll(
                office, cast.party.id, consent.digest, files, synthetic=cast.synthetic, progress=_tell(as_json)
            )
            made.append((cast.party.name, twin, refused))
    if as_json:
        _print(
            [
                {
                    "talent": twin.talent,
                    "version": twin.version,
                    "plates": [plate.photo for plate in twin.plates],
                    "refused": [{"photo": name, **why.reason.document()} for name, why in refused],
                }
                for _, twin, refused in made
            ]
        )
        return
    for name, twin, refused in made:
        click.echo(f"{name}: twin {twin.version} of {len(twin.plates)} plates")
        for _photo, why in refused:
            click.echo(f"  not used: {why.diagnosis} [{why.code}]\n      {why.remedy}")


@commands.command("run")
@click.argument("campaign", type=_FILE)
@click.option("--out", type=_FOLDER, default="out", show_default=True, help="Where the results go.")
@_HOME
@_JSON
def run_(campaign: Path, out: Path, home: Path | None, as_json: bool) -> None:
    """From photographs and a brief to released images, with the papers that prove it. Run it again at any time."""
    where = settings(home=home, beside=campaign.parent)
    planned = read_campaign(campaign, date.today())
    if app.make_home(where) and not as_json:
        click.secho(f"DEVELOPMENT CERTIFICATE: {app.DEVELOPMENT_WARNING}", fg="yellow", err=True)
    with app.open_office(where) as office:
        try:
            outcome = running.run(office, planned, campaign.parent, _tell(as_json))
        except running.Unsigned as waiting:
            _ask_for_signatures(office, where, planned, report.to_sign(waiting.waiting, out))
        page = report.write_papers(office, planned, outcome, out, campaign.parent, (app.DEVELOPMENT_WARNING,))
    if as_json:
        _print({"shots": [_shot_data(work) for work in outcome.works], "contact_sheet": str(page)})
    else:
        _summary(outcome, out, page)
    if outcome.waiting:
        names = ", ".join(work.name for work, _ in outcome.waiting)
        raise Waiting("awaiting.approval", f"waiting for her approval: {names}", _approval_commands(outcome, out))


class Waiting(Refused):
    exit_status = 3


def _ask_for_signatures(office, where: Settings, planned, waiting: list) -> None:
    """Tell who must sign what with which command, and who needs a key first. Always raises Waiting."""
    at = "" if where.home == Path(DEFAULT_HOME) else f" --home {where.home}"
    with office.unit() as unit:
        known = {(key.role, key.party) for key in unit.parties.keys()}  # noqa: SIM118  (not a mapping)
    people = {cast.party.id: cast.party for cast in planned.talents}
    people[planned.license.brand.id] = planned.license.brand
    lines = []
    for role, party in dict.fromkeys((role, party) for _, _, role, party in waiting):
        if (role, party) not in known:
            name = people[party].name
            lines.append(f'{name} makes a key of her own: twinbook keys new {role} "{name}" --id {party}{at}')
    for file, paper, role, party in waiting:
        what = paper.kind.name.lower()
        lines.append(f"{people[party].name} ({role}) signs the {what}: twinbook sign {file} --key {party}.pem{at}")
    who = ", ".join(sorted({people[party].name for _, _, _, party in waiting}))
    raise Waiting("awaiting.signature", f"terms wait for the signature of {who}", "\n    ".join(lines))


def _approval_commands(outcome: running.Outcome, out: Path) -> str:
    return "\n    ".join(
        f"look at {out}/to-approve/{work.name}.jpg, then: twinbook sign {out}/to-sign/approval-"
        f"{paper.document['talent']}-{paper.digest[:8]}.json --key {paper.document['talent']}.pem"
        for work, papers in outcome.waiting
        for paper in papers
    )


def _shot_data(work) -> dict[str, object]:
    return {
        "shot": work.name,
        "outcome": work.stage.value,
        "release": work.release.hex if work.stage is Stage.RELEASED else None,
        "files": [copy.name for copy in work.copies],
        "reasons": [why.document() for why in work.reasons],
        "calibrated": work.calibrated,
        "measurements": {
            f.measurement.name: {"value": f.measurement.value, "limit": f.bound.limit, "ok": f.ok}
            for f in work.findings
        },
    }


def _summary(outcome: running.Outcome, out: Path, page: Path) -> None:
    counts = {stage: sum(work.stage is stage for work in outcome.works) for stage in Stage}
    ends = [f"{counts[s]} {s}" for s in (Stage.RELEASED, Stage.REFUSED, Stage.QUARANTINED) if counts[s]]
    click.echo(f"{len(outcome.works)} shots: {', '.join(ends) or 'none at its end yet'}")
    for work in outcome.works:
        for why in work.reasons:
            click.echo(f"  {work.name}: {why.diagnosis} [{why.code}]\n      {why.remedy}")
    click.echo(f"look at {page}\nthe images are in {out / 'released'}, the papers in {out / 'papers'}")


@commands.command("verify")
@click.argument("images", type=_FILE, nargs=-1, required=True)
@_HOME
@_JSON
def verify_(images: tuple[Path, ...], home: Path | None, as_json: bool) -> None:
    """What is this picture? Reads its marks and, where a home is at hand, asks its books."""
    where = settings(home=home)
    found = []
    if (where.home / "keys").exists():
        with app.open_office(where) as office:
            found = [(image, verifying.verify(office, _bytes(image))) for image in images]
    else:
        from .reader import ImageReader

        reader = ImageReader(app.anchors(where))
        found = [(image, verifying.verify_alone(reader, _bytes(image))) for image in images]
    if as_json:
        _print([{"file": str(image), **judgement.document()} for image, judgement in found])
        return
    for image, judgement in found:
        click.echo(f"{image}: {judgement.state.value}")
        for line in judgement.evidence:
            click.echo(f"  {line}")


def _bytes(image: Path) -> bytes:
    try:
        return image.read_bytes()
    except OSError as error:
        raise InputError("image.unreadable", f"{image} can't be read: {error.strerror}") from error


@commands.command("revoke")
@click.option("--talent", required=True, help="Her id.")
@click.option("--key", "key_file", type=_FILE, required=True, help="Her private key.")
@click.option("--paper", "papers", multiple=True, help="SHA-256 of a consent or license (default: all of them).")
@click.option("--confirm", help="What would be typed at the prompt, for scripts.")
@_HOME
@_JSON
def revoke_(
    talent: str, key_file: Path, papers: tuple[str, ...], confirm: str | None, home: Path | None, as_json: bool
) -> None:
    """Withdraw consents and licenses with the talent's own key. Bites at once; nobody else is asked."""
    key = KeyFile.load(key_file)
    with app.open_office(settings(home=home)) as office:
        document = revoking.revocation(office, talent, papers)
        _confirm(document, talent, confirm, as_json)
        ended = revoking.revoke(office, document, key.sign(Paper(document, {}).message))
    if as_json:
        _print({"revoked": document["targets"], "ended": [work.name for work in ended]})
    else:
        click.echo(f"withdrawn: {len(document['targets'])} papers; {len(ended)} shots on their way were ended")


@commands.command("erase")
@click.option("--talent", required=True, help="Her id.")
@click.option("--key", "key_file", type=_FILE, required=True, help="Her private key.")
@click.option("--confirm", help="What would be typed at the prompt, for scripts.")
@_HOME
@_JSON
def erase_(talent: str, key_file: Path, confirm: str | None, home: Path | None, as_json: bool) -> None:
    """Withdraw everything and destroy the key that encrypts everything of hers. It can't be undone."""
    key = KeyFile.load(key_file)
    with app.open_office(settings(home=home)) as office:
        document = revoking.erasure(office, talent)
        _confirm(document, talent, confirm, as_json)
        revoking.erase(office, document, key.sign(Paper(document, {}).message))
    _print({"erased": talent}) if as_json else click.echo(f"everything held about {talent} is erased")


def _confirm(document: dict, talent: str, confirm: str | None, as_json: bool) -> None:
    if not as_json:
        for line in sign.plain_words(Paper(document, {})):
            click.echo(line)
    typed = confirm if confirm is not None else click.prompt(f"Type {talent!r} to sign")
    if typed.strip() != talent:
        raise SignatureRefused("signature.declined", f"{typed!r} was typed, not {talent!r}: nothing was signed")


@commands.command("statement")
@click.option("--talent", required=True, help="Her id.")
@click.option("--out", type=_FOLDER, default="out", show_default=True)
@_HOME
@_JSON
def statement_(talent: str, out: Path, home: Path | None, as_json: bool) -> None:
    """What was earned with a twin, as PDF and CSV, with the log bundle that proves it is whole."""
    with app.open_office(settings(home=home)) as office:
        written = report.write_statements(office, [talent], out)
        file = out / f"log-{talent}.json"
        durable.write(file, json.dumps(transparency.bundle(office, talent)).encode(), mode=0o600)
    if as_json:
        _print({"files": [str(f) for f in (*written, file)]})
    else:
        click.echo("\n".join(f"wrote {f}" for f in (*written, file)))
        click.echo(
            f"to check offline that it lists every image: twinbook log verify --statement {written[1]} --bundle {file}"
        )


@commands.group()
def log() -> None:
    """The append-only log of every act."""


@log.command("verify")
@click.argument("receipts", type=_FILE, nargs=-1)
@click.option("--key", "key_hex", help="The log's Ed25519 public key in hex; by default the home's.")
@click.option("--bundle", type=_FILE, help="Her log bundle, from `twinbook statement`.")
@click.option("--statement", "statement_csv", type=_FILE, help="Her statement.csv, to hold against the bundle.")
@_HOME
@_JSON
def log_verify(
    receipts: tuple[Path, ...],
    key_hex: str | None,
    bundle: Path | None,
    statement_csv: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Check the home's log against every checkpoint, or receipts and a statement offline, with no home at all."""
    where = settings(home=home)
    said = []
    if not receipts and bundle is None:
        with app.open_office(where) as office:
            leaves, points = transparency.verify_log(office, verify_raw)
        said.append(f"the log is whole: {leaves} entries agree with {points} checkpoints")
    public = _log_key(key_hex, where) if receipts or bundle else b""
    for file in receipts:
        entry = transparency.verify_receipt(_json_file(file), public, verify_raw)
        said.append(f"{file.name}: {entry['act']} at {entry['at']}, release {entry['facts'].get('release', 'none')}")
    if bundle:
        logged = transparency.releases_in(_json_file(bundle), public, verify_raw)
        said.append(f"{len(logged)} releases of this talent are in the log")
        if statement_csv:
            said.append(_compare(statement_csv, logged))
    _print(said) if as_json else click.echo("\n".join(said))


def _compare(statement_csv: Path, logged: set[str]) -> str:
    import csv

    with statement_csv.open(encoding="utf-8", newline="") as file:
        listed = {row["release"] for row in csv.DictReader(file) if row.get("kind") == "fee"}
    missing, extra = sorted(logged - listed), sorted(listed - logged)
    if missing or extra:
        what = f"in the log but not on the statement: {missing}; on the statement but not in the log: {extra}"
        raise Refused("log.inconsistent", what, "ask the operator to account for each of them")
    return "the statement lists every one of them"


def _log_key(key_hex: str | None, where: Settings) -> bytes:
    try:
        if key_hex:
            return bytes.fromhex(key_hex)
    except ValueError as error:
        raise InputError("key.unreadable", "the log's key is not hex") from error
    with app.open_office(where) as office:
        return office.log_signer.public


def _json_file(file: Path):
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("log.receipt", f"{file} can't be read as JSON") from error
