"""Commands about keys over time: a first one, further ones, one in place of another, one that is lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import click

from .. import app, durable
from ..campaign_file import slug
from ..domain.errors import InputError, TwinbookError
from ..domain.form import read_terms
from ..domain.keyring import WAITING_PERIOD, WITH_DUTIES, KeyChange, KeyGrounds
from ..domain.paper import Paper
from ..domain.party import Duty, Key, Role, Signature
from ..keys.signatures import ED25519, KeyFile, key_id
from ..services import keyring, sign
from ..settings import Settings, settings
from . import answers
from .rights import confirmed, owner_of
from .root import FILE, HOME, JSON, commands, print_json

KEY = click.option("--key", "key_file", type=FILE, required=True, help="The private key that signs.")
CONFIRM = click.option("--confirm", help="What would be typed at the prompt, for scripts.")
NEW = click.option("--new", "new_file", type=FILE, help="The new private key; made when it isn't there.")
PUBLIC = click.option("--public", help="The new key's public half, in hex, when somebody else holds it.")
PASSKEY = click.option("--passkey", type=FILE, help="A passkey's registration, JSON, made on a page, when it is one.")
ORIGIN = click.option("--origin", help="With --passkey: the page it was made on, like https://example.org.")
RP_ID = click.option("--rp-id", help="With --passkey: its relying party (default: the origin's host).")
OUT = click.option(
    "--out", type=FILE, help="With --public or --passkey: where the change goes for its holder to confirm."
)
DUTY = click.option(
    "--duty",
    "duties",
    multiple=True,
    type=click.Choice([duty.value for duty in Duty]),
    help="What an agency's or brand's key is for.",
)
ROLES = click.Choice([role.value for role in Role if role is not Role.OPERATOR])


@commands.group()
def keys() -> None:
    """Make, list and change keys."""


@keys.command("new")
@click.argument("role", type=ROLES)
@click.argument("name")
@click.option("--id", "party", help="The party's id (default: made from the name).")
@click.option("--out", type=FILE, help="Where the private key goes (default: ID.pem here).")
@HOME
@JSON
def keys_new(role: str, name: str, party: str | None, out: Path | None, home: Path | None, as_json: bool) -> None:
    """Make a key for a person or a brand and register its public half.

    The private key is written once, for the person alone; the home keeps the public half and no other. It is the party's
    first: a further one is added with a key that the party has.
    """
    where = settings(home=home)
    if not name.strip():
        raise InputError("party.name", "a party has a name")
    party = party or slug(name)
    file = _outside(where, out or Path(f"{party}.pem"))
    with app.open_office(where) as office:
        made = KeyFile.make(file)
        try:
            sign.register_key(office, made.registered(party, Role(role)), name)
        except TwinbookError:
            file.unlink()  # a key that nobody knows would only confuse
            raise
    if as_json:
        print_json({"key": made.id, "party": party, "role": role, "file": str(file)})
    else:
        click.echo(
            f"{name} ({role} {party!r}) has the key {made.id}\nprivate key: {file}. Keep it; nobody can make it again."
        )


@keys.command("register")
@click.argument("role", type=ROLES)
@click.argument("name")
@click.option("--id", "party", help="The party's id (default: made from the name).")
@click.option("--passkey", type=FILE, required=True, help="The registration that a page got from the browser, JSON.")
@click.option("--origin", required=True, help="The page it was made on, like https://example.org.")
@RP_ID
@click.option("--out", type=FILE, help="Where the change goes for the passkey to confirm.")
@HOME
@JSON
def keys_register(
    role: str,
    name: str,
    party: str | None,
    passkey: Path,
    origin: str,
    rp_id: str | None,
    out: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Draw up the registration of a passkey as a party's first key. It counts once the passkey has signed just that.

    Writes the change and prints the challenge that the page has it sign; `keys confirm --assertion` takes the answer.
    """
    if not name.strip():
        raise InputError("party.name", "a party has a name")
    party = party or slug(name)
    new = answers.new_key(passkey, origin, rp_id, party, Role(role))
    with app.open_office(settings(home=home)) as office:
        paper = Paper.of(keyring.draw_change(office, KeyGrounds.FIRST, party, Role(role), new=new))
        _write_change(office, paper, new, out, as_json, {"name": name})


@keys.command("make")
@click.argument("file", type=FILE)
@JSON
def keys_make(file: Path, as_json: bool) -> None:
    """Make a key file and print its public half, for whoever adds it with --public. Needs no home and registers nothing."""
    made = KeyFile.make(file)
    if as_json:
        print_json({"key": made.id, "public": made.public.hex(), "file": str(file)})
    else:
        click.echo(
            f"{made.id}\npublic half: {made.public.hex()}\nprivate key: {file}. Keep it; give away the public half."
        )


@keys.command("list")
@HOME
@JSON
def keys_list(home: Path | None, as_json: bool) -> None:
    """The public keys that are registered: whose, for what, since when and until when."""
    with app.open_office(settings(home=home)) as office, office.unit() as unit:
        known, now = list(unit.parties.keys()), office.clock.now()
    if as_json:
        print_json([_told(key) | {"counts": key.counts(now)} for key in known])
    for key in () if as_json else known:
        click.echo(f"{key.role.value:8} {key.party:16} {key.id}  {_days(key)}")


@keys.command("add")
@KEY
@NEW
@PUBLIC
@PASSKEY
@ORIGIN
@RP_ID
@DUTY
@OUT
@CONFIRM
@HOME
@JSON
def keys_add(key_file: Path, duties: tuple[str, ...], **options: object) -> None:
    """Add a key beside the others of a party, signed with one that it has.

    --new when you hold the new key as well; --public when somebody else does, who then runs `keys confirm`. A key of an
    agency or a brand needs the duty admin for it, and can give the new one no duty that it lacks.
    """
    _Change(KeyGrounds.ADDED, key_file, duties=duties, **options).run()


@keys.command("rotate")
@KEY
@NEW
@PUBLIC
@PASSKEY
@ORIGIN
@RP_ID
@click.option("--retires", help="The id of the key that goes (default: the one that signs).")
@DUTY
@OUT
@CONFIRM
@HOME
@JSON
def keys_rotate(key_file: Path, retires: str | None, duties: tuple[str, ...], **options: object) -> None:
    """Put a new key in the place of an old one. What the old one signed stays signed."""
    _Change(KeyGrounds.ROTATED, key_file, retires=retires, duties=duties, **options).run()


@keys.command("retire")
@click.argument("key_id")
@KEY
@CONFIRM
@HOME
@JSON
def keys_retire(key_id: str, key_file: Path, **options: object) -> None:
    """End the key KEY_ID of the party whose key signs. It never comes back; the last one can't be retired."""
    _Change(KeyGrounds.RETIRED, key_file, retires=key_id, **options).run()


@keys.command("lost")
@click.argument("key_id")
@click.option("--identity-check", required=True, help="How and by whom the person was recognised.")
@NEW
@PUBLIC
@PASSKEY
@ORIGIN
@RP_ID
@DUTY
@OUT
@CONFIRM
@HOME
@JSON
def keys_lost(key_id: str, identity_check: str, duties: tuple[str, ...], home: Path | None, **options: object) -> None:
    """Announce that the key KEY_ID is lost and give its party another one. For whoever runs this home, after an identity check.

    The new key counts after seven days. Until then the old one goes on, and whoever holds it can object.
    """
    log_key = settings(home=home).home / "keys" / "log.pem"
    _Change(
        KeyGrounds.LOST, log_key, retires=key_id, duties=duties, identity_check=identity_check, home=home, **options
    ).run()


@keys.command("object")
@KEY
@click.option("--lost", "key_id", help="The id of the key that was said lost (default: the one that signs).")
@CONFIRM
@HOME
@JSON
def keys_object(key_file: Path, key_id: str | None, **options: object) -> None:
    """Object to an announced loss: the key was not lost, goes on counting, and the new one never does."""
    _Change(KeyGrounds.OBJECTED, key_file, retires=key_id, **options).run()


@keys.command("confirm")
@click.argument("file", type=FILE)
@click.option("--key", "key_file", type=FILE, help="The new private key.")
@click.option("--assertion", type=FILE, help="Instead: the new passkey's answer over the change, JSON.")
@CONFIRM
@HOME
@JSON
def keys_confirm(
    file: Path,
    key_file: Path | None,
    assertion: Path | None,
    confirm: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Confirm with the new key that somebody holds it, which makes the change. FILE is what add, rotate, lost or register
    wrote."""
    if (key_file is None) == (assertion is None):
        raise click.UsageError("give --key, or --assertion of a passkey")
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        paper, name = Paper(data["change"]), str(data.get("name", ""))
        by = Signature(**data["signature"]) if "signature" in data else None
        change = read_terms(dict(paper.document))
        _ = paper.message  # raises for what can't be signed
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("signature.missing", f"{file} holds no change of keys to confirm") from error
    if not isinstance(change, KeyChange) or change.new is None or (by is None) != (change.grounds is KeyGrounds.FIRST):
        raise InputError("signature.missing", f"{file} holds no change of keys to confirm")
    key = KeyFile.load(key_file) if key_file else None
    with app.open_office(settings(home=home)) as office:
        confirmed(office, paper, change.party, confirm, as_json)
        proof = key.sign(paper.message) if key else answers.signature(assertion, change.key(change.at))
        if by is None:
            known = (keyring.register(office, paper.document, proof, name or change.party),)
        else:
            known = keyring.change_keys(office, paper.document, by, proof)
        now = office.clock.now()
    _print(change, known, now, as_json)


@dataclass(frozen=True)
class _Change:
    """One change of keys as it was asked for on the command line."""

    grounds: KeyGrounds
    key_file: Path
    retires: str | None = None
    duties: tuple[str, ...] = ()
    identity_check: str = ""
    new_file: Path | None = None
    public: str | None = None
    passkey: Path | None = None
    origin: str | None = None
    rp_id: str | None = None
    out: Path | None = None
    confirm: str | None = None
    home: Path | None = None
    as_json: bool = False

    def run(self) -> None:
        where = settings(home=self.home)
        brings = self.grounds in (KeyGrounds.ADDED, KeyGrounds.ROTATED, KeyGrounds.LOST)
        if brings and sum(given is not None for given in (self.new_file, self.public, self.passkey)) != 1:
            raise InputError(
                "key.change",
                "there is one new key",
                "give --new FILE, or --public HEX if somebody else has it, or --passkey FILE",
            )
        if (self.passkey is None) != (self.origin is None):
            raise InputError("key.change", "a passkey belongs to a page", "give --passkey and --origin together")
        with app.open_office(where) as office:
            by = KeyFile.load(self.key_file)
            concerned = self._concerned(office, by)
            made = self.new_file is not None and not self.new_file.exists()
            new = None
            if self.new_file is not None:
                file = _outside(where, self.new_file)
                new = KeyFile.make(file) if made else KeyFile.load(file)
            try:
                change = keyring.draw_change(
                    office,
                    self.grounds,
                    concerned.party,
                    concerned.role,
                    new=self._new(concerned, new) if brings else None,
                    retires=(self.retires or by.id) if self.grounds is not KeyGrounds.ADDED else "",
                    identity_check=self.identity_check,
                )
                paper = Paper.of(change)
                who = change.operator or concerned.party
                confirmed(office, paper, who, self.confirm, self.as_json)
                signature = by.sign(paper.message)
                if self.new_file is None and brings:
                    signed = asdict(signature) | {"evidence": dict(signature.evidence)}
                    _write_change(office, paper, change.key(change.at), self.out, self.as_json, {"signature": signed})
                    return
                proof = new.sign(paper.message) if new else None
                known = keyring.change_keys(office, paper.document, signature, proof)
            except BaseException:  # a prompt that was broken off as well
                if made:
                    self.new_file.unlink()  # a key that nobody knows would only confuse
                raise
            now = office.clock.now()
        _print(change, known, now, self.as_json)

    def _concerned(self, office, by: KeyFile) -> Key:
        """A key of the party whose keys change: the one that signs, for a loss the lost one."""
        if self.grounds is not KeyGrounds.LOST:
            return owner_of(office, by, self.key_file)
        with office.unit() as unit:
            lost = unit.parties.key(self.retires)
        if lost is None:
            raise InputError("party.unknown", f"nobody here has the key {self.retires}")
        return lost

    def _new(self, beside: Key, held: KeyFile | None) -> Key:
        if self.passkey is not None:
            return self._with_duties(
                answers.new_key(self.passkey, self.origin, self.rp_id, beside.party, beside.role), beside
            )
        try:
            public = held.public if held else bytes.fromhex(self.public)
            if len(public) != 32:
                raise ValueError("not 32 bytes")
        except ValueError as error:
            raise InputError(
                "key.unreadable", f"{self.public!r} is no public key", "give what `keys make` printed"
            ) from error
        return self._with_duties(Key(key_id(public), ED25519, public.hex(), beside.party, beside.role), beside)

    def _with_duties(self, new: Key, beside: Key) -> Key:
        if not self.duties:
            return replace(new, duties=beside.duties)
        if beside.role not in WITH_DUTIES:
            raise InputError(
                "key.change", f"the key of a {beside.role} is for everything that is theirs", "leave --duty out"
            )
        return replace(new, duties=frozenset(map(Duty, self.duties)))


def _write_change(office, paper: Paper, new: Key, out: Path | None, as_json: bool, more: Mapping[str, object]) -> None:
    """The change, for whoever holds the new key to confirm, with what a page needs where it is a passkey."""
    out = out or Path(f"change-{new.id.rpartition(':')[2][:8]}.json")
    lines = {"change": paper.document, "sha256": paper.digest, "in_plain_words": sign.plain_words(office, paper)}
    asked = {"passkey": answers.asked(paper.message, new)} if new.rp_id else {}
    durable.write(out, json.dumps(lines | dict(more) | asked, indent=2, ensure_ascii=False).encode() + b"\n")
    if as_json:
        print_json({"file": str(out), "new": new.id, "waits_for": "confirm"} | asked)
        return
    answer = "--assertion ANSWER.json" if asked else "--key NEW.pem"
    for one in asked.values():
        click.echo(f"the page has it sign the challenge {one['challenge']} for {one['rpId']}")
    click.echo(f"nothing has changed yet: whoever holds {new.id} runs\n  twinbook keys confirm {out} {answer}")


def _print(change: KeyChange, known: tuple[Key, ...], now: datetime, as_json: bool) -> None:
    if as_json:
        told = {"party": change.party, "role": change.role.value, "change": change.grounds.value}
        print_json(told | {"keys": [_told(key) | {"counts": key.counts(now)} for key in known]})
        return
    click.echo(f"{change.party} ({change.role}) has these keys now:")
    for key in known:
        click.echo(f"  {key.id}  {_days(key)}")
    if change.grounds is KeyGrounds.LOST:
        click.echo(f"the new key counts in {WAITING_PERIOD.days} days, unless the holder of the old one objects")


def _told(key: Key) -> dict[str, object]:
    return {
        "key": key.id,
        "party": key.party,
        "role": key.role.value,
        "algorithm": key.algorithm,
        "public": key.public,
        "duties": sorted(key.duties),
        "since": key.since.isoformat() if key.since else None,
        "until": key.until.isoformat() if key.until else None,
    }


def _days(key: Key) -> str:
    """What a key is for and when it counts, in a line."""
    said = "" if key.duties == frozenset(Duty) else f"for {', '.join(sorted(key.duties))}; "
    since = f"since {_moment(key.since)}" if key.since else "since it was registered"
    if key.until is None:
        return said + since
    if key.since is not None and key.until <= key.since:
        return f"{said}never counts: objected to on {_moment(key.until)}"
    return f"{said}{since}, until {_moment(key.until)}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _outside(where: Settings, file: Path) -> Path:
    if where.home.resolve() in file.resolve().parents:
        raise InputError("key.exists", "a person's key doesn't belong into the home", "choose a place of her own")
    return file
