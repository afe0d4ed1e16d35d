"""HTML from values: whatever is not `Html` already is text, and text is escaped. Forgetting to escape is impossible."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from .wording import legible

_VOID = frozenset({"img", "meta", "link", "br", "hr"})

Attribute = str | int | float | bool | None


class Html(str):
    """Markup that may stand in a page as it is. Only `tag`, `join` and the page's own constants make it."""

    __slots__ = ()


def text(value: str) -> Html:
    """Any string as text of a page."""
    return Html(escape(legible(value), quote=True))


def join(*children: str | None) -> Html:
    """Pieces one after the other; None is left out."""
    return Html("".join(child if isinstance(child, Html) else text(child) for child in children if child is not None))


def tag(name: str, /, *children: str | None, **attributes: Attribute) -> Html:
    """An element. ``class_`` is written class, ``aria_label`` aria-label; False and None leave an attribute out."""
    written = []
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if value is True:
            written.append(f" {key}")
        elif value is not None and value is not False:
            written.append(f' {key}="{text(str(value))}"')
    opening = f"<{name}{''.join(written)}>"
    return Html(opening) if name in _VOID else Html(f"{opening}{join(*children)}</{name}>")


def shell(title: str, style: str, *body: Html) -> str:
    """A whole page that asks for nothing from anywhere: pictures are embedded, there is no script, and its own content
    security policy forbids both, so that not even an escape that failed could load or run anything."""
    style_hash = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{style_hash}'; base-uri 'none'; form-action 'none'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="robots", content="noindex"),
        tag("meta", name="generator", content="Twinbook"),
        tag("title", title),
        tag("style", Html(style)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', *body), lang='en')}\n"
