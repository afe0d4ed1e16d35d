"""Every law pack against its cases in tests/law/<pack>.toml: stories in terms of what people sign.

A case changes members of ordinary papers and names the rules that must find fault, all of them and no others of its
pack. A rule without a case that fails it and one that it holds in fails the test, and so does a pack without cases.
"""

import tomllib
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from twinbook import law
from twinbook.domain.consent import Consent, Part, Person, Talent
from twinbook.domain.errors import InputError
from twinbook.domain.license import License, Split
from twinbook.domain.money import Money
from twinbook.domain.policy import Law, Made, Reach, Severity, Subject, facts_of, look_up

CASES = Path(__file__).resolve().parents[1] / "law"
SHIPPED = law.load()
RULES = {rule.id: rule for pack in SHIPPED.packs for rule in pack.rules}
TODAY = date(2026, 11, 23)

CONSENT = Consent(
    talent=Talent("mira", "Mira Holm", date(1998, 3, 14)),
    agency=Person("nordlight", "Nordlight"),
    purpose="e-commerce and social media images for fashion brands",
    parts=frozenset({Part.CAPTURE, Part.TEMPLATE, Part.GENERATE}),
    starts=date(2026, 11, 22),
    until=date(2027, 12, 31),
    channels=frozenset({"web", "instagram"}),
    territories=frozenset({"SE", "DE", "US-NY"}),
    never=frozenset({"fur"}),
    min_fee=Money.parse("300 EUR"),
    max_images_per_month=40,
).document()
LICENSE = License(
    talent=Person("mira", "Mira Holm"),
    brand=Person("tvaton", "Tvaton"),
    agency=Person("nordlight", "Nordlight"),
    consent="0" * 64,
    category="knitwear",
    fee=Money.parse("450 EUR"),
    channels=frozenset({"instagram", "web"}),
    territories=frozenset({"SE"}),
    starts=date(2026, 11, 22),
    term_days=90,
    split=Split(Fraction(20), {"Ida Berg (hair)": Fraction(3)}),
).document()
USE = {"age": 28, "deceased": False, "hours_since_terms": 72, "days_unpaid": 0, "act": "render", "synthetic": False}


def read(name):
    return tomllib.loads((CASES / f"{name}.toml").read_text(encoding="utf-8"))


def changed(document, paper, changes):
    """The paper with the members of ``changes`` that are its own: ``"license.split.agency" = "25"``."""
    document = {**document, **({"split": dict(document["split"])} if "split" in document else {})}
    for path, value in changes.items():
        root, *inner, last = path.split(".")
        if root == paper:
            target = document
            for name in inner:
                target = target[name]
            # TOML has no null; "none" stands for it.
            target[last] = None if value == "none" else value
    return document


def facts(case):
    changes = case.get("terms", {})
    consent = Consent.from_document(changed(CONSENT, "consent", changes))
    license = License.from_document(changed(LICENSE, "license", changes))
    use = {key: None if value == "none" else value for key, value in (USE | case.get("use", {})).items()}
    return facts_of(consent, license, **use)


CASES_OF = [(pack.id, case) for pack in SHIPPED.packs if pack.rules for case in read(pack.id)["case"]]


def found(case, pack, on, packs=None):
    shown = case.get("territories", sorted(pack.covers))
    hits = Law(packs or [pack]).check(facts(case), case.get("based_in", ""), shown, on)
    return {hit.rule for hit in hits} - {"no-pack"}


def pack_of(name):
    return next(pack for pack in SHIPPED.packs if pack.id == name)


@pytest.mark.parametrize(("name", "case"), CASES_OF, ids=[f"{name}: {case['story']}" for name, case in CASES_OF])
def test_a_case_finds_what_it_says_and_nothing_else(name, case):
    assert case.keys() <= {"story", "terms", "use", "on", "territories", "based_in", "finds", "holds"}
    pack = pack_of(name)
    expected = {f"{name}.{rule}" for rule in case.get("finds", [])}
    assert found(case, pack, case.get("on", TODAY)) == expected


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_has_a_case_that_fails_it_and_one_that_it_holds_in(rule):
    name, _, short = rule.id.partition(".")
    cases = [case for pack, case in CASES_OF if pack == name]
    assert any(short in case.get("finds", []) for case in cases), "no case in which it finds fault"
    holding = [case for case in cases if short in case.get("holds", [])]
    assert holding, "no case in which it is met"
    for case in holding:
        terms = facts(case)
        assert all(condition.holds(terms) for condition in (*rule.when, *rule.require)), case["story"]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_speaks_from_its_day_on_and_not_before(rule):
    name, _, short = rule.id.partition(".")
    for pack, case in CASES_OF:
        if pack == name and short in case.get("finds", []):
            assert rule.id in found(case, pack_of(name), rule.since)
            assert rule.id not in found(case, pack_of(name), rule.since - timedelta(days=1))
            if rule.until:
                assert rule.id not in found(case, pack_of(name), rule.until + timedelta(days=1))


@pytest.mark.parametrize("pack", SHIPPED.packs, ids=[pack.id for pack in SHIPPED.packs])
def test_every_pack_was_reviewed_and_every_entry_has_a_source(pack):
    assert date(2026, 1, 1) < pack.reviewed <= TODAY
    assert pack.about
    assert pack.rules or pack.labels
    for entry in (*pack.rules, *pack.labels):
        assert entry.source
        assert entry.url.startswith("https://")
        assert entry.since


def test_what_is_in_force_or_kept_refuses():
    in_haste = {"use": {"hours_since_terms": 2}}
    kept = {hit.rule: hit for hit in SHIPPED.check(facts(in_haste), "", ["US-NY"], TODAY)}["us-ny.terms-24-hours"]
    assert kept.severity is Severity.ERROR
    assert "not confirmed; kept" in kept.reason.rests_on
    hits = SHIPPED.check(facts({}), "DK", ["DK"], TODAY)
    unconfirmed = [hit for hit in hits if "not confirmed to be in force" in hit.reason.rests_on]
    assert all(hit.severity is Severity.WARNING for hit in unconfirmed)
    greedy = SHIPPED.check(facts({"terms": {"license.split.agency": "25"}}), "", ["US-NY"], TODAY)
    commission = next(hit for hit in greedy if hit.rule == "us-ny.commission")
    assert commission.severity is Severity.ERROR
    assert commission.reason.code == "law.commission"
    assert commission.fact == "license.split.agency"
    assert "25 percent" in commission.reason.diagnosis


@pytest.mark.parametrize("territory", ["SE", "EU", "US-NY", "US-CA", "US-TN", "US-IL", "CN", "KR", "NO", "US", "WORLD"])
def test_ordinary_papers_are_refused_nowhere(territory):
    hits = SHIPPED.check(facts({}), "SE", [territory], TODAY)
    assert [hit.rule for hit in hits if hit.severity is Severity.ERROR] == []


def test_a_law_reaches_her_home_or_the_audience():
    rule = RULES["us-il.face-geometry"]
    assert rule.reach is Reach.TALENT
    careless = {"terms": {"consent.purpose": ""}, "territories": ["US-IL"]}
    assert rule.id not in found(careless, pack_of("us-il"), TODAY)
    assert rule.id in found(careless | {"based_in": "US-IL", "territories": ["SE"]}, pack_of("us-il"), TODAY)


def test_an_agreement_is_no_law_of_a_place():
    hits = SHIPPED.check(facts({}), "", ["US-TX"], TODAY)
    assert [hit.rule for hit in hits] == ["no-pack"]


def test_rules_about_papers_that_are_not_there_are_silent():
    consent = Consent.from_document(CONSENT)
    hits = SHIPPED.check(facts_of(consent), "US-NY", [], TODAY, (Subject.CONSENT, Subject.LICENSE))
    assert {RULES[hit.rule].subject for hit in hits if hit.rule in RULES} <= {Subject.CONSENT}
    alone = facts_of(None, License.from_document(LICENSE | {"language": "fr"}))
    assert "us-ny.language" not in {hit.rule for hit in SHIPPED.check(alone, "", ["US-NY"], TODAY)}


# --- labels -----------------------------------------------------------------------------------------------------

LABELS = read("labels")["case"]


@pytest.mark.parametrize("case", LABELS, ids=[case["story"] for case in LABELS])
def test_the_label_of_a_release(case):
    marks = SHIPPED.marks(
        case["territories"],
        case.get("channels", ["web"]),
        Made(case["made"]),
        case.get("on", TODAY),
        case.get("language", "en"),
    )
    assert marks.text == case["text"]
    assert marks.min_share == Fraction(case.get("min_percent", 0)) / 100
    assert marks.metadata == set(case.get("metadata", []))


def test_every_label_is_in_a_case_and_speaks_from_its_day_on():
    for pack in SHIPPED.packs:
        for label in pack.labels:
            for made in label.made:
                channels = label.channels or {"web"}
                on_the_day = Law([pack]).marks(pack.covers, channels, made, label.since)
                assert label.source in on_the_day.sources
                assert (
                    label.source
                    not in Law([pack]).marks(pack.covers, channels, made, label.since - timedelta(days=1)).sources
                )
                # The place alone, or with states and the Union's members, stands in one of the cases.
                assert any(
                    case["made"] == made and pack in SHIPPED.in_territory(territory)
                    for case in LABELS
                    for territory in case["territories"]
                ), f"{pack.id} {made}"


def test_the_european_label_speaks_all_languages_of_the_union():
    twins = [label for label in pack_of("eu").labels if Made.SYNTHETIC not in label.made]
    languages = "bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv"
    assert [" ".join(sorted(label.text)) for label in twins] == [languages, languages]


# --- adding a jurisdiction, and what a pack may not be ----------------------------------------------------------

LATVERIA = """
id = "lv-doom"
name = "Latveria"
covers = ["XL"]
status = "in force"
reviewed = 2026-11-22

[[rule]]
id = "short-terms"
topic = "term"
title = "Nobody's likeness is let for more than a month"
subject = "license"
since = 2026-01-01
source = "Edict 7, art. 3"
url = "https://example.org/edict-7"
require = [{ fact = "license.days", at_most = 31 }]
diagnosis = "the license runs for {license.days} days"
remedy = "agree a month"

[[label]]
made = ["generated"]
text = { en = "BY EDICT: AI GENERATED" }
min_share = "7.5 %"
since = 2026-01-01
source = "Edict 7, art. 4"
url = "https://example.org/edict-7"
"""


def test_adding_a_jurisdiction_is_one_file(tmp_path):
    assert "no-pack" in {hit.rule for hit in SHIPPED.check(facts({}), "", ["XL"], TODAY)}
    (tmp_path / "latveria.toml").write_text(LATVERIA, encoding="utf-8")
    wider = law.load(tmp_path)
    hits = {hit.rule: hit for hit in wider.check(facts({}), "", ["XL"], TODAY)}
    assert set(hits) == {"lv-doom.short-terms"}
    assert hits["lv-doom.short-terms"].reason.diagnosis == "the license runs for 90 days"
    marks = wider.marks(["XL"], ["web"], Made.GENERATED, TODAY)
    assert (marks.text, marks.min_share) == ("BY EDICT: AI GENERATED", Fraction(3, 40))


def test_a_pack_with_the_same_id_replaces_the_one_that_ships(tmp_path):
    (tmp_path / "ny.toml").write_text(LATVERIA.replace("lv-doom", "us-ny").replace("XL", "US-NY"), encoding="utf-8")
    wider = law.load(tmp_path)
    assert len(wider.packs) == len(SHIPPED.packs)
    assert {rule.id for pack in wider.in_territory("US-NY") for rule in pack.rules if pack.id == "us-ny"} == {
        "us-ny.short-terms"
    }


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('source = "Edict 7, art. 3"\n', "", "rule short-terms: source is missing"),
        ("since = 2026-01-01\nsource", "source", "since is missing"),
        ("reviewed = 2026-11-22\n", "", "reviewed is missing"),
        ('topic = "term"', 'topic = "terms"', "topic = 'terms' is not known"),
        ('topic = "term"', 'topic = "pack"', "topic = 'pack' is not known"),
        ('topic = "term"', 'topic = "no_pack"', "topic = 'no_pack' is not known"),
        ('subject = "license"', 'subject = "licence"', "subject = 'licence' is not known"),
        ('status = "in force"', 'status = "in effect"', "status = 'in effect' is not known"),
        ("at_most = 31", "atmost = 31", "there is no key 'atmost'"),
        ("at_most = 31", "at_most = 31, at_least = 1", "one thing of a fact"),
        ("at_most = 31", 'at_most = "31"', "can't be asked"),
        ("at_most = 31", "at_most = true", "can't be asked"),
        ('fact = "license.days"', 'fact = "license.dais"', "fact = 'license.dais' is not known"),
        ("{license.days}", "{license.dais}", "fact = 'license.dais' is not known"),
        ('subject = "license"', 'subject = "consent"', "can't look at license.days"),
        ('require = [{ fact = "license.days", at_most = 31 }]', "", "require is missing"),
        ('title = "Nobody', 'titel = "Nobody', "title is missing"),
        ('remedy = "agree a month"', 'remedy = "agree a month"\nseverity = "low"', "there is no key 'severity'"),
        ('covers = ["XL"]', 'covers = ["Latveria"]', "no territory"),
        ('covers = ["XL"]', "covers = []", "covers = []"),
        ('made = ["generated"]', 'made = ["painted"]', "'painted' is not known"),
        ('text = { en = "BY EDICT: AI GENERATED" }', "text = { en = 3 }", "no text in a language"),
        ('min_share = "7.5 %"', 'min_share = "much"', "no share"),
        ('https://example.org/edict-7"\nrequire', 'ftp://x"\nrequire', "no https address"),
        ("since = 2026-01-01\nsource", "since = 2026-01-01\nuntil = 2025-01-01\nsource", "until lies before since"),
        ('id = "short-terms"', 'id = "Short Terms"', "is no id"),
        ("[[label]]", "[[label", "latveria.toml"),
        ("at_most = 31", 'same_as = "license.dais"', "fact = 'license.dais' is not known"),
        ('fact = "license.days", at_most = 31', 'fact = "license.renewal", is = "never"', "is = 'never' is not known"),
    ],
)
def test_a_pack_that_is_not_understood_is_refused_whole(tmp_path, old, new, named):
    assert old in LATVERIA
    (tmp_path / "latveria.toml").write_text(LATVERIA.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        law.load(tmp_path)
    assert refused.value.code == "law.pack"
    assert "latveria.toml" in refused.value.diagnosis
    assert named in refused.value.diagnosis


def test_two_packs_or_rules_with_one_id_are_refused(tmp_path):
    (tmp_path / "one.toml").write_text(LATVERIA, encoding="utf-8")
    (tmp_path / "two.toml").write_text(LATVERIA, encoding="utf-8")
    with pytest.raises(InputError, match="another pack"):
        law.load(tmp_path)
    (tmp_path / "two.toml").unlink()
    rule = LATVERIA[LATVERIA.index("[[rule]]") : LATVERIA.index("[[label]]")]
    (tmp_path / "one.toml").write_text(LATVERIA + rule, encoding="utf-8")
    with pytest.raises(InputError, match="two rules"):
        law.load(tmp_path)


def test_a_folder_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        law.load(tmp_path / "nowhere")


def test_slots_of_every_diagnosis_are_filled():
    for pack in SHIPPED.packs:
        for rule in pack.rules:
            for name in law._SLOT.findall(rule.diagnosis):
                assert look_up(facts({}), name) is not None or name == "consent.power_of_attorney", rule.id
