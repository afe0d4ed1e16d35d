"""HTML from values: whatever is not `Html` already is text, and text is escaped. Forgetting to escape is impossible."""

from __future__ import annotations

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
