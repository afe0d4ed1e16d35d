"""`twinbook law check` and `law list`: findings at the line they come from."""

import json
from datetime import date
from fractions import Fraction

import pytest
from click.testing import CliRunner

from twinbook.cli import commands
from twinbook.cli.law import _json_lines
from twinbook.domain.consent import Consent, Part, Representation, Talent
from twinbook.domain.errors import InputError
from twinbook.domain.license import License, Person, Split
from twinbook.domain.mandate import Mandate
from twinbook.domain.money import Money

CAMPAIGN = """\
[[talent]]
id = "mira"
name = "Mira Holm"
born = 1998-03-14
photos = "photos/mira"
based_in = "US-NY"
language = "sv"

[[talent]]
id = "sami"
name = "Sami Okoro"
born = 1996-09-02
photos = "photos/sami"

[consent]
purpose = "e-commerce images"
parts = ["capture", "generate"]
until = 2027-12-31
channels = ["web"]
territories = ["DE"]
min_fee_per_image = "0 EUR"
max_images_per_month = 40

[license]
brand = "Tvaton"
category = "knitwear"
fee_per_image = "450 EUR"
channels = ["web"]
territories = ["US-NY"]
term_days = 1200   # more than three years
split = { agency = 25 }

[[shot]]
talents = ["mira"]
scene = "studio:sand"
formats = ["web-3x4"]
"""


@pytest.fixture
def campaign(tmp_path):
    file = tmp_path / "campaign.toml"
    file.write_text(CAMPAIGN, encoding="utf-8")
    return file


def run(*arguments):
    return CliRunner().invoke(commands, ["law", *map(str, arguments)])


def test_findings_stand_at_their_lines_with_remedy_rule_and_source(campaign):
    result = run("check", campaign, "--on", "2026-11-23")
    assert result.exit_code == 1
    out = result.output.splitlines()
    at = out.index(
        f"{campaign}:31: license.split.agency: the agency takes 25 percent of the fee, and 20 is the most [law.commission]"
    )
    assert out[at + 1] == "    error: lower the agency's share to 20 percent or less"
    assert out[at + 2] == "    us-ny.commission: N.Y. Labor Law § 1035(7)"
    heads = [line for line in out if line.startswith(str(campaign))]
    assert [head.split(":")[1] for head in heads] == sorted((head.split(":")[1] for head in heads), key=int)
    assert any(f"{campaign}:30: license.term_days: the license runs for 1200 days" in head for head in heads)
    assert sum(":21: consent.min_fee_per_image:" in head for head in heads) == 1  # both talents', told once
    assert out[-1] == f"3 errors, no warnings in {campaign} for DE, US-NY on 2026-11-23; this is not legal advice"


def test_the_day_and_the_territory_decide(campaign):
    before = run("check", campaign, "--on", "2025-06-18", "--territory", "US-NY")
    assert before.exit_code == 0
    assert before.output.startswith("no errors, no warnings")
    abroad = run("check", campaign, "--on", "2026-11-23", "--territory", "SE")
    assert "us-ny.commission" in abroad.output  # she lives in New York
    nowhere = run("check", campaign, "--on", "2026-11-23", "--territory", "BR")
    assert "license.territories: the law of BR isn't known here" in nowhere.output


def test_json_holds_the_same(campaign):
    result = run("check", campaign, "--on", "2026-11-23", "--json")
    assert result.exit_code == 1
    data = json.loads(result.output)
    assert (data["errors"], data["warnings"], data["territories"]) == (3, 0, ["DE", "US-NY"])
    commission = next(item for item in data["findings"] if item["rule"] == "us-ny.commission")
    assert (commission["line"], commission["key"], commission["severity"]) == (31, "license.split.agency", "error")
    assert commission["code"] == "law.commission"


def test_a_person_is_found_by_her_number(campaign):
    agency = CAMPAIGN.replace('photos = "photos/sami"', 'photos = "photos/sami"\nagency = "Nordlight"')
    campaign.write_text(agency, encoding="utf-8")
    result = run("check", campaign, "--on", "2026-11-23")
    assert f"{campaign}:14: talent[2].agency: look up whether Nordlight is registered" in result.output


def test_a_packs_fault_and_a_strange_territory_are_wrong_input(campaign, tmp_path, monkeypatch):
    assert run("check", campaign, "--territory", "Sweden").exit_code == 2
    (tmp_path / "bad.toml").write_text('id = "bad"\n', encoding="utf-8")
    monkeypatch.setenv("TWINBOOK_LAW", str(tmp_path))
    result = run("check", campaign)
    assert isinstance(result.exception, InputError)
    assert result.exception.code == "law.pack"


def a_consent():
    return Consent(
        talent=Talent("mira", "Mira Holm", date(1998, 3, 14)),
        agency=None,
        purpose="e-commerce images",
        parts=frozenset({Part.CAPTURE, Part.GENERATE}),
        starts=date(2026, 11, 22),
        until=None,
        channels=frozenset({"web"}),
        territories=frozenset({"US-NY"}),
        never=frozenset(),
        min_fee=Money.parse("300 EUR"),
        max_images_per_month=40,
        representation=Representation.BUNDLED,
    )


def test_a_consent_on_paper(tmp_path):
    file = tmp_path / "consent-mira.json"
    text = json.dumps({"paper": a_consent().document(), "sha256": "0"}, indent=1)
    file.write_text(text, encoding="utf-8")
    result = run("check", file, "--on", "2026-11-23")
    assert result.exit_code == 1
    line = 1 + next(i for i, row in enumerate(text.splitlines()) if '"representation"' in row)
    assert f"{file}:{line}: consent.representation: the consent is bundled" in result.output
    assert "us-ny.duration" in result.output
    assert "2 errors, no warnings" in result.output


def test_a_license_on_paper_is_judged_by_what_it_says_alone(tmp_path):
    license = License(
        talent=Person("mira", "Mira Holm"),
        brand=Person("tvaton", "Tvaton"),
        agency=None,
        consent="0" * 64,
        category="knitwear",
        fee=Money.parse("450 EUR"),
        channels=frozenset({"web"}),
        territories=frozenset({"US-NY"}),
        starts=date(2026, 11, 22),
        term_days=None,
        split=Split(Fraction(41, 2), {}),
        language="fr",
    )
    file = tmp_path / "license.json"
    text = json.dumps(license.document(), indent=1)  # without a cover, too
    file.write_text(text, encoding="utf-8")
    result = run("check", file, "--on", "2026-11-23", "--json")
    data = json.loads(result.output)
    rows = text.splitlines()
    found = {item["rule"]: rows[item["line"] - 1].strip() for item in data["findings"]}
    assert found["us-ny.commission"].startswith('"agency": "41/2"')
    assert found["us-ny.contract-term"].startswith('"term_days"')
    assert "us-ny.language" not in found  # the consent isn't there to compare with


@pytest.mark.parametrize("text", ["[]", "{", "not json", '{"paper": {"type": "nothing"}}', "[" * 5000])
def test_what_is_no_paper_is_said_so(tmp_path, text):
    file = tmp_path / "paper.json"
    file.write_text(text, encoding="utf-8")
    result = run("check", file)
    assert isinstance(result.exception, InputError)


def test_a_mandate_is_not_for_this(tmp_path):
    day = date(2026, 11, 22)
    someone = Person("mira", "Mira Holm")
    none = frozenset()
    mandate = Mandate(someone, someone, none, none, none, none, none, Money.parse("1 EUR"), 1, 1, starts=day, until=day)
    file = tmp_path / "mandate.json"
    file.write_text(json.dumps({"paper": mandate.document()}), encoding="utf-8")
    result = run("check", file)
    assert isinstance(result.exception, InputError)
    assert "neither a consent nor a license" in result.exception.diagnosis


def test_lines_of_a_json_document():
    text = '{\n "a": [\n  1,\n  {"b": "x, \\"}"}\n ],\n "c": {}, "d": null\n}'
    assert _json_lines(text) == {
        (): 1,
        ("a",): 2,
        ("a", 0): 3,
        ("a", 1): 4,
        ("a", 1, "b"): 4,
        ("c",): 6,
        ("d",): 6,
    }


def test_the_packs_are_listed():
    result = run("list")
    assert result.exit_code == 0
    assert "us-ny      US-NY  in force" in result.output
    assert "dk         DK     unconfirmed" in result.output
    listed = {pack["id"]: pack for pack in json.loads(run("list", "--json").output)}
    assert listed["sag-aftra"]["agreement"] is True
    assert listed["us-ny"]["rules"] > 10
