"""The campaign file: every fault with its line, its key and a remedy, all of them at once."""

import re
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinbook import app
from twinbook.campaign_file import read_campaign
from twinbook.domain.errors import CampaignError, InputError

TODAY = date(2026, 11, 22)


def written(tmp_path, change=lambda text: text):
    (tmp_path / "photos" / "mira").mkdir(parents=True, exist_ok=True)
    file = tmp_path / "campaign.toml"
    file.write_text(change(app.campaign_template()), encoding="utf-8")
    return file


def faults(tmp_path, change):
    with pytest.raises(CampaignError) as refused:
        read_campaign(written(tmp_path, change), TODAY)
    return refused.value.faults


def test_the_template_is_a_campaign(tmp_path):
    campaign = read_campaign(written(tmp_path), TODAY)
    assert campaign.talents[0].party.name == "Mira Holm"
    assert campaign.license.terms["split"].crew["Ida Berg (hair)"] == Fraction(3)
    assert campaign.shots[0].shot.channels == ("instagram", "tiktok", "web")


CASES = {
    "a key that isn't known": (
        r'purpose = "e-',
        r'porpose = "e-',
        "consent.porpose",
        "campaign.unknown_key",
        "purpose",
    ),
    "a missing key": (r"term_days = 90\n", "", "license.term_days", "campaign.missing_key", "term_days = 90"),
    "a missing table": (r"\[license\](.|\n)*?(?=\n\[\[shot)", "", "license", "campaign.missing_key", "[license]"),
    "an amount that isn't one": (r'"450 EUR"', '"450"', "license.fee_per_image", "money.malformed", "450 EUR"),
    "a number as text": (r"month = 40", 'month = "40"', "consent.max_images_per_month", "campaign.value", "40"),
    "a cap of nothing": (r"month = 40", "month = 0", "consent.max_images_per_month", "campaign.value", ""),
    "a day that is text": (r"until = 2027-11-22", 'until = "2027"', "consent.until", "campaign.value", "2027-11-22"),
    "a minor": (r"1998-03-14", "2010-03-14", "talent[1].born", "talent.minor", "18"),
    "a channel nobody has": (r'"web", "ins', '"wep", "ins', "consent.channels[1]", "campaign.value", "'web'"),
    "a format nobody has": (r'"web-3x4"\]', '"web-3x5"]', "shot[1].formats[3]", "campaign.value", "web-3x4"),
    "a talent nobody knows": (
        r'talents = \["mira"\]',
        'talents = ["mia"]',
        "shot[1].talents[1]",
        "campaign.value",
        "mira",
    ),
    "a colour that isn't one": (r"#1f3a93", "navy", "shot[1].garment.to", "campaign.value", "#1f3a93"),
    "a region that isn't one": (
        r'recolor = "top"',
        'recolor = "hat"',
        "shot[1].garment.recolor",
        "campaign.value",
        "top",
    ),
    "a studio that isn't there": (r"studio:warm-grey", "studio:beige", "shot[1].scene", "campaign.scene", "sand"),
    "a file that isn't there": (r"studio:warm-grey", "beach.jpg", "shot[1].scene", "campaign.scene", "folder"),
    "a split over a hundred": (r"agency = 20", "agency = 95", "license.split", "license.split", "100"),
    "a share that isn't one": (
        r'\(hair\)" = 3',
        '(hair)" = "3"',
        "license.split.crew.Ida Berg (hair)",
        "campaign.value",
        "3",
    ),
    "two currencies": (r'"300 EUR"', '"300 SEK"', "license", "money.currencies", "one currency"),
    "a name with a slash": (r'"autumn-blue"', '"../autumn"', "shot[1].name", "campaign.value", "hyphens"),
    "an id with a space": (r'id = "mira"', 'id = "mira holm"', "talent[1].id", "campaign.value", "hyphens"),
}


@pytest.mark.parametrize("case", CASES)
def test_fault(tmp_path, case):
    pattern, replacement, key, code, hint = CASES[case]
    found = faults(tmp_path, lambda text: re.sub(pattern, replacement, text, count=1))
    mine = next(fault for fault in found if fault.key == key)
    assert mine.reason.code == code
    assert hint in mine.reason.remedy
    text = (tmp_path / "campaign.toml").read_text().splitlines()
    named = re.sub(r"\[\d+\]", "", key).split(".")
    line = text[mine.line - 1]
    assert mine.line == 1 or any(name in line for name in named)


def test_all_faults_at_once_in_the_order_of_their_lines(tmp_path):
    found = faults(
        tmp_path, lambda text: text.replace("= 90", "= -1").replace('"450 EUR"', "450").replace("= 40", "= 0")
    )
    assert [fault.key for fault in found] == [
        "consent.max_images_per_month",
        "license.fee_per_image",
        "license.term_days",
    ]


def test_the_second_shot_is_told_from_the_first(tmp_path):
    second = '\n[[shot]]\ntalents = ["mira"]\nformats = ["instagram-4x5"]\nscene = "studio:nowhere"\n'
    (fault,) = faults(tmp_path, lambda text: text + second)
    assert fault.key == "shot[2].scene"
    assert (tmp_path / "campaign.toml").read_text().splitlines()[fault.line - 1] == 'scene = "studio:nowhere"'


def test_what_is_not_toml_names_the_line(tmp_path):
    (fault,) = faults(tmp_path, lambda text: text.replace("[consent] ", "[consent "))
    assert fault.reason.code == "campaign.syntax"
    assert "[consent " in (tmp_path / "campaign.toml").read_text().splitlines()[fault.line - 1]


def test_a_file_that_is_not_there_and_one_that_is_not_text(tmp_path):
    with pytest.raises(InputError, match=r"campaign\.missing_file"):
        read_campaign(tmp_path / "nothing.toml", TODAY)
    (tmp_path / "photo.toml").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(InputError, match=r"campaign\.syntax"):
        read_campaign(tmp_path / "photo.toml", TODAY)


LINES = app.campaign_template().splitlines()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_to_a_file_makes_the_reader_stumble(tmp_path_factory, data):
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["drop", "double", "cut", "value"]))
        if change == "drop":
            del lines[at]
        elif change == "double":
            lines.insert(at, lines[at])
        elif change == "cut":
            lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
        else:
            lines[at] = (
                lines[at].split("=")[0]
                + "= "
                + data.draw(st.sampled_from(["1", "[]", "{}", "true", '""', "[[1]]", "1.5"]))
            )
    file = tmp_path_factory.mktemp("damaged") / "campaign.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    try:
        read_campaign(file, TODAY)
    except CampaignError as refused:
        assert all(1 <= fault.line <= len(lines) + 1 and fault.reason.remedy for fault in refused.faults)
