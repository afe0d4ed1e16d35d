"""What was measured in a shot, and by whose bound it was judged."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from .. import app, durable
from ..campaign_file import read_campaign
from ..domain.errors import InputError
from ..domain.fidelity import MEASURES
from ..services import agreed, copies
from ..settings import settings
from .root import FILE, HOME, JSON, commands, print_json


@commands.command("findings")
@click.argument("campaign", type=FILE)
@click.argument("shot")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Writes the picture with the findings in it."
)
@HOME
@JSON
def findings_(campaign: Path, shot: str, out: Path | None, home: Path | None, as_json: bool) -> None:
    """Every measurement of a shot, its bound and who set it; with --out the picture they were taken from."""
    where = settings(home=home, beside=campaign.parent)
    planned = read_campaign(campaign, date.today(), agreed=True)
    with app.open_office(where) as office:
        planned = agreed.found(office, planned)
        with office.unit() as unit:
            works = {work.name: work for work in unit.works.of_campaign(planned.id)}
        if shot not in works:
            known = ", ".join(sorted(works)) or "none yet: run the campaign first"
            raise InputError("shot.unknown", f"there is no shot {shot!r} of this campaign", f"shots: {known}")
        work = works[shot]
        if out is not None:
            durable.write(out, copies.annotated(office, work))
    if as_json:
        print_json([_document(finding) for finding in work.findings])
        return
    if not work.findings:
        click.echo(f"{shot} is {work.stage}: nothing was measured")
    for finding in work.findings:
        measured, bound = finding.measurement, finding.bound
        value = (
            "can't be told"
            if measured.value is None
            else f"{measured.value:.3g} {MEASURES[measured.name].unit}".strip()
        )
        looked = f", looked at beyond {bound.review:g}" if bound.review is not None else ""
        click.echo(
            f"{finding.outcome.value:10} {measured.name}: {value} (at most {bound.limit:.3g}{looked}; {bound.set_by})"
        )
        if measured.note:
            click.echo(f"           {measured.note}")
    if out is not None:
        click.echo(f"wrote {out}, labelled as a proof")


def _document(finding) -> dict[str, object]:
    measured, bound = finding.measurement, finding.bound
    return {
        "name": measured.name,
        "value": measured.value,
        "untold": measured.untold.value if measured.value is None else None,
        "note": measured.note,
        "outcome": finding.outcome.value,
        "limit": bound.limit,
        "review": bound.review,
        "set_by": bound.set_by,
    }
