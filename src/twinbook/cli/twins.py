"""Commands about twins: training a checkpoint, and what there is."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import date
from pathlib import Path

import click

from .. import app, durable
from ..campaign_file import read_campaign
from ..domain.errors import InputError
from ..domain.twin import Twin
from ..domain.weights import Checkpoint
from ..ports import TrainingPlan
from ..services import agreed, report, sign
from ..services import invent as inventing
from ..services import train as training
from ..settings import settings
from .production import ask_for_signatures
from .root import FILE, FOLDER, HOME, JSON, commands, print_json

_DEFAULTS = TrainingPlan()
_COUNT = click.IntRange(min=1)


@commands.group()
def twin() -> None:
    """Her twin: what was enrolled of her, and what was trained on it."""


@twin.command("train")
@click.argument("campaign", type=FILE)
@click.argument("talent")
@click.option("--weights", required=True, help="The base weights, by their name here.")
@click.option("--steps", type=_COUNT, default=_DEFAULTS.steps, show_default=True, help="How many steps.")
@click.option(
    "--rank", type=click.IntRange(1, 256), default=_DEFAULTS.rank, show_default=True, help="The adapter's rank."
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, 1, min_open=True),
    default=_DEFAULTS.learning_rate,
    show_default=True,
    help="Of the optimiser.",
)
@click.option(
    "--resolution",
    type=click.IntRange(64, 4096),
    default=_DEFAULTS.resolution,
    show_default=True,
    help="The side of a square with as many pixels as each picture, in pixels.",
)
@click.option("--batch", type=_COUNT, default=_DEFAULTS.batch, show_default=True, help="Pictures a step.")
@click.option(
    "--prior",
    type=click.FloatRange(0, 10),
    default=_DEFAULTS.prior,
    show_default=True,
    help="Weight of prior preservation; 0 for none.",
)
@click.option(
    "--prior-pictures",
    type=click.IntRange(0),
    default=_DEFAULTS.prior_pictures,
    show_default=True,
    help="Pictures for it.",
)
@click.option(
    "--save-every",
    type=_COUNT,
    default=_DEFAULTS.save_every,
    show_default=True,
    help="Steps between states that a killed training goes on from.",
)
@click.option(
    "--validate-every",
    type=_COUNT,
    default=_DEFAULTS.validate_every,
    show_default=True,
    help="Steps between validations.",
)
@click.option(
    "--validation-pictures",
    type=click.IntRange(0),
    default=_DEFAULTS.validation_pictures,
    show_default=True,
    help="Pictures that are scored at each.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=_DEFAULTS.seed, show_default=True, help="Of everything random."
)
@click.option(
    "--device", default=_DEFAULTS.device, help="Where to train, as torch names it (default: the best there is)."
)
@click.option(
    "--precision",
    type=click.Choice(["bf16", "fp32"]),
    default=_DEFAULTS.precision,
    show_default=True,
    help="Of the numbers.",
)
@click.option("--eight-bit", is_flag=True, help="An optimiser with 8-bit state.")
@click.option("--no-checkpointing", is_flag=True, help="Keep activations in memory: faster, and takes more.")
@click.option(
    "--subject", default="person", show_default=True, help="What she is called in captions: woman, man, person."
)
@click.option("--out", type=FOLDER, default="out", show_default=True, help="Where the training card goes.")
@HOME
@JSON
def twin_train(
    campaign: Path,
    talent: str,
    weights: str,
    subject: str,
    no_checkpointing: bool,
    out: Path,
    home: Path | None,
    as_json: bool,
    **how,
) -> None:
    """Train a checkpoint on every plate of a talent's twin, under the part "train" of her consent, and write its card.

    Killed, the same command goes on; done, it finds the checkpoint again. What is trained lies encrypted in the home.
    """
    where = settings(home=home, beside=campaign.parent)
    planned = read_campaign(campaign, date.today(), agreed=True)
    plan = TrainingPlan(**how, gradient_checkpointing=not no_checkpointing)
    word = re.compile(r"[a-z][a-z -]{0,39}")
    if not word.fullmatch(subject):
        raise InputError("campaign.value", f"{subject!r} is no subject of a caption", "write a word like: woman")
    with app.open_office(where) as office:
        planned = agreed.found(office, planned)
        if talent not in {cast.party.id for cast in planned.talents}:
            raise InputError("talent.unknown", f"{campaign} has no talent {talent!r}")
        consent = sign.draw_papers(office, planned)[talent][0]
        if missing := consent.unsigned_by(office.verify):
            files = report.to_sign(office, [(consent, r, p) for r, p in missing.items()], campaign.parent)
            ask_for_signatures(office, where, planned, files)
        tell = (lambda *step: None) if as_json else _tell
        done = training.train(office, talent, consent.digest, weights, plan, subject=subject, progress=tell)
        page = out / "papers" / f"training-{talent}-{done.checkpoint.id[:8]}.pdf"
        durable.write(page, office.documents.training_card(training.card(office, done.checkpoint)))
    if as_json:
        print_json(_checkpoint_data(done.checkpoint) | {"new": done.new, "card": str(page)})
        return
    made = done.checkpoint
    click.echo(
        f"{'trained' if done.new else 'found again'}: checkpoint {made.id[:12]} of {made.twin}, step {made.step}"
    )
    if done.new and done.seconds:
        click.echo(f"  {done.seconds:.0f} seconds, {done.peak_bytes / 2**20:.0f} MB at most")
    click.echo(f"look at {page}")


@twin.command("invent")
@click.argument("campaign", type=FILE)
@click.argument("talent")
@click.option("--weights", required=True, help="The base weights, by their name here.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Who she becomes.")
@click.option("--resolution", type=click.IntRange(64, 4096), default=1024, show_default=True, help="As for training.")
@click.option("--steps", type=click.IntRange(1, 200), default=30, show_default=True, help="Steps a picture.")
@HOME
@JSON
def twin_invent(
    campaign: Path, talent: str, weights: str, seed: int, resolution: int, steps: int, home: Path | None, as_json: bool
) -> None:
    """Make pictures of somebody synthetic from her description, into her folder of photographs, to enroll her from.

    Nobody's photograph goes in. Look at them, take away what shows another person, try other seeds; `twinbook enroll` says
    which can be used, and refuses a face that is somebody's.
    """
    planned = read_campaign(campaign, date.today(), agreed=True)
    cast = next((cast for cast in planned.talents if cast.party.id == talent), None)
    if cast is None:
        raise InputError("talent.unknown", f"{campaign} has no talent {talent!r}")
    tell = (lambda file: None) if as_json else (lambda file: click.echo(f"  wrote {file}"))
    with app.open_office(settings(home=home, beside=campaign.parent)) as office:
        files = inventing.invent(
            office, cast, weights, campaign.parent, seed=seed, side=resolution, steps=steps, tell=tell
        )
    if as_json:
        print_json([str(file) for file in files])


def _tell(step: int, steps: int, loss: float) -> None:
    if step == 1 or step == steps or step % max(1, steps // 50) == 0:
        click.echo(f"  step {step} of {steps}, loss {loss:.4f}")


@twin.command("list")
@click.option("--talent", help="Only hers, by id.")
@HOME
@JSON
def twin_list(talent: str | None, home: Path | None, as_json: bool) -> None:
    """The current twin of each talent, and the checkpoints that were trained on each version."""
    with app.open_office(settings(home=home)) as office:
        found = training.twins(office, talent)
    if as_json:
        print_json([_twin_data(*each) for each in found])
        return
    for current, checkpoints in found:
        click.echo(f"{current.talent}: {current.kind} twin {current.version} of {len(current.plates)} plates")
        for made in checkpoints:
            old = "" if made.twin == current.id else f", of version {made.twin.rpartition(':')[2]}: not used any more"
            sold = "" if made.commercial else ", no picture may be sold"
            click.echo(f"  {made.id[:12]}  {made.made_at.date()}  {made.weights}, step {made.step}{sold}{old}")


def _twin_data(current: Twin, checkpoints: list[Checkpoint]) -> dict[str, object]:
    return {
        "talent": current.talent,
        "version": current.version,
        "kind": current.kind.value,
        "plates": [plate.photo for plate in current.plates],
        "checkpoints": [_checkpoint_data(made) | {"current": made.twin == current.id} for made in checkpoints],
    }


def _checkpoint_data(made: Checkpoint) -> dict[str, object]:
    """Everything but the curve and the word that stands for her."""
    left_out = {"token", "losses"}
    data = {field.name: getattr(made, field.name) for field in fields(made) if field.name not in left_out}
    return data | {
        "family": made.family.value,
        "made_at": made.made_at.isoformat(),
        "plates": list(made.plates),
        "scores": {str(step): score for step, score in made.scores.items()},
        "plan": dict(made.plan),
    }
