"""A capture session's report: which views are covered, what to retake and how, and every photograph with its verdict.

For the photographer, between two set-ups. The page asks for nothing from anywhere (`markup.shell`).
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from ..domain.capture import GUIDES, Need, Note, State, Verdict, coverage
from ..domain.errors import CODES
from ..domain.twin import Framing, View
from ..ports import SessionSheet
from .markup import Html, shell, tag
from .pictures import preview
from .wording import counted, day, moment

LARGE, SMALL = 560, 300  # longest side of a preview in pixels: to be retaken, and on the contact sheet

# state: (heading, mark that doesn't need colour, what it means)
STATES = {
    State.ACCEPTED: ("Good", "●", "nothing to mend"),
    State.REMARK: ("Usable", "◐", "with a remark"),
    State.RETAKE: ("To retake", "✕", "of no use as they are"),
}
_CLASSES = {State.ACCEPTED: "is-released", State.REMARK: "is-quarantined", State.RETAKE: "is-refused"}
_FRAMINGS = {Framing.HEAD: "head", Framing.HALF: "half length", Framing.FULL: "full length"}
_NEEDS = {
    Need.FRONT: "Front",
    Need.THREE_QUARTER: "Three-quarter",
    Need.PROFILE: "Profile",
    Need.FULL_LENGTH: "Full length",
    Need.HANDS: "Hands",
}


def page(sheet: SessionSheet) -> str:
    """The whole page. A picture that can't be shown leaves a placeholder; nothing here raises."""
    shown = list(zip(sheet.files, sheet.verdicts, strict=True))
    retake = [pair for pair in shown if pair[1].state is State.RETAKE]
    remark = [pair for pair in shown if pair[1].state is State.REMARK]
    good = [pair for pair in shown if pair[1].state is State.ACCEPTED]
    main = tag(
        "main",
        _views(shown),
        _notes("retake", "To retake", "These can’t be used. What to do stands beside each.", retake),
        _notes("usable", "Usable, could be better", "These are used when nothing better is there.", remark),
        _sheet(good),
    )
    title = f"{sheet.title} · capture session"
    return shell(title, _css(), _header(sheet), main, _footer(sheet))


@cache
def _css() -> str:
    folder = files(__package__)
    return "".join((folder / name).read_text(encoding="utf-8") for name in ("sheet.css", "session.css"))


def _mark(state: State) -> Html:
    return tag("span", STATES[state][1], class_="mark", aria_hidden="true")


def _header(sheet: SessionSheet) -> Html:
    counts = [
        tag(
            "div",
            tag("dt", _mark(state), heading),
            tag("dd", str(sum(verdict.state is state for verdict in sheet.verdicts))),
            class_=_CLASSES[state],
        )
        for state, (heading, _, _) in STATES.items()
    ]
    kept = sum(verdict.kept for verdict in sheet.verdicts)
    counts.append(tag("div", tag("dt", "Plates" if sheet.kept else "Would be plates"), tag("dd", str(kept))))
    return tag(
        "header",
        tag("p", "Twinbook capture session", class_="eyebrow"),
        tag("h1", sheet.title, class_="long" if len(sheet.title) > 44 else None),
        tag(
            "p",
            tag("span", counted(len(sheet.verdicts), "photograph")),
            tag("time", moment(sheet.made_at), datetime=sheet.made_at.isoformat()),
            class_="byline",
        ),
        tag("p", _next(sheet), class_="next"),
        tag("dl", *counts, class_="counts"),
        class_="masthead",
    )


def _next(sheet: SessionSheet) -> str:
    """What to do now, in one sentence."""
    if not any(verdict.usable for verdict in sheet.verdicts):
        return "No photograph can be used yet."
    lacking = [_NEEDS[need].lower() for need in coverage(sheet.verdicts).lacking]
    if not lacking:
        return "Every view is covered: the session is complete."
    last = f"{', '.join(lacking[:-1])} and {lacking[-1]}" if len(lacking) > 1 else lacking[0]
    return f"Still to take: {last}."


# --- views ------------------------------------------------------------------------------------------------------


def _views(shown: list[tuple[Path, Verdict]]) -> Html:
    covered = coverage(verdict for _, verdict in shown)
    cards = []
    for need in Need:
        names = covered.photos[need]
        meeting = [(file, verdict) for file, verdict in shown if verdict.photo in names]
        best = max(meeting, key=lambda pair: _telling(pair[1], need), default=(None, None))[0]
        state = tag(
            "p",
            tag("span", "●" if names else "○", class_="mark", aria_hidden="true"),
            counted(len(names), "photograph") if names else "still to take",
            class_="state",
        )
        cards.append(
            tag(
                "li",
                _image(best, f"Photograph that shows {_NEEDS[need].lower()}", SMALL) if names else _missing(need),
                tag("h3", _NEEDS[need]),
                state,
                tag("p", GUIDES[need].how, class_="how"),
                tag("p", GUIDES[need].why, class_="why"),
                class_=("is-released" if names else "is-waiting") + (" whole" if need is Need.FULL_LENGTH else ""),
            )
        )
    return tag("section", tag("h2", "Views"), tag("ol", *cards, role="list", class_="views"), id="views")


def _telling(verdict: Verdict, need: Need) -> tuple[int, bool]:
    """How well a photograph shows a need at a glance: heads large, figures whole."""
    size = {Framing.FULL: 0, Framing.HALF: 1, Framing.HEAD: 2}.get(verdict.look.framing, 0)
    return -size if need in (Need.FULL_LENGTH, Need.HANDS) else size, verdict.kept


def _missing(need: Need) -> Html:
    return tag("div", tag("span", "none yet"), class_="placeholder", role="img", aria_label=f"No {_NEEDS[need]} yet")


def _image(file: Path | None, alt: str, longest: int) -> Html:
    picture = preview(file, longest)
    if picture is None:
        return tag("div", tag("span", "This file can’t be shown"), class_="placeholder")
    return tag("img", src=picture.uri, alt=alt, width=picture.width, height=picture.height, loading="lazy")


# --- photographs ------------------------------------------------------------------------------------------------


def _notes(anchor: str, heading: str, said: str, shown: list[tuple[Path, Verdict]]) -> Html | None:
    if not shown:
        return None
    return tag(
        "section",
        tag("h2", heading, " ", tag("span", str(len(shown)), class_="number")),
        tag("p", said, class_="said"),
        tag("ol", *(_noted(file, verdict) for file, verdict in shown), role="list", class_="noted"),
        id=anchor,
    )


def _noted(file: Path, verdict: Verdict) -> Html:
    return tag(
        "li",
        _image(file, f"{verdict.photo}: {STATES[verdict.state][0]}", LARGE),
        tag(
            "div",
            tag("h3", _mark(verdict.state), verdict.photo),
            tag("p", _what(verdict), class_="what") if verdict.look else None,
            tag("ul", *(_note(note, verdict.photo) for note in verdict.notes), role="list"),
        ),
        class_=_CLASSES[verdict.state],
    )


def _note(note: Note, photo: str) -> Html:
    figure = None
    if note.measure is not None and note.bound is not None:
        measured, bound = f"{note.measure:.3g}", f"{note.bound:.3g}"
        figure = tag("p", f"measured {measured}, bound {bound}".replace("-", "−"), class_="figure")
    return tag(
        "li",
        tag("p", CODES[note.code][0], " ", tag("code", note.code), class_="code"),
        tag("p", _sentence(note.reason.remedy, photo), class_="remedy"),
        tag("p", _sentence(note.reason.diagnosis, photo), class_="diagnosis"),
        figure,
    )


def _sentence(text: str, photo: str) -> str:
    first = text[:1] if text.startswith(photo) else text[:1].upper()
    return first + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _what(verdict: Verdict) -> str:
    look = verdict.look
    parts = [] if look.view is View.UNKNOWN else [look.view.value]
    if look.framing in _FRAMINGS:
        parts.append(_FRAMINGS[look.framing])
    if look.yaw is not None and look.view is View.THREE_QUARTER:
        side = "right" if look.yaw > 0 else "left"
        parts[0] += f", {abs(look.yaw):.0f}° to the {side}"
    if look.hands:
        parts.append(counted(look.hands, "hand"))
    return " · ".join(parts)


def _sheet(shown: list[tuple[Path, Verdict]]) -> Html | None:
    if not shown:
        return None
    tiles = []
    for file, verdict in shown:
        spare = any(note.code == "capture.spare" for note in verdict.notes)
        caption = tag(
            "figcaption",
            tag("b", verdict.photo),
            tag("span", _what(verdict)),
            tag("span", "spare: there are better ones of this view", class_="spare") if spare else None,
        )
        tiles.append(
            tag("li", tag("figure", _image(file, f"{verdict.photo}: {_what(verdict)}", SMALL), caption), class_="good")
        )
    return tag(
        "section",
        tag("h2", "Good ", tag("span", str(len(shown)), class_="number")),
        tag("ol", *tiles, role="list", class_="tiles"),
        id="good",
    )


def _footer(sheet: SessionSheet) -> Html:
    if sheet.kept:
        kept = "Plates were made from these photographs under her signed consent, and lie encrypted under a key of her own."
    else:
        kept = "The photographs were judged on this machine. Nothing of them was kept or sent but the previews on this page."
    faces = (
        "To tell whether all show one person, faces were compared with each other in memory; no template was stored. "
        "Where the law wants her consent to that, as in the EU, ask her before, or judge with --no-compare."
        if sheet.compared and not sheet.kept
        else "No face was compared with another."
        if not sheet.compared
        else "She can withdraw that consent with her own key at any time."
    )
    return tag(
        "footer",
        tag("section", tag("h2", "Her photographs"), tag("p", kept), tag("p", faces)),
        tag(
            "section",
            tag("h2", "This page"),
            tag("p", "It shows her: it is for her and whoever photographs her. Delete it when the session is done."),
            tag(
                "p",
                f"{counted(len(sheet.verdicts), 'photograph')}, {day(sheet.made_at)}. Made with Twinbook.",
                class_="colophon",
            ),
        ),
    )
