"""Commands about the record: statements, and the log that vouches for them."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .. import app, durable
from ..domain.errors import InputError, Refused
from ..domain.log import Checkpoint, read_vkey
from ..keys.signatures import verify_raw
from ..services import report, settle, transparency
from ..settings import Settings, settings
from .root import FILE, FOLDER, HOME, JSON, commands, print_json


@commands.command("statement")
@click.option("--talent", required=True, help="Her id.")
@click.option("--out", type=FOLDER, default="out", show_default=True)
@HOME
@JSON
def statement_(talent: str, out: Path, home: Path | None, as_json: bool) -> None:
    """What was earned with a twin, as PDF and CSV, with the log bundle that proves it is whole."""
    with app.open_office(settings(home=home)) as office:
        written = report.write_statements(office, [talent], out)
        file = out / f"log-{talent}.json"
        durable.write(file, json.dumps(transparency.bundle(office, talent)).encode(), mode=0o600)
    if as_json:
        print_json({"files": [str(f) for f in (*written, file)]})
    else:
        click.echo("\n".join(f"wrote {f}" for f in (*written, file)))
        click.echo(
            f"to check offline that it lists every image: twinbook log verify --statement {written[1]} --bundle {file}"
        )


@commands.command("paid")
@click.option("--talent", required=True, help="Her id.")
@click.option("--brand", required=True, help="The brand's id.")
@click.option("--reference", required=True, help="The bank's reference of the payment.")
@HOME
@JSON
def paid_(talent: str, brand: str, reference: str, home: Path | None, as_json: bool) -> None:
    """Note that what a brand owed a talent has reached her. An image unpaid for more than 45 days stops the next one."""
    with app.open_office(settings(home=home)) as office:
        sums = settle.record_payment(office, talent, brand, reference)
    if as_json:
        print_json({"talent": talent, "brand": brand, "paid": [str(amount) for amount in sums]})
    else:
        click.echo(f"{brand} has paid {talent} {', '.join(map(str, sums))}")


@commands.group()
def log() -> None:
    """The append-only log of every act."""


@log.command("verify")
@click.argument("receipts", type=FILE, nargs=-1)
@click.option("--key", "key_text", help="The log's public key, in hex or as a verifier key; by default the home's.")
@click.option("--bundle", type=FILE, help="Her log bundle, from `twinbook statement`.")
@click.option("--statement", "statement_csv", type=FILE, help="Her statement.csv, to hold against the bundle.")
@click.option("--since", type=FILE, help="A checkpoint, receipt or bundle kept from earlier, to hold --proof against.")
@click.option("--proof", type=FILE, help="What `twinbook log prove` wrote for it.")
@HOME
@JSON
def log_verify(
    receipts: tuple[Path, ...],
    key_text: str | None,
    bundle: Path | None,
    statement_csv: Path | None,
    since: Path | None,
    proof: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Check the home's log against every checkpoint, or receipts and a statement offline, with no home at all."""
    where = settings(home=home)
    said = []
    if (since is None) != (proof is None):
        raise InputError("log.receipt", "--since and --proof go together", "give what was kept, and the proof for it")
    offline = bool(receipts or bundle or proof)
    if not offline:
        with app.open_office(where) as office:
            leaves, points = transparency.verify_log(office, verify_raw)
        said.append(f"the log is whole: {leaves} entries agree with {points} checkpoints")
    origin, public = _log_key(key_text, where) if offline else (None, b"")
    for file in receipts:
        entry = transparency.verify_receipt(_json_file(file), public, verify_raw, origin)
        said.append(f"{file.name}: {entry['act']} at {entry['at']}, release {entry['facts'].get('release', 'none')}")
    if bundle:
        logged = transparency.releases_in(_json_file(bundle), public, verify_raw, origin)
        said.append(f"{len(logged)} releases of this talent are in the log")
        if statement_csv:
            said.append(_compare(statement_csv, logged))
    if proof:
        newer = transparency.verify_consistency_bundle(_json_file(proof), _kept(since), public, verify_raw, origin)
        said.append(f"the log of {newer.size} entries continues what was kept: nothing was rewritten")
    print_json(said) if as_json else click.echo("\n".join(said))


def _compare(statement_csv: Path, logged: set[str]) -> str:
    import csv

    with statement_csv.open(encoding="utf-8", newline="") as file:
        listed = {row["release"] for row in csv.DictReader(file) if row.get("kind") == "fee"}
    missing, extra = sorted(logged - listed), sorted(listed - logged)
    if missing or extra:
        what = f"in the log but not on the statement: {missing}; on the statement but not in the log: {extra}"
        raise Refused("log.inconsistent", what, "ask the operator to account for each of them")
    return "the statement lists every one of them"


@log.command("prove")
@click.argument("kept", type=FILE)
@click.option("--out", type=FILE, default="log-proof.json", show_default=True)
@HOME
@JSON
def log_prove(kept: Path, out: Path, home: Path | None, as_json: bool) -> None:
    """For whoever kept a checkpoint, receipt or bundle: the proof that the log still begins as it did then."""
    with app.open_office(settings(home=home)) as office:
        found = transparency.consistency(office, Checkpoint.from_note(_kept(kept)), verify_raw)
    durable.write(out, json.dumps(found, indent=1).encode() + b"\n")
    print_json({"file": str(out)}) if as_json else click.echo(
        f"wrote {out}; to check it offline: twinbook log verify --since {kept} --proof {out} --key KEY"
    )


def _kept(file: Path) -> str:
    """The checkpoint in what somebody kept: a bare note, or a receipt or bundle that carries one."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError("log.receipt", f"{file} can't be read") from error
    return str(_json_file(file).get("checkpoint")) if text.lstrip().startswith("{") else text


def _log_key(text: str | None, where: Settings) -> tuple[str | None, bytes]:
    """The log's name, when the key says so, and its public key."""
    if text and "+" in text:
        return read_vkey(text)
    try:
        if text:
            return None, bytes.fromhex(text)
    except ValueError as error:
        raise InputError("key.unreadable", "the log's key is neither hex nor a verifier key") from error
    with app.open_office(where) as office:
        return office.log_signer.origin, office.log_signer.public


def _json_file(file: Path):
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("log.receipt", f"{file} can't be read as JSON") from error
