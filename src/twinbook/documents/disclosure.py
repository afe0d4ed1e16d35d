"""The first page of a copy of everything that is held about a person: what is in it, file by file, in her language."""

from __future__ import annotations

from ..ports import Disclosure
from .markup import Html, join, tag
from .wording import inline, language

_STYLE = Html(
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:3rem auto;padding:0 1rem;color:#1c1b1a}"
    "h1{font-size:1.6rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}ul{padding-left:1.2rem}li{overflow-wrap:anywhere}"
    "a{color:inherit}"
)


def page(disclosure: Disclosure, code: str) -> str:
    spoken = language(code)
    title = spoken.say("disclosure.title", name=inline(disclosure.name))
    made = spoken.say("disclosure.made", at=spoken.moment(disclosure.at), digest=disclosure.request[:12])
    left = disclosure.left_out
    head = tag("head", tag("meta", charset="utf-8"), tag("title", title), tag("style", _STYLE))
    sections = [
        part
        for name, files in disclosure.sections.items()
        for part in (
            tag("h2", spoken.say(f"disclosure.{name}")),
            tag("ul", *(tag("li", tag("a", file, href=file)) for file in files)) if files else tag("p", "–"),
        )
    ]
    note = spoken.say("disclosure.left_out", n=left) if left else spoken.say("disclosure.whole")
    body = tag("body", tag("h1", title), tag("p", made), *sections, tag("p", note))
    return "<!doctype html>\n" + join(tag("html", head, body, lang=spoken.code))
