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
    "two garments in one": (
        r"garment = \{[^}]*\}",
        'garment = { recolor = "top", tryon = "top" }',
        "shot[1].garment.tryon",
        "campaign.value",
        "others",
    ),
    "cloth of no width": (
        r"garment = \{[^}]*\}",
        'garment = { print = "top", from = "stripes:#ffffff,#000000", width_cm = 0 }',
        "shot[1].garment.print",
        "campaign.value",
        "0.2",
    ),
    "a packshot that isn't there": (
        r"garment = \{[^}]*\}",
        'garment = { tryon = "top", from = "tee.jpg" }',
        "shot[1].garment.from",
        "campaign.scene",
        "folder",
    ),
    "a belt at the knee": (
        r"garment = \{[^}]*\}",
        'accessories = [{ put = "belt", from = "campaign.toml", at = "knee" }]',
        "shot[1].accessories[1].at",
        "campaign.value",
        "waist",
    ),
    **{
        f"generate: {why}": (
            r'scene = "studio:warm-grey".*\ngarment = \{[^}]*\}',
            f'engine = "diffusion"\ngenerate = {{ {table} }}',
            f"shot[1].generate{key}",
            code,
            remedy,
        )
        for why, table, key, code, remedy in (
            ("no prompt", 'weights = "sdxl"', ".prompt", "campaign.missing_key", "prompt ="),
            ("an empty prompt", 'prompt = " ", weights = "sdxl"', ".prompt", "campaign.value", "words"),
            ("no weights", 'prompt = "a pier"', ".weights", "campaign.missing_key", "weights ="),
            ("an unknown key", 'prompt = "a", weights = "b", step = 3', ".step", "campaign.unknown_key", "steps"),
            ("a keep that isn't one", 'prompt = "a", weights = "b", keep = "face"', ".keep", "campaign.value", "head"),
            ("a region alone", 'prompt = "a", weights = "b", region = "top"', ".region", "campaign.value", "both"),
            (
                "a region that isn't one",
                'prompt = "a", weights = "b", keep = "all-but-garment", region = "hat"',
                ".region",
                "campaign.value",
                "top",
            ),
            (
                "a garment without a region",
                'prompt = "a", weights = "b", keep = "all-but-garment"',
                ".keep",
                "campaign.value",
                "both",
            ),
            (
                "a pose that is no file",
                'prompt = "a", weights = "b", pose = "p.png"',
                ".pose",
                "campaign.scene",
                "path",
            ),
            (
                "a reference that is no file",
                'prompt = "a", weights = "b", references = ["x.png"]',
                ".references[1]",
                "campaign.scene",
                "path",
            ),
            ("no steps", 'prompt = "a", weights = "b", steps = 0', ".steps", "campaign.value", "200"),
            ("steps as truth", 'prompt = "a", weights = "b", steps = true', ".steps", "campaign.value", "30"),
            (
                "guidance too fine",
                'prompt = "a", weights = "b", guidance = 4.55',
                ".guidance",
                "campaign.value",
                "tenths",
            ),
            (
                "guidance that is no number",
                'prompt = "a", weights = "b", guidance = nan',
                ".guidance",
                "campaign.value",
                "30",
            ),
            ("a seed below nothing", 'prompt = "a", weights = "b", seed = -1', ".seed", "campaign.value", "0 to"),
        )
    },
    "a generated shot with a garment": (
        r'scene = "studio:warm-grey".*\n',
        'engine = "diffusion"\ngenerate = { prompt = "a pier", weights = "sdxl" }\n',
        "shot[1].garment",
        "campaign.value",
        "prompt",
    ),
    "a generated shot for an engine that generates nothing": (
        r'scene = "studio:warm-grey".*\ngarment = \{[^}]*\}',
        'generate = { prompt = "a pier", weights = "sdxl" }',
        "shot[1].engine",
        "campaign.value",
        "diffusion",
    ),
    "a body that isn't hers": (r"garment = \{[^}]*\}", 'body = "ideal"', "shot[1].body", "campaign.value", "mannequin"),
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


NAMED = """
[[talent]]
id = "mira"
name = "Mira Holm"
born = 1998-03-14
photos = "photos/mira"

[license]
booking = "mira-0123456789"

[[shot]]
talents = ["mira"]
scene = "studio:sand"
formats = ["web-3x4"]
"""


def test_a_license_that_was_agreed_stands_in_for_all_terms(tmp_path):
    file = written(tmp_path, lambda text: NAMED)
    campaign = read_campaign(file, TODAY, agreed=True)
    assert [one.booking for one in campaign.named] == ["mira-0123456789"]
    assert (campaign.license, campaign.consent) == (None, None)
    file.write_text(NAMED.replace('booking = "mira-0123456789"', 'paper = ["3f9a01c2", "aa00bb11cc22"]'))
    assert [one.paper for one in read_campaign(file, TODAY, agreed=True).named] == ["3f9a01c2", "aa00bb11cc22"]


@pytest.mark.parametrize(
    ("change", "key", "hint"),
    [
        (("[[shot]]", "[consent]\npurpose = 'x'\n[[shot]]"), "consent", "[consent]"),
        (("[[shot]]", "[license.exclusive]\ncategory = 'x'\n[[shot]]"), "license.exclusive", "leave exclusive out"),
        (('"mira-0123456789"', '"mira-01"'), "license.booking", "mira-0123456789"),
        (('booking = "mira-0123456789"', 'paper = "3f9a"'), "license.paper", "3f9a01c2b4d5"),
        (('booking = "mira-0123456789"', "paper = [3]"), "license.paper[1]", "3f9a01c2b4d5"),
    ],
)
def test_beside_what_was_agreed_stands_nothing_else(tmp_path, change, key, hint):
    file = written(tmp_path, lambda text: NAMED.replace(*change))
    with pytest.raises(CampaignError) as refused:
        read_campaign(file, TODAY, agreed=True)
    assert [(fault.key, hint in fault.reason.remedy) for fault in refused.value.faults] == [(key, True)]


def test_where_terms_are_asked_for_a_booking_is_none(tmp_path):
    (fault,) = faults(tmp_path, lambda text: NAMED)
    assert (fault.key, fault.reason.code) == ("license", "campaign.value")


def test_exclusivity_has_days_of_its_own_and_a_shot_names_who_else_is_concerned(tmp_path):
    def change(text):
        text = text.replace("# exclusive = {", 'sublicensees = ["Tvaton Home"]\nvendors = ["Render AB"]\nexclusive = {')
        text = text.replace('competitors = ["Zandra"] }', "starts = 2026-12-01, ends = 2026-12-24 }")
        return text.replace(
            'name = "autumn-blue"', 'name = "autumn-blue"\nvendor = "Render AB"\nfor_brand = "Tvaton Home"'
        )

    campaign = read_campaign(written(tmp_path, change), TODAY)
    (cast,) = campaign.talents
    license = campaign.license.license(cast, "", TODAY)
    assert (license.exclusive.starts, license.exclusive.ends) == (date(2026, 12, 1), date(2026, 12, 24))
    assert license.sublicensees == {"tvaton-home"}
    shot = campaign.shots[0].shot
    assert (shot.vendor, shot.brand) == ("Render AB", "tvaton-home")


def bounded(hers="", brands=""):
    def change(text):
        text = text.replace("approve_each_image", f"tolerances = {{ {hers} }}\napprove_each_image") if hers else text
        return f"{text}\ntolerances = {{ {brands} }}\n" if brands else text

    return change


def test_she_sets_bounds_on_herself_and_the_brand_on_its_garment(tmp_path):
    campaign = read_campaign(
        written(tmp_path, bounded('body.width = 2, "skin.delta_l" = 2.5', "garment.delta_e = 3")), TODAY
    )
    assert campaign.consent.terms["tolerances"] == {"body.width": 2, "skin.delta_l": Fraction(5, 2)}
    assert campaign.shots[0].shot.tolerances == {"garment.delta_e": 3}


@pytest.mark.parametrize(
    ("hers", "brands", "key", "hint"),
    [
        ("garment.delta_e = 3", "", "consent.tolerances.garment", "body.width"),
        ("identity.distance = 0.6", "", "consent.tolerances.identity", "body.width"),
        ("body.width = 90", "", "consent.tolerances.body", "20"),
        ("body.width = true", "", "consent.tolerances.body", "body.width = 3"),
        ("body = 3", "", "consent.tolerances.body", "body.width"),
        ("", "body.width = 1", "shot[1].tolerances.body", "garment.delta_e"),
        ("", "garment.delta_e = nan", "shot[1].tolerances.garment", "garment.delta_e = 3"),
    ],
)
def test_nobody_sets_anybody_elses_bound(tmp_path, hers, brands, key, hint):
    (fault,) = faults(tmp_path, bounded(hers, brands))
    assert (fault.key, fault.reason.code) == (key, "campaign.value")
    assert hint in fault.reason.remedy


def test_a_picture_in_words_is_read_whole(tmp_path):
    from twinbook.domain.generation import Generation, Keep

    for name in ("pose.png", "coat.png"):
        (tmp_path / name).write_bytes(b"")
    asked = """
generate = { prompt = "in a coat", weights = "sdxl", keep = "all-but-garment", region = "top", pose = "plate", references = [
  "coat.png"], steps = 8, guidance = 4.5, seed = 0 }
"""
    table = """
[shot.generate]
prompt = "on a pier"
weights = "klein"
pose = "pose.png"
"""
    plain = re.compile(r'scene = "studio:warm-grey".*\ngarment = \{[^}]*\}.*\n')

    def shot(text):
        file = written(tmp_path, lambda template: plain.sub('engine = "diffusion"\n', template) + text)
        return read_campaign(file, TODAY).shots[0].shot

    assert shot(asked).generate == Generation(
        "in a coat", "sdxl", Keep.ALL_BUT_GARMENT, "top", "plate", (str(tmp_path / "coat.png"),), 8, 45, 0
    )
    found = shot(table)
    assert found.generate == Generation("on a pier", "klein", pose=str(tmp_path / "pose.png"))
    assert found.generate.seed is None
    assert found.pictures == (str(tmp_path / "pose.png"),)
    assert type(found).from_document(found.document()) == found
