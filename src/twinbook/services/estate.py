"""When a talent has died, or is said to have: what ends, who takes over, and how a mistake is put right.

What holds from then on follows from her own consent: it ends with her, or the estate that it names signs in her place.
Neither needs anything here: the gate asks for the day of her death at every permit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date

from twinbook.domain import log
from twinbook.domain.errors import InputError, Reason, SignatureRefused
from twinbook.domain.estate import Alive
from twinbook.domain.gate import Deny
from twinbook.domain.paper import Paper
from twinbook.domain.party import Role, Signature
from twinbook.domain.work import ENDS, Work
from twinbook.ports import UnitOfWork

from . import permit
from .filing import file_paper, refusal
from .office import Office
from .revoke import end_work

_SHA256 = re.compile("[0-9a-f]{64}")
_BY_DEATH = frozenset({"talent.deceased", "law.deceased", "license.estate"})


def report_death(office: Office, talent: str, on: date, evidence: str) -> tuple[Work, ...]:
    """Note the day of her death, on the word of whoever runs this home; ``evidence`` is the SHA-256 of what proves it. Work in flight
    that can't go on ends, with its holds given back, and is returned.

    The earliest day stands: a later one would make good what was signed with her key in between. Raises InputError
    ``talent.unknown``, ``talent.death``.
    """
    if not _SHA256.fullmatch(evidence):
        raise InputError("talent.death", "the evidence is not named by its SHA-256")
    if on > office.clock.now().date():
        raise InputError("talent.death", f"{on.isoformat()} has not come yet")
    with office.unit() as unit:
        party = _talent(unit, talent)
        if party.born is not None and on < party.born:
            raise InputError("talent.death", f"{on.isoformat()} is before the day of birth")
        noted = unit.parties.died(talent)
        if noted is not None and noted <= on:
            raise InputError(
                "talent.death", f"it was noted already, for {noted.isoformat()}", "only an earlier day changes anything"
            )
        unit.parties.die(talent, on)
        office.record(unit, "death:reported", {"on": on.isoformat(), "evidence": evidence}, (talent,))
        flying = _ended(office, unit, talent)
    return end_work(office, flying)


def draw_alive(office: Office, talent: str) -> Alive:
    """What she signs to say that the report of her death is wrong. Raises InputError ``talent.unknown``, ``talent.death``."""
    with office.unit() as unit:
        return Alive(talent, _report(unit, talent), office.clock.now().replace(microsecond=0))


def withdraw_report(office: Office, document: Mapping[str, object], signature: Signature) -> None:
    """Take the report of her death back: nobody can but she herself, with the key she had. What had ended stays ended;
    running its campaign again begins it anew.

    Raises InputError ``talent.death`` when it answers no report that stands, SignatureRefused as `sign.sign` does.
    """
    paper = Paper(dict(document))
    terms = paper.terms
    if not isinstance(terms, Alive):
        raise SignatureRefused("signature.role", f"a {paper.kind.name.lower()} takes no report of a death back")
    with office.unit() as unit:
        if terms.report != _report(unit, terms.talent):
            raise InputError("talent.death", "it answers another report", "draw it up again")
        fault = refusal(office, paper, unit.parties.key(signature.key), signature)
        if fault:
            raise fault
        file_paper(office, unit, paper, terms.talent)
        unit.papers.sign(paper.digest, signature, office.clock.now())
        unit.parties.die(terms.talent, None)
        facts = {"paper": paper.digest, "report": terms.report, "key": signature.key}
        office.record(unit, "death:withdrawn", facts, (terms.talent,))


def _talent(unit: UnitOfWork, talent: str):
    party = unit.parties.get(talent)
    if party is None or party.role is not Role.TALENT:
        raise InputError("talent.unknown", f"{talent!r} is not known in this home")
    return party


def _report(unit: UnitOfWork, talent: str) -> str:
    """The hash of the leaf that last noted her death."""
    _talent(unit, talent)
    if unit.parties.died(talent) is None:
        raise InputError("talent.death", f"nobody reported {talent} dead", "there is nothing to take back")
    secret = unit.parties.log_secret(talent)
    for body in reversed(unit.log.bodies()):
        entry = json.loads(body)
        if entry["act"] == "death:reported" and log.mark(secret, entry["nonce"]) in entry["who"]:
            return log.leaf_hash(body).hex()
    raise InputError("talent.death", "the log has no report of it", "check the log: `twinbook log verify`")


def _ended(office: Office, unit: UnitOfWork, talent: str) -> list[tuple[Work, tuple[Reason, ...]]]:
    found, now = [], office.clock.now()
    for work in unit.works.of_talent(talent):
        answer = permit.weigh(office, unit, work, talent, now) if work.stage not in ENDS else None
        if isinstance(answer, Deny) and _BY_DEATH & {why.code for why in answer.reasons}:
            found.append((work, answer.reasons))
    return found
