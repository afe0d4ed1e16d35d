"""PDFs with Typst. Data travels as JSON beside the template, never inside its source: a name can't become markup."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

import typst

from .wording import DEFAULT, Language, language, legible


@cache
def _template(name: str) -> bytes:
    package = files(__package__)
    return (package / "letterhead.typ").read_bytes() + (package / name).read_bytes()


@cache
def _fonts(*, system: bool) -> typst.Fonts:
    return typst.Fonts(include_system_fonts=system, include_embedded_fonts=True)


def typeset(
    template: str,
    data: Mapping[str, object],
    made_at: datetime | None,
    *,
    spoken: Language | None = None,
    attached: str | None = None,
) -> bytes:
    """A PDF from ``template`` (a file of this package) and ``data`` (JSON values; all text in it becomes printable), in
    English if no other language is ``spoken``.

    ``attached`` is text that the template embeds as a file, byte for byte. Equal arguments give equal bytes (of one
    version of Typst, and while the bundled fonts do).
    ``made_at`` is the PDF's date: with it the result is archival, PDF/A-2a, or 3a with an attachment. Without it (a
    draft) there is no date in it, and it is tagged for screen readers only, PDF/UA-1; the archival ones are as well.

    Should a name need a glyph that the fonts bundled with Typst don't have, the machine's fonts are tried, and as the
    last resort the PDF is an ordinary one: a paper that a person is owed is never refused for her name.
    """
    made = made_at.astimezone(UTC).replace(microsecond=0) if made_at else None  # PDF dates have whole seconds
    spoken = spoken or language(DEFAULT)
    page = {"lang": spoken.code, "page": spoken.say("page.page", page="{page}", pages="{pages}")}
    inputs = {"data": json.dumps(_printable({**data, **page, "dated": made is not None}))}
    if attached is not None:
        inputs["attached"] = attached
    archival = ["a-2a" if attached is None else "a-3a"] if made else []
    best = [*archival, "ua-1"]
    attempts = ((False, best), (True, best), (True, []))
    for system_fonts, standards in attempts:
        try:
            return typst.compile(
                _template(template),
                format="pdf",
                font_paths=_fonts(system=system_fonts),
                ignore_system_fonts=not system_fonts,
                sys_inputs=inputs,
                pdf_standards=standards,
                timestamp=made,
            )
        except typst.TypstError as error:
            if not standards or "could not be displayed" not in str(error):
                raise
    raise AssertionError("the last attempt returns or raises")


def _printable(value: object) -> object:
    if isinstance(value, str):
        return legible(value)
    if isinstance(value, Mapping):
        return {key: _printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value]
    return value
