"""Commands of production: a home, twins, runs, and what a picture is."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import click

from .. import app, durable
from ..campaign_file import read_campaign
from ..domain.errors import InputError, Refused
from ..domain.registry import open_registry
from ..domain.work import Stage
from ..keys.signatures import verify_raw
from ..services import agreed, report
from ..services import run as running
from ..services import verify as verifying
from ..settings import DEFAULT_HOME, Settings, settings
from .record import log_key
from .root import FILE, FOLDER, HOME, JSON, commands, print_json, teller


@commands.command()
@click.argument("folder", type=FOLDER, default=".")
@HOME
def init(folder: Path, home: Path | None) -> None:
    """Make a home and a commented campaign file."""
    where = settings(home=home, beside=folder)
    campaign = folder / "campaign.toml"
    new = app.make_home(where)
    click.echo(f"{'made' if new else 'kept'} the home {where.home}")
    _warn(where)
    if campaign.exists():
        click.echo(f"kept {campaign}")
    else:
        durable.write(campaign, app.campaign_template().encode())
        click.echo(f"wrote {campaign}: edit it, then run: twinbook run {campaign}")


@commands.command("run")
@click.argument("campaign", type=FILE)
@click.option("--out", type=FOLDER, default="out", show_default=True, help="Where the results go.")
@HOME
@JSON
def run_(campaign: Path, out: Path, home: Path | None, as_json: bool) -> None:
    """From photographs and a brief to released images, with the papers that prove it. Run it again at any time."""
    where = settings(home=home, beside=campaign.parent)
    planned = read_campaign(campaign, date.today(), agreed=True)
    if app.make_home(where) and not as_json:
        _warn(where)
    with app.open_office(where) as office:
        planned = agreed.found(office, planned)
        try:
            outcome = running.run(office, planned, campaign.parent, teller(as_json))
        except running.Unsigned as waiting:
            ask_for_signatures(office, where, planned, report.to_sign(office, waiting.waiting, out))
        page = report.write_papers(office, planned, outcome, out, campaign.parent, app.marks_warnings(where))
    if as_json:
        print_json({"shots": [_shot_data(work) for work in outcome.works], "contact_sheet": str(page)})
    else:
        _summary(outcome, out, page)
    if outcome.waiting:
        names = ", ".join(work.name for work, _ in outcome.waiting)
        raise Waiting("awaiting.approval", f"waiting for her approval: {names}", _approval_commands(outcome, out))


def _warn(where: Settings) -> None:
    for warning in app.marks_warnings(where):
        head = "DEVELOPMENT CERTIFICATE" if warning == app.DEVELOPMENT_WARNING else "NO TIME STAMPS"
        click.secho(f"{head}: {warning}", fg="yellow", err=True)


class Waiting(Refused):
    exit_status = 3


def ask_for_signatures(office, where: Settings, planned, waiting: list) -> None:
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
@click.argument("images", type=FILE, nargs=-1, required=True)
@click.option("--registry", "file", type=FILE, help="A file of `twinbook registry export`, to look up in offline.")
@click.option("--service", help="The address of a service (`twinbook serve`), to get its registry from.")
@click.option("--key", "key_text", help="Whose registry it must be: hex, or a verifier key; by default the home's.")
@click.option("--map", "map_file", type=FILE, help="Where to draw, as PNG, what departs in the one picture given.")
@click.option("--channel", help="Where it was found, to hold against its license: a channel.")
@click.option("--territory", help="Where it was found: a territory.")
@HOME
@JSON
def verify_(
    images: tuple[Path, ...],
    file: Path | None,
    service: str | None,
    key_text: str | None,
    map_file: Path | None,
    channel: str | None,
    territory: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """What is this picture? Reads its marks and its looks and asks the books of a home, or a registry."""
    where = settings(home=home)
    if map_file and (len(images) != 1 or file or service):
        raise InputError("image.map", "a map needs one picture and the home that released it")
    if file or service:
        found = _in_registry(images, file, service, key_text, where)
    elif (where.home / "keys").exists():
        with app.open_office(where) as office:
            found = [(image, verifying.verify(office, _bytes(image), channel, territory)) for image in images]
            if map_file:
                drawn = verifying.alteration_map(office, _bytes(images[0]), found[0][1])
                if drawn is None:
                    raise InputError("image.map", f"{images[0]} can't be laid over any released copy")
                durable.write(map_file, drawn)
    else:
        reader = app.reader(where)
        found = [(image, verifying.verify_alone(reader, _bytes(image))) for image in images]
    if as_json:
        print_json([{"file": str(image), **judgement.document()} for image, judgement in found])
        return
    for image, judgement in found:
        click.echo(f"{image}: {judgement.state.value} ({judgement.verdict.finding.value})")
        for line in judgement.evidence:
            click.echo(f"  {line}")
    if map_file:
        click.echo(f"wrote {map_file}")


def _in_registry(
    images: tuple[Path, ...], file: Path | None, service: str | None, key_text: str | None, where: Settings
) -> list[tuple[Path, verifying.Judgement]]:
    """By a registry and nothing else: no home is opened but for its key, where none is given."""
    if file and service:
        raise InputError("registry.invalid", "--registry and --service at once", "give one of them")
    if file:
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError("registry.invalid", f"{file} can't be read as JSON") from error
    else:
        document = app.fetch_registry(service)
    registry = open_registry(document, log_key(key_text, where)[1], verify_raw)
    reader, fingerprinter, now = app.reader(where), app.fingerprinter(), app.SystemClock().now()
    return [(image, verifying.verify_with(registry, reader, fingerprinter, _bytes(image), now)) for image in images]


def _bytes(image: Path) -> bytes:
    try:
        return image.read_bytes()
    except OSError as error:
        raise InputError("image.unreadable", f"{image} can't be read: {error.strerror}") from error
