"""Enrolment: judging a capture session, and making twins of its photographs under signed consents."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import click

from .. import app, durable
from ..campaign_file import read_campaign
from ..domain.capture import GUIDES, Coverage, State, Verdict, coverage
from ..ports import SessionSheet
from ..services import agreed, report, sign
from ..services import enroll as enrolling
from ..settings import settings
from .production import ask_for_signatures
from .root import FILE, FOLDER, HOME, JSON, commands, print_json, teller

_COLOURS = {State.ACCEPTED: "green", State.REMARK: "yellow", State.RETAKE: "red"}
REPORT = "session.html"


@commands.command("enroll")
@click.argument("campaign", type=FILE, required=False)
@click.option("--talent", help="Only this talent.")
@click.option("--photos", type=FOLDER, help="Judge the photographs of a folder; needs no campaign and keeps nothing.")
@click.option(
    "--report",
    "page",
    type=FILE,
    is_flag=False,
    flag_value=REPORT,
    help=f"Write the session's report, an HTML page (default: {REPORT}).",
)
@click.option("--watch", is_flag=True, help="With --photos: go on judging what comes into the folder.")
@click.option("--no-compare", is_flag=True, help="With --photos: compare no face with another.")
@HOME
@JSON
def enroll_(
    campaign: Path | None,
    talent: str | None,
    photos: Path | None,
    page: Path | None,
    watch: bool,
    no_compare: bool,
    home: Path | None,
    as_json: bool,
) -> None:
    """Make the twins of a campaign from its photographs, under signed consents; or only judge a folder of photographs."""
    if (campaign is None) == (photos is None):
        raise click.UsageError("give a campaign file, or --photos FOLDER to judge photographs")
    if photos is None and (watch or no_compare):
        raise click.UsageError("--watch and --no-compare go with --photos")
    if photos is not None:
        _judge(photos, page, watch, not no_compare, as_json)
    else:
        _make(campaign, talent, page, home, as_json)


# --- judging ----------------------------------------------------------------------------------------------------


def _judge(photos: Path, page: Path | None, watch: bool, compare: bool, as_json: bool) -> None:
    meter = app.meter()
    line = _json_line if watch and as_json else _silent if as_json else _line
    if watch:
        files, verdicts = _watch(meter, photos, compare, line)
    else:
        files = enrolling.photographs(photos)
        verdicts = enrolling.judge(meter, files, line, compare=compare)
    written = _write_page(page, photos.resolve().name, files, verdicts, compare) if page else None
    if as_json and not watch:
        print_json(_session_data(verdicts, written))
    elif not as_json:
        _summary(verdicts, written)


def _watch(meter, photos: Path, compare: bool, line: Callable[[Verdict], None]) -> tuple[list[Path], Sequence[Verdict]]:
    """Judge what is in the folder and what comes into it, until every view is covered or somebody stops it (Ctrl-C)."""
    session = meter.session(compare=compare)
    files: list[Path] = []
    try:
        for file in _arriving(photos):
            files.append(file)
            line(session.add(file))
            if not coverage(session.verdicts()).lacking:
                break
    except KeyboardInterrupt:
        pass
    return files, enrolling.chosen(session)


def _arriving(folder: Path) -> Iterator[Path]:
    """Each photograph once, when its size has stopped growing."""
    seen: set[Path] = set()
    sizes: dict[Path, int] = {}
    while True:
        for file in enrolling.photographs(folder, empty=True):
            size = file.stat().st_size
            if file not in seen and size and sizes.get(file) == size:
                seen.add(file)
                yield file
            sizes[file] = size
        time.sleep(0.5)


def _silent(verdict: Verdict) -> None:
    pass


def _line(verdict: Verdict) -> None:
    state, _, rest = verdict.sentence.partition(": ")
    click.echo(f"{verdict.photo}: {click.style(state, fg=_COLOURS[verdict.state])}: {rest}")


def _json_line(verdict: Verdict) -> None:
    click.echo(json.dumps(verdict.document(), ensure_ascii=False))


def _session_data(verdicts: Sequence[Verdict], page: Path | None) -> dict[str, object]:
    return {
        "photos": [verdict.document() for verdict in verdicts],
        **coverage(verdicts).document(),
        "report": str(page) if page else None,
    }


def _summary(verdicts: Sequence[Verdict], page: Path | None) -> None:
    counts = {state: sum(verdict.state is state for verdict in verdicts) for state in State}
    kept = sum(verdict.kept for verdict in verdicts)
    click.echo(
        f"{len(verdicts)} photographs: {counts[State.ACCEPTED]} good, {counts[State.REMARK]} usable with a remark, "
        f"{counts[State.RETAKE]} to retake; {kept} would become plates"
    )
    _tell_lacking(coverage(verdicts))
    if page:
        click.echo(f"look at {page}")


def _tell_lacking(covered: Coverage) -> None:
    for need in covered.lacking:
        click.echo(f"  still to take: {need.value}. {GUIDES[need].how}")


def _write_page(
    page: Path, title: str, files: Sequence[Path], verdicts: Sequence[Verdict], compared: bool, kept: bool = False
) -> Path:
    sheet = SessionSheet(title, app.SystemClock().now(), tuple(files), tuple(verdicts), kept, compared)
    durable.write(page, app.session_page(sheet).encode())
    return page


# --- making twins -----------------------------------------------------------------------------------------------


def _make(campaign: Path, talent: str | None, page: Path | None, home: Path | None, as_json: bool) -> None:
    where = settings(home=home, beside=campaign.parent)
    planned = read_campaign(campaign, date.today(), agreed=True)
    made = []
    with app.open_office(where) as office:
        planned = agreed.found(office, planned)
        papers = sign.draw_papers(office, planned)
        for cast in planned.talents:
            consent = papers[cast.party.id][0]
            if talent not in (None, cast.party.id):
                continue
            missing = consent.unsigned_by(office.verify)
            if missing:
                files = report.to_sign(office, [(consent, r, p) for r, p in missing.items()], campaign.parent)
                ask_for_signatures(office, where, planned, files)
            enrolment = enrolling.enroll_cast(
                office,
                planned,
                cast,
                consent,
                campaign.parent,
                renew=True,
                progress=teller(as_json),
                tell=_silent if as_json else _line,
            )
            written = None
            if page:
                files = enrolling.photographs(campaign.parent / cast.photos)
                verdicts = enrolment.verdicts or enrolling.judge(office.meter, files)
                target = page if len(planned.talents) == 1 or talent else page.with_stem(f"{page.stem}-{cast.party.id}")
                written = _write_page(target, cast.party.name, files, verdicts, compared=True, kept=True)
            made.append((cast.party.name, enrolment, written))
    if as_json:
        print_json([_enrolment_data(enrolment, written) for _, enrolment, written in made])
        return
    for name, enrolment, written in made:
        click.echo(f"{name}: twin {enrolment.twin.version} of {len(enrolment.twin.plates)} plates")
        for _photo, why in enrolment.refused:
            click.echo(f"  not used: {why.diagnosis} [{why.code}]\n      {why.remedy}")
        if enrolment.verdicts:
            _tell_lacking(coverage(enrolment.verdicts))
        if written:
            click.echo(f"look at {written}")


def _enrolment_data(enrolment: enrolling.Enrolment, page: Path | None) -> dict[str, object]:
    twin = enrolment.twin
    return {
        "talent": twin.talent,
        "version": twin.version,
        "plates": [plate.photo for plate in twin.plates],
        "refused": [{"photo": name, **why.reason.document()} for name, why in enrolment.refused],
        "session": _session_data(enrolment.verdicts, page) if enrolment.verdicts else None,
        "report": str(page) if page else None,
    }
