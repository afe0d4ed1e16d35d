"""How many decisions a second the gate makes, beside two general policy engines in the same run: ``python bench/gate.py``.

QUICK=1 loads fewer licenses and is done in under a minute. All engines get the same requests, each with the same
candidates (her licenses with the brand that asks), and must agree on every one. The peers evaluate the clauses named in
`CLAUSES`, in the way that is fastest for each: Cedar with its policies parsed once and all licenses loaded as entities
once, Casbin with the terms as objects beside a compiled matcher. The gate evaluates all of its clauses, these among them,
and reports every reason; Cedar names the policies that forbade, Casbin says no.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

from twinbook.domain.consent import Consent, Edit, Part, Person, Talent
from twinbook.domain.gate import Allow, Dossier, Request, decide
from twinbook.domain.license import License, Split
from twinbook.domain.money import Money
from twinbook.domain.paper import Paper, Signed
from twinbook.domain.party import Role
from twinbook.domain.permit import Act
from twinbook.domain.policy import Law
from twinbook.keys.signatures import KeyFile, verify
from twinbook.law import load

PEERS = ["cedarpy", "casbin", "simpleeval", "wcmatch", "bracex"]
QUICK = os.environ.get("QUICK") == "1"
LICENSES = 4_000 if QUICK else 100_000
DECISIONS = 2_000 if QUICK else 10_000
ROUNDS = 3
GOAL = 5.0
SEED = 20261122
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CHANNELS = ("web", "instagram", "tiktok", "print", "outdoor")
TERRITORIES = ("SE", "DE", "FR", "DK", "NO", "ES", "IT", "NL", "PL", "FI")
CONTEXTS = ("fur", "tobacco", "politics", "lingerie", "alcohol", "gambling", "summer", "winter", "sport", "office")
BRANDS = tuple(f"brand-{n}" for n in range(10))
# The clauses that the peers evaluate, by the code that the gate gives for each.
CLAUSES = ("license.channel", "license.territory", "consent.never", "license.expired", "consent.fee_floor")


@dataclass(frozen=True)
class Case:
    """One decision to make: what is asked, and the licenses that could allow it."""

    request: Request
    candidates: tuple[int, ...]


@dataclass(frozen=True)
class World:
    """``licenses`` and ``consents`` are the papers; ``on_file`` is each license's dossier."""

    licenses: list[Paper]
    on_file: list[Dossier]
    cases: list[Case]


def make_world(count: int, decisions: int) -> World:
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        talent_key, brand_key = (KeyFile.make(Path(folder) / name) for name in ("talent", "brand"))
    licenses, on_file = [], []
    consent = None
    for number in range(count):
        if number % (2 * len(BRANDS)) == 0:
            consent = _signed(_consent(f"talent-{number}", chance), {Role.TALENT: talent_key})
        paper = _signed(
            _license(consent, BRANDS[number % len(BRANDS)], chance), {Role.TALENT: talent_key, Role.BRAND: brand_key}
        )
        licenses.append(paper)
        on_file.append(Dossier(consent, paper, images_this_month=3, twin_made=date(2026, 9, 1)))
    for dossier in on_file:  # loading is reading the terms and sorting the signatures, as the peers parse theirs
        dossier.license.faults(trusting)
    cases = [_case(on_file, chance) for _ in range(decisions)]
    return World(licenses, on_file, cases)


def _signed(terms: Consent | License, keys: dict[Role, KeyFile]) -> Paper:
    bare = Paper.of(terms)
    at = datetime(2026, 8, 1, tzinfo=UTC)
    signatures = tuple(
        Signed(key.sign(bare.message), key.registered(terms.signers()[role], role), at) for role, key in keys.items()
    )
    return replace(bare, signatures=signatures, drawn_at=at)


def _consent(talent: str, chance: random.Random) -> Consent:
    return Consent(
        talent=Talent(talent, "Mira Holm", date(1998, 3, 14)),
        agency=Person("nordlight", "Nordlight"),
        purpose="fashion images",
        parts=frozenset({Part.CAPTURE, Part.TEMPLATE, Part.GENERATE}),
        starts=date(2026, 8, 1),
        until=date(2027, 8, 1),
        channels=frozenset(CHANNELS),
        territories=frozenset(TERRITORIES),
        never=frozenset(chance.sample(CONTEXTS, 3)),
        min_fee=Money("EUR", chance.randrange(200, 500) * 100),
        max_images_per_month=40,
    )


def _license(consent: Paper, brand: str, chance: random.Random) -> License:
    terms: Consent = consent.terms
    return License(
        talent=Person(terms.talent.id, terms.talent.name),
        brand=Person(brand, brand),
        agency=terms.agency,
        consent=consent.digest,
        category="fashion",
        fee=Money("EUR", chance.randrange(200, 900) * 100),
        channels=frozenset(chance.sample(CHANNELS, 3)),
        territories=frozenset(chance.sample(TERRITORIES, 6)),
        starts=date(2026, 8, 1) + timedelta(days=chance.randrange(120)),
        term_days=chance.randrange(60, 200),
        split=Split(Fraction(20), {}),
    )


def _case(on_file: list[Dossier], chance: random.Random) -> Case:
    block = chance.randrange(len(on_file) // (2 * len(BRANDS))) * 2 * len(BRANDS)
    brand = chance.randrange(len(BRANDS))
    candidates = (block + brand, block + brand + len(BRANDS))
    first: License = on_file[candidates[0]].license.terms
    request = Request(
        Act.RENDER,
        first.talent.id,
        "a-shot",
        BRANDS[brand],
        channels=tuple(chance.sample(CHANNELS, chance.choice((1, 1, 2)))),
        territories=tuple(chance.sample(TERRITORIES, chance.choice((1, 1, 2)))),
        contexts=("fashion", *chance.sample(CONTEXTS, chance.choice((0, 1)))),
        edits=(Edit.MINOR, Edit.RECOLOR),
    )
    return Case(request, candidates)


# --- the engines: each answers, for a case, whether any candidate allows it ---------------------------------------

Decide = Callable[[int], bool]


def gate(world: World, law: Law, check: Callable) -> Decide:
    asked = [
        [(replace(case.request, fee=world.licenses[i].terms.fee), world.on_file[i]) for i in case.candidates]
        for case in world.cases
    ]

    def answer(number: int) -> bool:
        allowed = False
        for request, dossier in asked[number]:
            allowed |= isinstance(decide(request, dossier, law, check, NOW), Allow)
        return allowed

    return answer


CEDAR_POLICIES = """
permit(principal, action, resource);
@id("license.channel") forbid(principal, action, resource) unless { resource.channels.containsAll(context.channels) };
@id("license.territory") forbid(principal, action, resource) unless { resource.territories.containsAll(context.territories) };
@id("consent.never") forbid(principal, action, resource) when { resource.never.containsAny(context.contexts) };
@id("license.expired") forbid(principal, action, resource)
  unless { resource.starts <= context.today && context.today <= resource.ends };
@id("consent.fee_floor") forbid(principal, action, resource) when { resource.fee < resource.floor };
"""


def cedar(world: World) -> Decide:
    import cedarpy

    policies = cedarpy.PolicySet.from_str(CEDAR_POLICIES)
    entities = [
        {"uid": {"type": "License", "id": str(number)}, "attrs": _terms(dossier), "parents": []}
        for number, dossier in enumerate(world.on_file)
    ]
    loaded = cedarpy.Entities.from_json_str(json.dumps(entities))
    # As the first look found: with many entities loaded it can be quicker to hand over the one that matters.
    asked = [[_cedar_request(case.request, str(i)) for i in case.candidates] for case in world.cases]
    few = [cedarpy.Entities.from_json_str(json.dumps([entities[i] for i in case.candidates])) for case in world.cases]
    fastest = min((_seconds(asked, policies, lambda _: loaded), 0), (_seconds(asked, policies, few.__getitem__), 1))[1]

    def answer(number: int) -> bool:
        allowed = False
        for request in asked[number]:
            found = cedarpy.is_authorized(request, policies, few[number] if fastest else loaded)
            if found.diagnostics.errors:  # a forbid that errs is skipped: never an allow
                raise ValueError(found.diagnostics.errors)
            allowed |= found.decision is cedarpy.Decision.Allow
        return allowed

    return answer


def _seconds(asked: Sequence, policies, entities: Callable) -> float:
    import cedarpy

    start = time.perf_counter()
    for number in range(0, 200):
        for request in asked[number]:
            cedarpy.is_authorized(request, policies, entities(number))
    return time.perf_counter() - start


def _cedar_request(request: Request, license: str) -> dict:
    return {
        "principal": {"type": "Brand", "id": request.brand},
        "action": {"type": "Action", "id": "render"},
        "resource": {"type": "License", "id": license},
        "context": {
            "channels": list(request.channels),
            "territories": list(request.territories),
            "contexts": list(request.contexts),
            "today": NOW.date().toordinal(),
        },
    }


def _terms(dossier: Dossier) -> dict:
    license, consent = dossier.license.terms, dossier.consent.terms
    return {
        "channels": sorted(license.channels),
        "territories": sorted(license.territories),
        "never": sorted(consent.never),
        "starts": license.starts.toordinal(),
        "ends": license.ends.toordinal(),
        "fee": license.fee.minor,
        "floor": consent.floor().minor,
    }


CASBIN_MODEL = """
[request_definition]
r = ask, lic
[policy_definition]
p = act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.ask.act == p.act && within(r.ask.channels, r.lic.channels) && within(r.ask.territories, r.lic.territories) \
&& apart(r.ask.contexts, r.lic.never) && r.lic.starts <= r.ask.today && r.ask.today <= r.lic.ends && r.lic.fee >= r.lic.floor
"""


class Attributes:
    def __init__(self, **values: object) -> None:
        self.__dict__.update(values)


def casbin(world: World) -> Decide:
    import casbin as peer

    model = peer.Model()
    model.load_model_from_text(CASBIN_MODEL)
    enforcer = peer.Enforcer(model)
    enforcer.add_function("within", lambda some, allowed: some <= allowed)
    enforcer.add_function("apart", lambda some, never: some.isdisjoint(never))
    enforcer.add_policy("render")
    terms = [
        Attributes(**{k: frozenset(v) if isinstance(v, list) else v for k, v in _terms(dossier).items()})
        for dossier in world.on_file
    ]
    asked = [
        Attributes(
            act="render",
            channels=frozenset(case.request.channels),
            territories=frozenset(case.request.territories),
            contexts=frozenset(case.request.contexts),
            today=NOW.date().toordinal(),
        )
        for case in world.cases
    ]

    def answer(number: int) -> bool:
        allowed = False
        for i in world.cases[number].candidates:
            allowed |= enforcer.enforce(asked[number], terms[i])
        return allowed

    return answer


# --- measuring ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Timing:
    name: str
    per_second: float
    p99_us: float
    answers: tuple[bool, ...]


def trusting(message: bytes, signature: object, key: object) -> bool:
    """Stands for signatures that were checked before; the rest of each paper is held against its rules as ever."""
    return True


def run_once(answer: Decide, numbers: range) -> tuple[float, list[int], list[bool]]:
    took, answers = [], []
    start = time.perf_counter()
    for number in numbers:
        before = time.perf_counter_ns()
        answers.append(answer(number))
        took.append(time.perf_counter_ns() - before)
    return len(numbers) / (time.perf_counter() - start), took, answers


def measure(engines: dict[str, Decide], numbers: range) -> dict[str, Timing]:
    """Round by round, every engine in turn, so that a busy spell hits all alike; medians over the rounds."""
    rounds: dict[str, list[tuple[float, list[int], list[bool]]]] = {name: [] for name in engines}
    for _ in range(ROUNDS):
        for name, answer in engines.items():
            rounds[name].append(run_once(answer, numbers))
    found = {}
    for name, runs in rounds.items():
        p99 = statistics.median(statistics.quantiles(took, n=100)[98] for _, took, _ in runs)
        found[name] = Timing(name, statistics.median(rate for rate, _, _ in runs), p99 / 1000, tuple(runs[0][2]))
    return found


def main() -> int:
    print(
        f"{LICENSES} licenses, {DECISIONS} decisions with 2 candidates each, {ROUNDS} rounds; clauses: {', '.join(CLAUSES)}"
    )
    world = make_world(LICENSES, DECISIONS)
    engines: dict[str, Decide] = {"twinbook gate": gate(world, Law(()), trusting)}
    for name, make in (("cedarpy", cedar), ("casbin", casbin)):
        try:
            engines[f"{name} {importlib.metadata.version(name)}"] = make(world)
        except ImportError as error:
            print(f"{name} is not there: {error}", file=sys.stderr)
    found = measure(engines, range(DECISIONS))
    extra = {
        "twinbook gate, law packs": gate(world, load(), trusting),
        "twinbook gate, law packs, signatures": gate(world, load(), verify),
    }
    found |= measure(extra, range(min(DECISIONS, 2_000)))
    print(f"{'engine':40} {'decisions/s':>12} {'p99, µs':>9}  allowed")
    for timing in found.values():
        allowed = sum(timing.answers) / len(timing.answers)
        print(f"{timing.name:40} {timing.per_second:12,.0f} {timing.p99_us:9.0f}  {allowed:.0%}")
    ours, *others = (found[name] for name in engines)
    if not others:
        print("figure: gate ratio = not measured (no peers) short")
        return 1
    agree = sum(all(other.answers[i] == answer for other in others) for i, answer in enumerate(ours.answers))
    ratio = ours.per_second / max(other.per_second for other in others)
    print(
        f"figure: gate agreement = {agree}/{DECISIONS} (goal {DECISIONS}/{DECISIONS}) {'ok' if agree == DECISIONS else 'short'}"
    )
    print(f"figure: gate ratio to the faster peer = {ratio:.1f} (goal {GOAL}) {'ok' if ratio >= GOAL else 'short'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
