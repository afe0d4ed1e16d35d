"""The contact sheet: every shot of a run on one page, before and after, with its verdict, license, fee or refusal.

The page asks for nothing from anywhere (`markup.shell`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from urllib.parse import quote

from ..domain.errors import CODES, Reason
from ..domain.fidelity import Finding
from ..ports import Sheet, SheetCopy, SheetShot
from .markup import Html, join, shell, tag
from .pictures import Preview, preview
from .wording import counted, day, legible, listed, moment, party, short

LARGE, SMALL = 900, 520  # longest side in pixels of the pictures side by side, and of the further copies

# outcome: (heading of the count, mark that doesn't need colour, what it means)
OUTCOMES = {
    "released": ("Released", "●", "checked, marked, signed and paid"),
    "refused": ("Refused", "✕", "nothing made, nothing charged"),
    "quarantined": ("Quarantined", "◐", "made, but not released and not charged"),
    "waiting": ("Waiting", "○", "for a signature or an approval"),
}

# measurement: (name, what it says)
FIGURES = {
    "identity.distance": ("Likeness", "distance of the face to the talent’s own photographs; smaller is closer"),
    "skin.delta_e": ("Skin colour", "difference to the photograph, CIEDE2000"),
    "skin.delta_l": ("Skin lightness", "change of L*; above zero is lighter"),
    "identity.copy": ("Copied detail", ""),
    "face.geometry": ("Shape of the face", ""),
    "face.departure": ("Rest of the face", ""),
    "body.width": ("Width of the body", ""),
    "body.length": ("Length of the body", ""),
    "body.reshape": ("Shape of the body", ""),
    "body.head": ("Head to body", ""),
    "body.departure": ("Rest of the body", ""),
    "garment.delta_e": ("Colour of the garment", ""),
    "garment.shift_e": ("Colour of what she kept on", ""),
    "garment.pattern": ("Pattern", ""),
    "garment.direction": ("Direction of stripes", ""),
    "garment.print": ("Print or logo", ""),
    "garment.hem": ("Hem", ""),
    "garment.silhouette": ("Outline of the garment", ""),
    "picture.sharpness": ("Sharpness", ""),
    "picture.softening": ("Softening", ""),
    "picture.clipping": ("Burnt-out whites", ""),
    "picture.crushing": ("Lost blacks", ""),
    "picture.banding": ("Banding", ""),
    "picture.halo": ("Rim around her", ""),
    "hands.plausible": ("Hands", ""),
}
# What everybody asks first; of the rest only what is beyond its bound is shown without being asked for.
FIRST = ("identity.distance", "skin.delta_e", "skin.delta_l")

UNCALIBRATED = "one photograph only: uncalibrated"


def page(sheet: Sheet) -> str:
    """The whole page."""
    shots = [_shot(number, shot) for number, shot in enumerate(sheet.shots, start=1)]
    # Pictures side by side are of one height when each is as wide as its shape asks: a class for each shape in use.
    shapes = sorted({percent for _, percents in shots for percent in percents})
    style = _sheet_css() + "".join(f".r{percent}{{--r:{percent / 100:g}}}" for percent in shapes)
    empty = tag("p", "This run has no shots.", class_="empty") if not shots else None
    main = tag("main", *(section for section, _ in shots), empty)
    title = f"{sheet.title} · {sheet.brand} · contact sheet"
    return shell(title, style, _header(sheet), main, _footer(sheet))


@cache
def _sheet_css() -> str:
    return (files(__package__) / "sheet.css").read_text(encoding="utf-8")


# --- the top of the page ----------------------------------------------------------------------------------------


def _header(sheet: Sheet) -> Html:
    counts = [
        tag("div", tag("dt", _mark(outcome), heading), tag("dd", str(_count(sheet, outcome))), class_=f"is-{outcome}")
        for outcome, (heading, _, _) in OUTCOMES.items()
    ]
    counts.append(tag("div", tag("dt", "Total paid"), tag("dd", sheet.total), class_="total"))
    warnings = [tag("li", tag("strong", "Note "), warning) for warning in sheet.warnings]
    return tag(
        "header",
        tag("p", "Twinbook contact sheet", class_="eyebrow"),
        tag("h1", sheet.title, class_="long" if len(sheet.title) > 44 else None),
        tag(
            "p",
            tag("span", "for ", tag("b", sheet.brand)),
            tag("time", moment(sheet.made_at), datetime=sheet.made_at.isoformat()),
            class_="byline",
        ),
        tag("ul", *warnings, class_="warnings", role="list", aria_label="Notes on this run") if warnings else None,
        tag("dl", *counts, class_="counts"),
        _index(sheet) if len(sheet.shots) > 1 else None,
        class_="masthead",
    )


def _count(sheet: Sheet, outcome: str) -> int:
    return sum(shot.outcome == outcome for shot in sheet.shots)


def _index(sheet: Sheet) -> Html:
    entries = [
        tag(
            "li",
            tag(
                "a",
                tag("span", f"{number:02d}", class_="no"),
                tag("span", shot.name, class_="name"),
                tag("span", _mark(shot.outcome), _outcome(shot)[0], class_=f"state is-{_known(shot.outcome)}"),
                href=f"#shot-{number}",
            ),
        )
        for number, shot in enumerate(sheet.shots, start=1)
    ]
    return tag("nav", tag("ol", *entries, role="list"), aria_label="Shots on this page", class_="index")


def _known(outcome: str) -> str:
    return outcome if outcome in OUTCOMES else "waiting"


def _outcome(shot: SheetShot) -> tuple[str, str, str]:
    return OUTCOMES.get(shot.outcome, (shot.outcome, "○", ""))


def _mark(outcome: str) -> Html:
    return tag("span", OUTCOMES[_known(outcome)][1], class_="mark", aria_hidden="true")


# --- a shot -----------------------------------------------------------------------------------------------------


def _shot(number: int, shot: SheetShot) -> tuple[Html, set[int]]:
    """The section of one shot, and the shapes (percent of width to height) of the pictures in it."""
    before = preview(shot.before, LARGE)
    main_copy, others = _main_copy(shot.copies, before)
    after = preview(main_copy.data, LARGE) if main_copy else None
    percents = {(picture.percent if picture else 80) for picture in (before, after)}
    heading, _, meaning = _outcome(shot)
    title = tag(
        "header",
        tag("p", f"{number:02d}", class_="number", aria_hidden="true"),
        tag(
            "div",
            tag("h2", shot.name, id=f"shot-{number}-name"),
            tag("p", tag("b", listed(list(shot.talents))), " · " if shot.talents else None, shot.brief, class_="brief"),
        ),
        tag(
            "p",
            tag("b", _mark(shot.outcome), heading),
            tag("span", meaning, class_="meaning") if meaning else None,
            class_=f"state is-{_known(shot.outcome)}",
        ),
        class_="title",
    )
    photograph = _before(shot, before)
    reasons = _reasons(shot)
    if main_copy:
        showing = join(
            tag("div", photograph, _after(shot, main_copy, after), class_="pair"), _copies(shot, others), reasons
        )
    else:
        showing = tag("div", tag("div", photograph, class_="pair"), reasons, class_="unmade")
    facts = tag("div", *filter(None, (_verdict(shot), _provenance(shot), _fee(shot))), class_="facts")
    section = tag(
        "section",
        title,
        showing,
        facts,
        class_="shot",
        id=f"shot-{number}",
        aria_labelledby=f"shot-{number}-name",
    )
    return section, percents


def _main_copy(copies: tuple[SheetCopy, ...], before: Preview | None) -> tuple[SheetCopy | None, tuple[SheetCopy, ...]]:
    """The copy that is nearest in shape to the photograph stands beside it; the largest when there is none."""
    if not copies:
        return None, ()

    def rank(copy: SheetCopy) -> tuple[float, int]:
        near = abs(math.log(copy.width * before.height / (copy.height * before.width))) if before and copy.height else 0
        return near, -copy.width * copy.height

    main = min(copies, key=rank) if all(copy.width > 0 and copy.height > 0 for copy in copies) else copies[0]
    return main, tuple(copy for copy in copies if copy is not main)


def _image(picture: Preview | None, alt: str, missing: str) -> Html:
    if picture is None:
        return tag("div", tag("span", missing), class_="placeholder")
    return tag("img", src=picture.uri, alt=alt, width=picture.width, height=picture.height)


def _shape(picture: Preview | None) -> str:
    return f"r{picture.percent if picture else 80}"


def _before(shot: SheetShot, picture: Preview | None) -> Html:
    who = listed(list(shot.talents))
    missing = "This photograph can’t be shown" if shot.before else "No photograph was chosen yet"
    if shot.from_words:
        missing = "Made from words: no photograph is in it"
    image = _image(picture, f"Photograph of {who} that {shot.name} starts from", missing)
    caption = tag("figcaption", tag("b", "Before"), tag("span", "photograph"))
    return tag("figure", image, caption, class_=_shape(picture))


def _after(shot: SheetShot, copy: SheetCopy, picture: Preview | None) -> Html:
    caption = tag("figcaption", tag("b", "After"), tag("span", f"twin, {shot.made}"), _file(copy))
    return tag("figure", _image(picture, _alt(shot, copy), "This copy can’t be shown"), caption, class_=_shape(picture))


def _alt(shot: SheetShot, copy: SheetCopy) -> str:
    what = f": {shot.brief}" if shot.brief else ""
    return f"Twin of {listed(list(shot.talents))}, {shot.made}, framed for {copy.format}{what}"


def _file(copy: SheetCopy) -> Html:
    return tag(
        "a",
        tag("span", copy.format),
        f" {copy.width} × {copy.height}",
        href=_path(copy.file),
        class_="file",
        aria_label=f"Open the released copy {copy.format}, {copy.width} by {copy.height} pixels",
    )


def _path(file: str) -> str:
    """A link beside the page and nowhere else: no scheme and no host can come out of a file's name."""
    return "./" + quote(legible(file), safe="/")


def _copies(shot: SheetShot, copies: tuple[SheetCopy, ...]) -> Html | None:
    if not copies:
        return None
    tiles = [
        tag(
            "li",
            tag(
                "figure",
                _image(preview(copy.data, SMALL), _alt(shot, copy), "This copy can’t be shown"),
                tag("figcaption", tag("span", f"twin, {shot.made}"), _file(copy)),
            ),
        )
        for copy in copies
    ]
    return tag("ul", *tiles, class_="copies", role="list", aria_label="The same picture in its other formats")


# --- words and figures ------------------------------------------------------------------------------------------


def _reasons(shot: SheetShot) -> Html | None:
    if not shot.reasons:
        return None
    heading = {"refused": "Why it was refused", "quarantined": "Why it is held back", "waiting": "What it waits for"}
    return tag(
        "div",
        tag("h3", heading.get(shot.outcome, "Reasons")),
        tag("ol", *(_reason(reason) for reason in shot.reasons), role="list"),
        class_=f"reasons is-{_known(shot.outcome)}",
    )


def _reason(reason: Reason) -> Html:
    facts = [tag("dt", "Diagnosis"), tag("dd", reason.diagnosis)]
    if reason.rests_on:
        facts += [tag("dt", "Rests on"), tag("dd", reason.rests_on)]
    if reason.remedy:
        facts += [tag("dt", "Remedy"), tag("dd", reason.remedy)]
    return tag(
        "li",
        tag("h4", CODES[reason.code][0], " ", tag("code", reason.code)),
        tag("dl", *facts),
    )


def _verdict(shot: SheetShot) -> Html | None:
    if not shot.findings and shot.outcome not in ("released", "quarantined"):
        return None
    within = sum(finding.ok for finding in shot.findings)
    said = (
        f"{within} of {counted(len(shot.findings), 'figure')} within bounds"
        if shot.findings
        else "Nothing was measured"
    )
    return tag(
        "section",
        tag("h3", "Verdict"),
        tag("p", said, class_="said"),
        None if shot.calibrated else tag("p", UNCALIBRATED, class_="uncalibrated"),
        *_findings(shot.findings),
    )


def _findings(findings: Sequence[Finding]) -> list[Html]:
    def plain(finding: Finding) -> bool:
        told = finding.measurement.value is not None
        return finding.ok and told and finding.measurement.name not in FIRST

    def listing(part: Iterable[Finding]) -> Html:
        return tag("ul", *map(_finding, part), role="list", class_="findings")

    folded = [finding for finding in findings if plain(finding)]
    more = tag("details", tag("summary", f"{counted(len(folded), 'further figure')} within bounds"), listing(folded))
    return [listing(finding for finding in findings if not plain(finding)), *([more] if folded else [])]


def _finding(finding: Finding) -> Html:
    measured, bound = finding.measurement, finding.bound
    name, meaning = FIGURES.get(measured.name, (measured.name, ""))
    if measured.value is None:
        said, word = "not measured", "can’t be told"
    else:
        sign = "+" if measured.name == "skin.delta_l" and measured.value > 0 else ""
        # To three places: no instrument here is finer, and nobody reads 1.2e−06 as "nothing".
        said = f"{sign}{round(measured.value, 3) + 0.0:.3g}".replace("-", "−")
        word = "within" if finding.ok else "beyond"
    setter = "default bound" if bound.set_by == "default" else f"bound of the {bound.set_by}"
    return tag(
        "li",
        tag("p", tag("b", name, title=measured.name), tag("span", said, class_="value"), class_="figure"),
        _bar(finding),
        tag("p", tag("b", word), f" {bound.limit:.3g} ({setter})", class_="bound"),
        tag("p", meaning, class_="note") if meaning else None,
        tag("p", measured.note, class_="note") if measured.note else None,
        class_="ok" if finding.ok else "off",
    )


def _bar(finding: Finding) -> Html:
    """The figure against its bound. The words beside it say the same, so it is hidden from screen readers."""
    value, limit = finding.measurement.value, finding.bound.limit
    size = abs(value) if value is not None and not math.isnan(value) else 0.0
    # The bound stands at two thirds, unless the figure is so far beyond that it needs the room.
    full = max(limit * 1.5, min(size, limit * 20) * 1.02) if limit > 0 else 1.0
    filled = min(100.0, 100 * size / full)
    at = min(99.0, 100 * limit / full)
    return tag(
        "svg",
        tag("rect", class_="track", x=0, y=3, width=100, height=4),
        tag("rect", class_="fill", x=0, y=3, width=f"{filled:.1f}", height=4),
        tag("rect", class_="limit", x=f"{at:.1f}", y=0, width="0.6", height=10),
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        class_="bar",
        aria_hidden="true",
        focusable="false",
    )


def _provenance(shot: SheetShot) -> Html | None:
    rows = []
    if shot.release:
        rows.append(_fact("Release", tag("code", shot.release)))
    rows += [
        _fact("License" if number == 0 else "", tag("code", short(digest), title=digest))
        for number, digest in enumerate(shot.licenses)
    ]
    if shot.terms:
        rows.append(_fact("Terms", shot.terms))
    if shot.engine:
        timing = f" · {shot.seconds:.1f} s" if shot.seconds > 0 else ""
        rows.append(_fact("Engine", f"{shot.engine}{timing}"))
    return tag("section", tag("h3", "Provenance"), tag("dl", *rows)) if rows else None


def _fact(name: str, value: str) -> Html:
    return tag("div", tag("dt", name), tag("dd", value))


def _fee(shot: SheetShot) -> Html | None:
    if not shot.fee:
        return None
    rows = []
    for account, amount in shot.shares:
        name, role = party(account)
        rows.append(
            tag(
                "tr",
                tag("th", name, tag("span", f" {role}") if role else None, scope="row"),
                tag("td", amount),
            )
        )
    released = shot.outcome == "released"
    caption = "How it is shared out" if released else "How it would be shared out"
    return tag(
        "section",
        tag("h3", "Fee"),
        tag("p", shot.fee, class_="amount"),
        None if released else tag("p", "due only when the picture is released", class_="said"),
        tag("table", tag("caption", caption), tag("tbody", *rows)) if rows else None,
    )


# --- the foot of the page ---------------------------------------------------------------------------------------


def _footer(sheet: Sheet) -> Html:
    return tag(
        "footer",
        tag(
            "section",
            tag("h2", "Verify any of these pictures"),
            tag(
                "p",
                "Every released file carries a visible label, a watermark and a signed manifest (C2PA). Anybody who has "
                "the file can check it, without an account:",
            ),
            tag(
                "pre", tag("code", "twinbook verify IMAGE"), tabindex="0", aria_label="Command that verifies a picture"
            ),
            tag(
                "p",
                "It says whether the picture is intact, re-encoded or altered, and whether its license still holds. The "
                "pictures on this page are small previews without a manifest: verify the files, not the page.",
            ),
        ),
        tag(
            "section",
            tag("h2", "The log"),
            tag("p", "Every act behind this page is a line in an append-only log that can’t be rewritten unnoticed:"),
            tag("pre", tag("code", sheet.log_line), tabindex="0", aria_label="State of the log"),
            tag(
                "p",
                f"{counted(len(sheet.shots), 'shot')}, {day(sheet.made_at)}. Made with Twinbook.",
                class_="colophon",
            ),
        ),
    )
