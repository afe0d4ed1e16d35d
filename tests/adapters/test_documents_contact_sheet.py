"""The contact sheet is a page that stands alone, says everything and takes nothing it is given for markup."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from PIL import Image, ImageDraw

from twinbook.documents import Papers
from twinbook.documents.contact_sheet import FIGURES
from twinbook.domain.errors import reason
from twinbook.domain.fidelity import MEASURES, Bound, Finding, Measurement
from twinbook.domain.fidelity import Outcome as Verdict
from twinbook.ports import Sheet, SheetCopy, SheetShot

LICENSE = hashlib.sha256(b"license").hexdigest()
HOSTILE = "\"><script src='https://evil.example/x.js'></script><img src=x onerror=alert(1)>&amp;'`\x00\ud800\u202e"


class Page(HTMLParser):
    """What a browser would see: elements with attributes, and the text."""

    VOID = frozenset({"img", "meta", "link", "br", "hr"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def jpeg(width: int, height: int, colour: str = "tan", **save) -> bytes:
    image = Image.new("RGB", (width, height), colour)
    ImageDraw.Draw(image).ellipse((width * 0.3, height * 0.1, width * 0.7, height * 0.5), fill="peru")
    held = io.BytesIO()
    image.save(held, "JPEG", **save)
    return held.getvalue()


def findings(distance: float | None = 0.21) -> tuple[Finding, ...]:
    ok = distance is not None and distance <= 0.45
    return (
        Finding(
            Measurement("identity.distance", distance, "" if ok else "turned away"),
            Bound("identity.distance", 0.45),
            Verdict.PASS if ok else Verdict.QUARANTINE,
        ),
        Finding(Measurement("skin.delta_l", -0.9), Bound("skin.delta_l", 3.0, "talent"), Verdict.PASS),
    )


@pytest.fixture
def photograph(tmp_path):
    file = tmp_path / "mira-07.jpg"
    file.write_bytes(jpeg(1200, 1500))
    return file


@pytest.fixture
def released(photograph):
    copies = tuple(
        SheetCopy(name, f"released/{name}.jpg", jpeg(w, h, "sienna"), w, h)
        for name, w, h in (("tiktok-9x16", 900, 1600), ("instagram-4x5", 1200, 1500), ("instagram-1x1", 1200, 1200))
    )
    return SheetShot(
        name="Navy top",
        made="AI-modified",
        outcome="released",
        talents=("Mira Holm",),
        brief="studio:warm-grey, top in #1f3a93",
        before=photograph,
        copies=copies,
        findings=findings(),
        calibrated=True,
        reasons=(),
        release="5f02ab77c3d1",
        licenses=(LICENSE,),
        terms="instagram · SE · 90 days",
        fee="450.00 EUR",
        shares=(("talent:mira", "324.00 EUR"), ("agency:Nordlight", "90.00 EUR"), ("Ida Berg (hair)", "36.00 EUR")),
        engine="composite 0.1.0",
        seconds=11.4,
    )


@pytest.fixture
def refused(released):
    return replace(
        released,
        name="Stole",
        outcome="refused",
        copies=(),
        findings=(),
        reasons=(
            reason("consent.never", "the shot declares fur", rests_on="consent 1f0e22ab, clause never"),
            reason("license.territory", "DE is outside the license", "use SE"),
        ),
        release=None,
    )


def sheet(*shots: SheetShot, **changes) -> Sheet:
    made = Sheet(
        "Winter knits", "Tvaton", datetime(2026, 11, 22, 14, 3, tzinfo=UTC), shots, "450.00 EUR", "log of 41, root 6c1b"
    )
    return replace(made, **changes)


def read(*shots: SheetShot, **changes) -> Page:
    return Page(Papers().contact_sheet(sheet(*shots, **changes)))


def test_says_everything_about_a_released_shot(released):
    page = read(released, warnings=("Signed with the development certificate.",))
    for said in (
        *("Winter knits", "Tvaton", "22 November 2026, 14:03 UTC", "Signed with the development certificate."),
        *("Navy top", "Mira Holm", "studio:warm-grey, top in #1f3a93", "Released", "5f02ab77c3d1", LICENSE[:12]),
        *("instagram · SE · 90 days", "450.00 EUR", "324.00 EUR", "Nordlight", "90.00 EUR", "Ida Berg (hair)"),
        *(
            "2 of 2 figures within bounds",
            "0.21",
            "within 0.45",
            "−0.9",
            "bound of the talent",
            "composite 0.1.0",
            "11.4 s",
        ),
        *("photograph", "twin, AI-modified", "twinbook verify IMAGE", "log of 41, root 6c1b"),
    ):
        assert said in page.text
    assert LICENSE in [code.get("title") for code in page.all("code")]
    assert "uncalibrated" not in page.text


def test_folds_what_nobody_has_to_look_at_and_nothing_else(released):
    def one(name, value, ok=True):
        return Finding(Measurement(name, value), Bound(name, 0.05), Verdict.PASS if ok else Verdict.QUARANTINE)

    hems = (one("garment.hem", 0.01), one("picture.halo", 0.2, ok=False), one("garment.pattern", None))
    text = Papers().contact_sheet(sheet(replace(released, findings=(*findings(), *hems))))
    before, _, folded = text.partition("<details")
    assert all(name in before for name in ("Likeness", "Skin lightness", "Rim around her", "Pattern"))
    assert "Hem" not in before
    assert "1 further figure within bounds" in folded
    assert "Hem" in folded
    assert "<details" not in Papers().contact_sheet(sheet(released))


def test_every_figure_has_a_name_for_people():
    assert set(MEASURES) == set(FIGURES)


def test_counts_outcomes_in_words(released, refused):
    page = read(released, refused, refused, replace(released, outcome="waiting", copies=()))
    assert re.search(r"Released 1 .*Refused 2 .*Quarantined 0 .*Waiting 1 Total paid 450\.00 EUR", page.text)


def test_all_reasons_of_a_refusal_are_there(refused):
    page = read(refused)
    for given in refused.reasons:
        for said in (given.code, given.diagnosis, given.remedy, given.rests_on):
            assert said in page.text
    assert "Why it was refused" in page.text
    assert "due only when the picture is released" in page.text


def test_quarantine_shows_what_was_beyond_and_what_could_not_be_told(released):
    quarantined = replace(
        released, outcome="quarantined", copies=(), reasons=(reason("fidelity.quarantined", "too far"),)
    )
    assert "beyond 0.45" in read(replace(quarantined, findings=findings(0.52))).text
    untold = read(replace(quarantined, findings=findings(None))).text
    assert "not measured" in untold
    assert "turned away" in untold
    assert "Nothing was measured" in read(replace(quarantined, findings=())).text


def test_uncalibrated_is_visible(released):
    assert "one photograph only: uncalibrated" in read(replace(released, calibrated=False)).text


def test_asks_for_nothing_from_anywhere(released, refused):
    html = Papers().contact_sheet(sheet(released, refused))
    page = Page(html)
    assert not {"script", "link", "iframe", "object", "base", "form"} & {name for name, _ in page.elements}
    for _, attributes in page.elements:
        for key in ("src", "href", "action", "srcset", "data"):
            assert attributes.get(key, "#").startswith(("data:image/jpeg;base64,", "./", "#"))
        assert not any(key.startswith("on") or key == "style" for key in attributes)
    assert not re.search(r"url\(|@import|https?:", html)


def test_content_security_policy_names_the_style_sheet(released):
    html = Papers().contact_sheet(sheet(released))
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL).group(1)
    policy = next(m["content"] for m in Page(html).all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy


def test_hostile_text_stays_text(released, refused):
    calm = read(released, refused, warnings=("w",))
    nasty_finding = Finding(Measurement(HOSTILE, None, HOSTILE), Bound(HOSTILE, 1.0, HOSTILE), Verdict.QUARANTINE)
    nasty = {
        **{key: HOSTILE for key in ("name", "brief", "release", "terms", "fee", "engine")},
        "talents": (HOSTILE,),
        "licenses": (HOSTILE,),
        "shares": ((f"crew:{HOSTILE}", HOSTILE),),
    }
    shots = (
        replace(released, **nasty, findings=(nasty_finding,), copies=tuple(replace(c, format=HOSTILE, file=HOSTILE) for c in released.copies)),
        replace(refused, **nasty, reasons=(reason("consent.never", HOSTILE, HOSTILE, HOSTILE),)),
        replace(released, **nasty, outcome=HOSTILE),
    )  # fmt: skip
    html = Papers().contact_sheet(
        sheet(*shots, title=HOSTILE, brand=HOSTILE, total=HOSTILE, log_line=HOSTILE, warnings=(HOSTILE,))
    )
    html.encode("utf-8")
    page = Page(html)
    assert {name for name, _ in page.elements} <= {name for name, _ in calm.elements}
    assert "<script src='https://evil.example/x.js'></script>" in page.text
    assert "\x00" not in html
    assert "\u202e" not in html
    for _, attributes in page.elements:
        assert not {"onerror", "onload", "style"} & set(attributes)


@pytest.mark.parametrize(
    "file", ["javascript:alert(1)", "//evil.example/a.jpg", "https://evil.example/a.jpg", "a b#?.jpg"]
)
def test_links_lead_to_files_beside_the_page(released, file):
    page = read(replace(released, copies=(replace(released.copies[0], file=file),)))
    link = next(a["href"] for a in page.all("a") if not a["href"].startswith("#"))
    assert link.startswith("./")
    assert ":" not in link
    assert "#" not in link
    assert "?" not in link


def images(page: Page) -> list[Image.Image]:
    return [Image.open(io.BytesIO(base64.b64decode(i["src"].partition(",")[2]))) for i in page.all("img")]


def test_pictures_are_small_upright_and_without_metadata(released, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: shown upright, width and height change places
    exif[0x010F] = "Camera of Mira"
    turned = tmp_path / "turned.jpg"
    turned.write_bytes(jpeg(1600, 1000, exif=exif))
    page = read(replace(released, before=turned))
    before, *rest = images(page)
    assert before.size == (562, 900)
    assert len(rest) == 3
    for picture, said in zip(images(page), page.all("img"), strict=True):
        assert max(picture.size) <= 900
        assert picture.format == "JPEG"
        assert not picture.getexif()
        assert (said["width"], said["height"]) == tuple(map(str, picture.size))
        assert said["alt"]


def test_the_copy_nearest_in_shape_stands_beside_the_photograph(released):
    alts = [image["alt"] for image in read(released).all("img")]
    assert alts[0].startswith("Photograph of Mira Holm")
    assert "instagram-4x5" in alts[1]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "CMYK", "I;16", "1"])
def test_photographs_of_any_mode_are_shown(released, tmp_path, mode):
    file = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    Image.new(mode, (60, 80)).save(file)
    assert len(read(replace(released, before=file, copies=())).all("img")) == 1


@pytest.mark.parametrize("content", [None, b"", b"\xff\xd8\xff\xe0 not a picture", b"<svg/>"])
def test_a_picture_that_cannot_be_read_leaves_a_quiet_tile(released, tmp_path, content):
    file = tmp_path / "broken.jpg"
    if content is not None:
        file.write_bytes(content)
    broken = replace(released.copies[0], data=content or b"")
    page = read(replace(released, before=file, copies=(broken,)))
    assert not page.all("img")
    assert "This photograph can’t be shown" in page.text
    assert "This copy can’t be shown" in page.text


def test_page_without_shots_and_without_photograph(released):
    assert "This run has no shots." in read().text
    assert "No photograph was chosen yet" in read(replace(released, before=None, copies=())).text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, 1e9])
@pytest.mark.parametrize("limit", [0.0, 0.45])
def test_bars_stay_inside_whatever_is_measured(released, value, limit):
    finding = Finding(Measurement("identity.distance", value), Bound("identity.distance", limit), Verdict.QUARANTINE)
    for rect in read(replace(released, findings=(finding,))).all("rect"):
        assert 0 <= float(rect["x"]) + float(rect["width"]) <= 100


def test_headings_follow_each_other_and_targets_exist(released, refused):
    page = read(released, refused)
    levels = [int(name[1]) for name, _ in page.elements if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for anchor in page.all("a"):
        assert not anchor["href"].startswith("#") or anchor["href"][1:] in ids


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_text_has_the_contrast_of_wcag_aa():
    css = Papers().contact_sheet(sheet())
    palettes = [
        dict(re.findall(r"--(\w+):(#[0-9a-f]{6})", block)) for block in re.findall(r":root\{(.*?)\}", css, re.DOTALL)
    ]
    assert len(palettes) == 3
    for palette in palettes[:2]:
        for text in ("ink", "quiet", "released", "refused", "quarantined", "waiting"):
            for ground in ("ground", "raised"):
                low, high = sorted((luminance(palette[text]), luminance(palette[ground])))
                assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def test_a_picture_from_words_says_so_and_shows_no_photograph(released):
    shot = replace(released, made="AI-generated", before=None, from_words=True, brief="in words: “a beach”")
    page = read(shot)
    assert "twin, AI-generated" in page.text
    assert "Made from words: no photograph is in it" in page.text
    assert "AI-modified" not in page.text
