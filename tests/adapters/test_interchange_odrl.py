"""ODRL policies: whole, exact, in the terms of the standard, and strict in what is read."""

import json
import re
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner
from generated_rights import CONSENTS, LICENSES
from hypothesis import given
from hypothesis import strategies as st
from pyld import jsonld

from twinbook import interchange, testing
from twinbook.cli import commands
from twinbook.domain.canonical import canonical
from twinbook.domain.consent import Approval, Edit, Part, Person
from twinbook.domain.errors import InputError, Refused
from twinbook.domain.license import Exclusivity, Renewal
from twinbook.domain.mandate import Mandate
from twinbook.domain.money import Money
from twinbook.domain.party import PaperKind, Role
from twinbook.domain.revocation import Grounds
from twinbook.interchange import policy, read_policy, strict_json, vocabulary
from twinbook.services import exchange, revoke, sign

ROOT = Path(__file__).resolve().parents[2]
ODRL_CONTEXT = json.loads((ROOT / "tests/vectors/odrl/ODRL22.jsonld").read_text())
PROFILE = json.loads((ROOT / "src/twinbook/interchange/profile.jsonld").read_text())
ODRL = "http://www.w3.org/ns/odrl/2/"
# What terms expand to may come from these besides ODRL and the profile itself.
OTHERS = (
    "http://purl.org/dc/terms/",
    "http://www.w3.org/2006/vcard/ns#",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#value",
    "http://www.w3.org/2001/XMLSchema#",
)


@pytest.fixture
def papers(office, people, photos):
    """Mira's consent and license as objects of an office where both sides have signed."""
    planned = testing.campaign(photos)
    people.sign_all(office, planned)
    return sign.draw_papers(office, planned)["mira"]


@pytest.fixture
def license(papers):
    return papers[1].terms


@pytest.fixture
def consent(papers):
    return papers[0].terms


# --- exact


@given(st.one_of(LICENSES, CONSENTS), st.booleans())
def test_reading_is_the_inverse_of_writing(terms, bound):
    written = policy(terms, bound)
    assert read_policy(json.loads(json.dumps(written))) == terms
    assert interchange.parse(json.dumps(written).encode()) == written


@given(LICENSES, LICENSES)
def test_two_licenses_never_make_one_policy(one, other):
    assert (policy(one) == policy(other)) == (one == other)


@given(st.one_of(LICENSES, CONSENTS), st.randoms(use_true_random=False))
def test_order_says_nothing(terms, chance):
    def shuffled(value):
        if isinstance(value, dict):
            items = [(name, shuffled(inner)) for name, inner in value.items()]
            chance.shuffle(items)
            return dict(items)
        if isinstance(value, list):
            return chance.sample([shuffled(inner) for inner in value], len(value))
        return value

    written = policy(terms, bound=True)
    assert read_policy(shuffled(written) | {"@context": written["@context"]}) == terms


# --- what it says, in the standard's terms


def loader(url, _options=None):
    assert url == vocabulary.ODRL_CONTEXT, f"{url} would be fetched"
    return {"contentType": "application/ld+json", "contextUrl": None, "documentUrl": url, "document": ODRL_CONTEXT}


def expanded(terms):
    return jsonld.expand(policy(terms, bound=True), {"documentLoader": loader})


def iris(value):
    """Everything in an expanded document that is a term and not a name of somebody's."""
    if isinstance(value, list):
        return set().union(*(iris(item) for item in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found = {name for name in value if not name.startswith("@")}
    found |= set(value.get("@type", [])) if isinstance(value.get("@type"), list) else {value.get("@type")} - {None}
    if set(value) == {"@id"} and value["@id"].startswith((ODRL, vocabulary.PROFILE)):
        found.add(value["@id"])
    return found.union(*(iris(inner) for inner in value.values()))


ODRL_TERMS = {
    (meaning if isinstance(meaning, str) else meaning["@id"]).replace("odrl:", ODRL)
    for meaning in ODRL_CONTEXT["@context"].values()
    if str(meaning if isinstance(meaning, str) else meaning["@id"]).startswith("odrl:")
}
PROFILE_TERMS = {node["@id"].replace("twb:", vocabulary.PROFILE) for node in PROFILE["@graph"]}


@given(st.one_of(LICENSES, CONSENTS))
def test_every_term_is_one_of_odrl_or_of_the_profile(terms):
    (node,) = expanded(terms)
    for iri in iris([node]):
        if iri.startswith(ODRL):
            assert iri in ODRL_TERMS, iri
        elif iri.startswith(vocabulary.PROFILE + "territory/"):
            continue
        elif iri.startswith(vocabulary.PROFILE):
            assert iri in PROFILE_TERMS, iri
        else:
            assert iri.startswith(OTHERS), iri


def test_no_member_gets_lost_on_the_way_to_rdf(license, consent):
    """A member whose name had no meaning in the context would silently fall out of the graph."""
    for terms in (license, consent):
        written = json.dumps(policy(terms, bound=True))
        graph = json.dumps(expanded(terms))
        for name in ("twb:document", "twb:party", "permission", "prohibition", "obligation", "refinement", "unit"):
            assert written.count(f'"{name}"') == graph.count(f'{name.replace("twb:", vocabulary.PROFILE)}"'), name


def one_rule(rules, action):
    return next(r for r in rules if action in (r["action"], *(r["action"] if isinstance(r["action"], list) else ())))


def operands(rule):
    return {(c["leftOperand"], c["operator"]): c["rightOperand"] for c in rule["constraint"]}


def test_a_license_is_an_agreement_between_her_and_the_brand(license):
    made = policy(license, bound=True)
    assert (made["@type"], made["conflict"], made["profile"]) == ("Agreement", "prohibit", vocabulary.PROFILE)
    assert made["uid"] == "urn:sha256:" + interchange.odrl.digest(license.document())
    for rule in (*made["permission"], *made["prohibition"]):
        assert (rule["assigner"], rule["assignee"]) == ("urn:twinbook:talent:mira", "urn:twinbook:brand:tvaton")
    showing = operands(one_rule(made["permission"], "display"))
    assert showing["dateTime", "lteq"] == {"@value": f"{license.ends.isoformat()}Z", "@type": "xsd:date"}
    assert showing["twb:channel", "isAnyOf"] == ["instagram", "web"]
    assert showing["spatial", "isAnyOf"] == [{"@id": "twb:territory/SE"}]
    assert {rule["action"] for rule in made["prohibition"]} == {"grantUse", "twb:process", "twb:trainModels"}
    assert one_rule(made["permission"], "derive")["output"] == one_rule(made["permission"], "display")["target"]


def test_what_she_gave_besides_is_said(license):
    sold = Exclusivity("", frozenset(), frozenset({"SE"}), frozenset({"zandra"}), date(2026, 6, 1), date(2026, 12, 1))
    more = replace(license, sublicensees=frozenset({"Tvaton Norge"}), exclusive=sold, trains_models=True, max_images=9)
    made = policy(more)
    assert operands(one_rule(made["permission"], "grantUse")) == {("recipient", "isAnyOf"): ["Tvaton Norge"]}
    assert operands(one_rule(made["prohibition"], "grantUse")) == {("recipient", "isNoneOf"): ["Tvaton Norge"]}
    assert operands(one_rule(made["permission"], "derive"))["count", "lteq"] == 9
    duty = one_rule(made["obligation"], "ensureExclusivity")
    assert duty["assignee"] == "urn:twinbook:talent:mira"
    assert ("twb:category", "eq") not in operands(duty)
    assert operands(duty)["twb:competitor", "isAnyOf"] == [{"@id": "urn:twinbook:brand:zandra"}]
    assert not any(rule["action"] == "twb:trainModels" for rule in made["prohibition"])


def test_a_consent_is_an_offer_and_grants_nobody_anything(consent):
    made = policy(replace(consent, approval=Approval.IMAGE, day_rate=Money.parse("1800 EUR")), bound=True)
    assert made["@type"] == "Offer"
    assert "assignee" not in json.dumps(made)
    assert {r["action"] for r in made["permission"] if isinstance(r["action"], str)} == {
        "twb:capture",
        "twb:template",
        "derive",
    }
    assert {"twb:train", "twb:monitor", "use"} == {rule["action"] for rule in made["prohibition"]}
    never = [operands(rule) for rule in made["prohibition"] if rule["action"] == "use"]
    assert never == [{("twb:context", "isAnyOf"): ["fur", "tobacco"]}] * 2  # of the twin, and of the images
    assert [d["action"] for d in one_rule(made["permission"], "display")["duty"]][-1] == "obtainConsent"


def test_other_papers_have_no_policy(license):
    mandate = Mandate(
        *(license.talent, Person("nordlight", "Nordlight"), frozenset(), frozenset(), frozenset(), frozenset()),
        *(frozenset(), license.fee, 90, 9, date(2026, 1, 1), date(2026, 2, 1)),
    )
    with pytest.raises(InputError, match=r"interchange\.unsupported"):
        policy(mandate)
    with pytest.raises(InputError, match=r"interchange\.unsupported"):
        policy(replace(license, uses="\ud800"))


# --- strict


def changed(made, change):
    made = json.loads(json.dumps(made))  # no part of it shared
    change(made)
    return made


def set_at(*path, to):
    def change(made):
        for step in path[:-1]:
            made = made[step]
        made[path[-1]] = to

    return change


def drop(*path):
    def change(made):
        for step in path[:-1]:
            made = made[step]
        del made[path[-1]]

    return change


EVERYBODY = [{"leftOperand": "dateTime", "operator": "gteq", "rightOperand": {"@id": "odrl:policyUsage"}}]
UNSUPPORTED = {
    "inherits": (set_at("inheritFrom", to="urn:sha256:00"), "$.inheritFrom"),
    "another context": (set_at("@context", to="https://evil.example/odrl.jsonld"), "$['@context']"),
    "a context of one's own": (set_at("@context", 1, "display", to="odrl:sell"), "$['@context']"),
    "a context within": (set_at("permission", 0, "@context", to={}), "$.permission[0]['@context']"),
    "permissions win": (set_at("conflict", to="perm"), "$.conflict"),
    "another profile": (set_at("profile", to="http://www.iptc.org/std/RightsML/"), "$.profile"),
    "several profiles": (set_at("profile", to=[vocabulary.PROFILE]), "$.profile"),
    "a ticket": (set_at("@type", to="Ticket"), "$['@type']"),
    "two assignees": (set_at("permission", 0, "assignee", to=["urn:a", "urn:b"]), "$.permission[0].assignee"),
    "two targets": (set_at("permission", 1, "target", to=["urn:a"]), "$.permission[1].target"),
    "another action": (set_at("permission", 0, "action", to="sell"), "$.permission[0].action"),
    "one action more": (set_at("permission", 1, "action", 0, to="odrl:transfer"), "$.permission[1].action"),
    "a refined sale": (
        set_at("obligation", 0, "action", 0, "rdf:value", to={"@id": "odrl:sell"}),
        "$.obligation[0].action[0]['rdf:value']",
    ),
    "alternatives": (
        set_at("permission", 0, "constraint", 0, "xone", to={"@list": []}),
        "$.permission[0].constraint[0].xone",
    ),
    "a value from elsewhere": (
        set_at("permission", 0, "constraint", 0, "rightOperandReference", to="https://evil.example/"),
        "$.permission[0].constraint[0].rightOperandReference",
    ),
    "another operator": (
        set_at("permission", 0, "constraint", 0, "operator", to="neq"),
        "$.permission[0].constraint[0].operator",
    ),
    "an unknown operand": (
        set_at("permission", 0, "constraint", 0, "leftOperand", to="__import__('os')"),
        "$.permission[0].constraint[0].leftOperand",
    ),
    "a remedy": (set_at("prohibition", 0, "remedy", to=[]), "$.prohibition[0].remedy"),
    "a mandate": (set_at("twb:document", to="twinbook.mandate/1"), "$['twb:document']"),
}
MALFORMED = {
    "no end": (drop("twb:termDays"), "$['twb:termDays']"),
    "an end that isn't one": (set_at("twb:noEnd", to=False), "$['twb:noEnd']"),
    "both": (set_at("twb:noEnd", to=True), "$['twb:noEnd']"),
    "no last day in one rule": (drop("permission", 0, "constraint", 1), "$.permission[0].constraint"),
    "a later last day in one rule": (
        set_at("permission", 1, "constraint", 1, "rightOperand", "@value", to="9999-12-31Z"),
        "$.permission[1].constraint[1].rightOperand['@value']",
    ),
    "another fee": (
        set_at("obligation", 0, "action", 0, "refinement", 0, "rightOperand", "@value", to="1.00"),
        "$.uid",
    ),
    "a fee that isn't written as money is": (
        set_at("obligation", 0, "action", 0, "refinement", 0, "rightOperand", "@value", to="450"),
        "$",
    ),
    "no brand": (drop("twb:party", 2), "$['twb:party']"),
    "another brand in one rule": (
        set_at("permission", 0, "assignee", to="urn:twinbook:brand:zandra"),
        "$.permission[0].assignee",
    ),
    "no prohibition to sublicense": (drop("prohibition", 0), "$.prohibition"),
    "said twice": (lambda made: made["permission"].append(made["permission"][0]), "$.permission[2]"),
    "an offer": (set_at("@type", to="Offer"), "$['@type']"),
    "no policy number": (drop("uid"), "$.uid"),
    "half an image": (set_at("twb:noticeDays", to=0.5), "$"),
    "no duty to label": (drop("permission", 1, "duty"), "$.permission[1].duty"),
    "no list": (set_at("permission", to={}), "$.permission"),
    "no rules": (set_at("permission", to=[None]), "$.permission"),
    "deep": (set_at("twb:uses", to=json.loads("[" * 60 + "]" * 60)), "$"),
    "a name that isn't in its usual form": (
        set_at("twb:party", 0, "uid", to="urn:twinbook:talent:mir%61"),
        "$['twb:party']",
    ),
}


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_what_the_profile_does_not_say_is_refused_with_its_place(license, what):
    change, place = UNSUPPORTED[what]
    with pytest.raises(InputError) as refused:
        read_policy(changed(policy(license, bound=True), change))
    assert (refused.value.code, refused.value.diagnosis.partition(": ")[0]) == ("interchange.unsupported", place)


@pytest.mark.parametrize("what", MALFORMED)
def test_what_contradicts_itself_is_refused_with_its_place(license, what):
    change, place = MALFORMED[what]
    with pytest.raises(InputError) as refused:
        read_policy(changed(policy(license, bound=True), change))
    assert (refused.value.code, refused.value.diagnosis.partition(": ")[0]) == ("interchange.malformed", place)


def test_what_is_no_policy_is_refused():
    for value in (None, True, 0, 10**9999, "", "\ud800", {1: 2}, "policy", [], [{}], {}, {"@context": []}):
        with pytest.raises(InputError, match=r"^interchange\."):
            read_policy(value)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"\xff", b'{"uid":1,"uid":1}', b'{"a":{"b":1,"b":2}}', b"NaN", b"[1.0]", b"[1e2]", b"-Infinity"),
        *(b"[" * 200_000, b"9" * 5000, b'"\\ud800"', b"\xef\xbb\xbf{}", b"[9007199254740993]"),
        b'"' + b"x" * (1 << 20) + b'"',
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_can_be_read_in_two_ways_is_not_read(data):
    with pytest.raises(InputError, match=r"^interchange\.malformed"):
        interchange.parse(data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_what_is_whole_is_what_has_a_canonical_form(value):
    try:
        strict_json.whole(value)
    except InputError as refused:
        if "nested" not in refused.diagnosis:
            with pytest.raises(ValueError):  # noqa: PT011
                canonical(value)
    else:
        assert canonical(value)


def test_terms_that_the_gate_refuses_are_read_as_what_they_say(license, consent):
    for terms in (
        replace(license, term_days=None, renewal=Renewal.AUTOMATIC),
        replace(consent, until=None, power_of_attorney="the agency", parts=frozenset(Part), edits=frozenset(Edit)),
        replace(consent, parts=frozenset(), channels=frozenset(), min_fee_percent=Fraction(100, 3)),
    ):
        assert read_policy(policy(terms)) == terms


# --- the profile


def test_the_profile_has_every_term_that_is_used_and_no_other():
    source = "".join(
        (ROOT / "src/twinbook/interchange" / name).read_text() for name in ("vocabulary.py", "odrl.py", "credential.py")
    )
    used = set(re.findall(r"\"(twb:[A-Za-z]+)", source)) | {"twb:LicenseCredential", "twb:ConsentCredential"}
    defined = {node["@id"] for node in PROFILE["@graph"]} - {"twb:"}
    assert used == defined
    page = (ROOT / "docs/reference/odrl-profile.md").read_text(encoding="utf-8")
    for node in PROFILE["@graph"][1:]:
        assert f"| `{node['@id']}` | {node['definition']} |" in page
    assert vocabulary.PROFILE in page


def test_the_profile_is_json_ld_and_adopts_what_is_used_of_odrl():
    def nothing(url, _options=None):
        raise AssertionError(url)

    nodes = jsonld.expand(PROFILE, {"documentLoader": nothing})
    assert {node["@id"] for node in nodes} == PROFILE_TERMS
    assert PROFILE["@context"]["twb"] == vocabulary.PROFILE
    adopted = {term.removeprefix("odrl:") for term in PROFILE["@graph"][0]["adopts"]}
    assert {ODRL + term for term in adopted} <= ODRL_TERMS
    used = vocabulary._ACTIONS | vocabulary._OPERANDS
    assert {term for term in used if not term.startswith("twb:")} <= adopted | {"use"}  # use is of the core


# --- at work


def test_terms_are_exported_for_what_they_are(office, papers, people, clock):
    consent, license = papers
    assert exchange.export(office, consent.digest)["@type"] == "Offer"
    assert exchange.export(office, license.digest)["@type"] == "Agreement"
    draft = exchange.file_draft(office, replace(license.terms, fee=Money.parse("500 EUR")))
    assert exchange.export(office, draft.digest)["@type"] == "Set"
    asked = revoke.revocation(
        office,
        "mira",
        [consent.digest],
        parts=frozenset(),
        grounds=Grounds.WITHDRAWN,
        statement="",
        by=Role.TALENT,
        party="mira",
    )
    signature = people.key("mira").sign(sign.Paper.of(asked).message)
    revoke.revoke(office, asked.document(), signature)
    for paper in papers:
        assert exchange.export(office, paper.digest)["@type"] == "Set"
        with pytest.raises(Refused, match=r"consent\.revoked"):
            exchange.export(office, paper.digest, "credential")


def test_a_proposal_comes_in_as_a_draft_that_can_be_signed(office, papers, people, license):
    proposal = json.dumps(policy(replace(license, fee=Money.parse("600 EUR")), bound=True)).encode()
    terms = exchange.import_terms(office, proposal)
    with office.unit() as unit:
        assert len(unit.papers.of("mira", PaperKind.LICENSE)) == 1  # nothing was filed
    paper = exchange.file_draft(office, terms)
    assert paper.unsigned_by(office.verify) == {Role.TALENT: "mira", Role.BRAND: "tvaton"}
    signed = sign.sign(office, paper.document, people.key("mira").sign(paper.message))
    assert list(signed.unsigned_by(office.verify)) == [Role.BRAND]
    assert exchange.file_draft(office, terms).digest == paper.digest


def test_drafts_about_strangers_are_not_filed(office, papers, license, consent):
    with pytest.raises(InputError, match=r"talent\.unknown"):
        exchange.file_draft(office, replace(license, talent=Person("eve", "Eve")))
    with pytest.raises(InputError, match=r"talent\.unknown"):
        exchange.file_draft(office, replace(license, talent=Person("tvaton", "Tvaton")))
    with pytest.raises(Refused, match=r"consent\.missing"):
        exchange.file_draft(office, replace(license, consent="0" * 64))
    with pytest.raises(InputError, match=r"interchange\.paper"):
        exchange.export(office, "0" * 64)


def test_the_commands(office, papers, tmp_path):
    run, home = CliRunner(), ["--home", str(tmp_path / "home")]

    def said(*words):
        done = run.invoke(commands, [*map(str, words), *home])
        if done.exception:
            raise done.exception
        return done.output

    digest, out, draft = papers[1].digest, tmp_path / "license.jsonld", tmp_path / "draft.json"
    assert json.loads(said("export", digest))["uid"] == f"urn:sha256:{digest}"
    assert "Agreement" in said("export", digest, "--out", out)
    assert digest in said("import", out, "--out", draft)
    assert json.loads(draft.read_text())["paper"] == papers[1].document
    assert f"twinbook sign {draft}" in said("import", out, "--file", "--out", draft)
    assert json.loads(said("import", out, "--json"))["sha256"] == digest
    out.write_bytes(b"[]")
    with pytest.raises(InputError, match=r"interchange\.malformed"):
        said("import", out)
