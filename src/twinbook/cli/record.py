"""Commands about the record: statements, and the log that vouches for them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click

from .. import app, durable
from ..domain.errors import InputError, Refused
from ..domain.log import Checkpoint, read_vkey
from ..domain.money import Money
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
    """Check the home's log against every checkpoint, or receipts and a statement offline, with no home at all.

    A statement is held against its bundle line by line: every image, its license and its fee.
    """
    where = settings(home=home)
    said = []
    if statement_csv and not bundle:
        raise InputError("log.statement", f"{statement_csv} is held against nothing", "give its --bundle as well")
    if (since is None) != (proof is None):
        raise InputError("log.receipt", "--since and --proof go together", "give what was kept, and the proof for it")
    offline = bool(receipts or bundle or proof)
    if not offline:
        with app.open_office(where) as office:
            leaves, points = transparency.verify_log(office, verify_raw)
        said.append(f"the log is whole: {leaves} entries agree with {points} checkpoints")
    origin, public = log_key(key_text, where) if offline else (None, b"")
    for file in receipts:
        entry = transparency.verify_receipt(_json_file(file), public, verify_raw, origin)
        said.append(f"{file.name}: {entry['act']} at {entry['at']}, release {entry['facts'].get('release', 'none')}")
    if bundle:
        logged = transparency.released_in(_json_file(bundle), public, verify_raw, origin)
        said.append(f"{len({facts['release'] for facts in logged})} releases of this talent are in the log")
        if statement_csv:
            said.append(_compare(statement_csv, logged))
    if proof:
        newer = transparency.verify_consistency_bundle(_json_file(proof), _kept(since), public, verify_raw, origin)
        said.append(f"the log of {newer.size} entries continues what was kept: nothing was rewritten")
    print_json(said) if as_json else click.echo("\n".join(said))


def _compare(statement_csv: Path, logged: list[Mapping[str, str]]) -> str:
    """What was found when the statement's lines were held against what the log says of each image."""
    fees, deducted = _lines(statement_csv)
    told = Counter((facts["release"], facts.get("license", ""), facts.get("fee", "")) for facts in logged)
    missing, extra = sorted((told - fees).elements()), sorted((fees - told).elements())
    if missing or extra:
        what = f"in the log but not on the statement: {_named(missing)}; on the statement but not in the log: {_named(extra)}"
        raise Refused("log.inconsistent", what, "ask the operator to account for each of them")
    for (release, license, fee), times in fees.items():
        gross = Money.parse(fee)
        others = deducted.pop((release, license), [])
        if any(amount.currency != gross.currency or amount.minor > 0 for amount in others):
            raise Refused("log.inconsistent", f"what is taken off {release} is no deduction from {fee}")
        if gross.minor * times + sum(amount.minor for amount in others) < 0:
            raise Refused("log.inconsistent", f"more is taken off {release} than its fee of {fee}")
    if deducted:
        raise Refused("log.inconsistent", f"amounts are taken off what isn't there: {sorted(deducted)}")
    counted = f"{sum(fees.values())} of {len(logged)}"
    return (
        f"the statement lists every one of them: {counted} lines agree in image, license and fee. The log doesn't hold what "
        "agency and crew got of a fee: hold that against the license's split"
    )


def _named(lines: list[tuple[str, str, str]]) -> str:
    return ", ".join(f"{release} ({fee} under {license[:16]}…)" for release, license, fee in lines) or "none"


_Fee = tuple[str, str, str]


def _lines(statement_csv: Path) -> tuple[Counter[_Fee], dict[tuple[str, str], list[Money]]]:
    """A statement's fees, each with its release, license and amount, and what is taken off them by release and license.

    Raises InputError ``log.statement``.
    """
    fees: Counter[_Fee] = Counter()
    deducted: dict[tuple[str, str], list[Money]] = {}
    try:
        with statement_csv.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, strict=True):
                release, license = row["release"], row["license_sha256"]
                amount = Money(row["currency"], int(row["amount_minor"]))
                if str(amount) != f"{row['amount']} {row['currency']}":
                    raise ValueError(f"{row['amount']!r} and {row['amount_minor']!r} are two amounts")
                if row["kind"] == "fee":
                    fees[release, license, str(amount)] += 1
                else:
                    deducted.setdefault((release, license), []).append(amount)
    except OSError as error:
        raise InputError("log.statement", f"{statement_csv} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, csv.Error, InputError) as error:
        raise InputError("log.statement", f"{statement_csv} is no statement of ours ({error})") from error
    return fees, deducted


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
    if not text.lstrip().startswith("{"):
        return text
    return str(_json_file(file).get("checkpoint"))


def log_key(text: str | None, where: Settings) -> tuple[str | None, bytes]:
    """The log's name, when the key says so, and its public key: what was given, else the home's."""
    if text and "+" in text:
        return read_vkey(text)
    try:
        if text:
            return None, bytes.fromhex(text)
    except ValueError as error:
        raise InputError("key.unreadable", "the log's key is neither hex nor a verifier key") from error
    with app.open_office(where) as office:
        return office.log_signer.origin, office.log_signer.public


def _json_file(file: Path) -> dict:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("log.receipt", f"{file} can't be read as JSON") from error
    if not isinstance(data, dict):
        raise InputError("log.receipt", f"{file} holds no JSON object")
    return data
