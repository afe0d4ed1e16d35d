"""A consent, license or deal memo as people read it, with the digest and the signatures of what is signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..domain.paper import Paper, Signed
from .typeset import typeset
from .wording import day, short

TERMS_FILE = "terms.json"


def paper_pdf(title: str, paper: Paper, plain_words: Sequence[str]) -> bytes:
    """The paper as a PDF that has the exact bytes to be signed attached as ``terms.json``; PDF/A once there is a
    signature, whose date it takes.

    A line of ``plain_words`` that begins with two spaces and a dash is an item of a list. Whether a signature is
    genuine is not judged here: a signature counts as there when it is by the key of who must sign, and the page says
    that it shows the record. Raises ValueError for a document that has no canonical form.
    """
    theirs = {(role, party): _by(paper, role, party) for role, party in paper.signers.items()}
    missing = [f"{_name(paper, role, party)} ({role})" for (role, party), signed in theirs.items() if signed is None]
    strangers = [s.key for s in paper.signatures if (s.key.role, s.key.party) not in theirs]
    moments = [signed.at for signed in paper.signatures] + ([paper.revoked_at] if paper.revoked_at else [])
    return typeset(
        "paper.typ",
        {
            "title": title,
            "kind": _kind(paper),
            "foot": f"{title} · {short(paper.digest)}",
            "words": [_line(words) for words in plain_words],
            "missing": missing,
            "revoked": day(paper.revoked_at) if paper.revoked_at else "",
            "signatures": [_signature(paper, role, party, signed) for (role, party), signed in theirs.items()],
            "others": [f"{key.party} ({key.role}, key {short(key.id)})" for key in strangers],
            "digest": paper.digest,
            "file": TERMS_FILE,
            "bytes": len(paper.message),
        },
        max(moments, default=None),
        attached=paper.message.decode("utf-8"),
    )


def _by(paper: Paper, role: str, party: str) -> Signed | None:
    """The latest signature with the key of this party in this role."""
    found = [s for s in paper.signatures if (s.key.role, s.key.party) == (role, party) and s.signature.key == s.key.id]
    return max(found, key=lambda signed: signed.at, default=None)


def _name(paper: Paper, role: str, party: str) -> str:
    """The name that the document itself gives this party, its id when it gives none."""
    named = paper.document.get(role)
    if isinstance(named, Mapping) and named.get("id") == party and isinstance(named.get("name"), str):
        return named["name"]
    return party


def _kind(paper: Paper) -> str:
    """``license`` of ``twinbook.license/1``. A deal memo needn't be of a kind that can be signed alone."""
    return str(paper.document.get("type", "paper")).removeprefix("twinbook.").partition("/")[0].replace("_", " ")


def _line(words: str) -> dict[str, object]:
    bare = words.lstrip()
    indent = 1 if words.startswith("  ") else 0
    if indent and bare.startswith("- "):
        return {"text": bare[2:], "indent": indent, "item": True}
    return {"text": bare, "indent": indent, "item": False}


def _signature(paper: Paper, role: str, party: str, signed: Signed | None) -> dict[str, str]:
    return {
        "name": _name(paper, role, party),
        "party": party,
        "role": str(role),
        "key": short(signed.key.id) if signed else "",
        "day": day(signed.at) if signed else "",
    }
