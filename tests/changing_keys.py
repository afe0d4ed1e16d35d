"""Changes of keys as people make them, for tests: drawn up, signed by one key and proven by the new one."""

from dataclasses import replace

from twinbook.domain.keyring import KeyGrounds
from twinbook.domain.paper import Paper
from twinbook.domain.party import Duty, Role
from twinbook.keys.signatures import KeyFile
from twinbook.services import keyring

EVERYTHING = frozenset(Duty)
ROLES = {"mira": Role.TALENT, "eve": Role.TALENT, "nordlight": Role.AGENCY, "tvaton": Role.BRAND}
CHECK = "passport, compared in the studio by Ada Lind"


def drawn(office, grounds, party="mira", new=None, retires=None, duties=EVERYTHING, identity_check=None):
    """``new`` and ``retires`` are key files; a loss is given its identity check."""
    role = ROLES[party]
    lost = grounds is KeyGrounds.LOST
    return keyring.draw_change(
        office,
        grounds,
        party,
        role,
        new=replace(new.registered(party, role), duties=duties) if new else None,
        retires=retires.id if retires else "",
        identity_check=identity_check if identity_check is not None else CHECK if lost else "",
    )


def made(office, change, by, new=None):
    """The change, signed by ``by`` and, where there is one, by the new key."""
    message = Paper.of(change).message
    return keyring.change_keys(office, change.document(), by.sign(message), new.sign(message) if new else None)


def change(office, grounds, by, party="mira", new=None, retires=None, duties=EVERYTHING):
    return made(office, drawn(office, grounds, party, new, retires, duties), by, new)


def operators(tmp_path):
    """The home's own key, which announces losses."""
    return KeyFile.load(tmp_path / "home" / "keys" / "log.pem")


def entries(office, about="key:"):
    """The log's acts that begin like this, with their facts."""
    import json

    with office.unit() as unit:
        told = [json.loads(body) for body in unit.log.bodies()]
    return [(entry["act"], entry["facts"]) for entry in told if entry["act"].startswith(about)]


def key_of(office, key):
    with office.unit() as unit:
        return unit.parties.key(key.id)
