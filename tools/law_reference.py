"""Write docs/reference/law.md from the law packs that ship. Run it after changing a pack."""

from pathlib import Path

from twinbook import law
from twinbook.domain.policy import DERIVED, METADATA, OPERATORS, TOPICS, Condition, Label, Pack, Rule, known_facts

HEAD = """# Law packs

**Not legal advice.** A pack holds rules of one place, or of one agreement, as data: each with the day it speaks from, its status and its
source. They are what was found and read up to the day a pack was reviewed; ask a lawyer before you rely on them. This page is
written by `tools/law_reference.py` from the packs in `src/twinbook/law/`, and the tests fail when the two differ.
`twinbook law list` prints the packs, `twinbook law check` holds a campaign file or a paper against them, the gate holds every
permit against them. [Add a jurisdiction](../howto/add-a-jurisdiction.md) is one more file.

- A rule **in force** refuses. So does one that is **kept**: it couldn't be confirmed, and the
  stricter reading protects her. One that is **unconfirmed** or **advice** warns and never refuses.
- A pack has a say where its territories overlap with those shown in: `US` is held against every state's pack, `SE` against Sweden's and the
  Union's. A rule reaches the *talent* based there, the *audience* there, or *either*.
- A territory that no pack covers whole is a warning of its own, and its images get the strictest of all labels known: New York's
  pack says nothing of the rest of `US`.
- An **agreement** binds its parties and is no law of a place.

| pack | covers | status | reviewed | rules | labels |
|---|---|---|---|---|---|
"""

FACTS = """
## What a rule can ask about

Every member of a [consent or a license](campaign-file.md) under its name in the paper (`consent.representation`,
`license.split.agency`), and what follows from them or from the moment:

| fact | |
|---|---|
"""


def page() -> str:
    packs = law.load().packs
    rows = "".join(
        f"| [`{p.id}`](#{p.id}) {p.name} | {', '.join(sorted(p.covers))} | {p.status}{', agreement' if p.agreement else ''} "
        f"| {p.reviewed} | {len(p.rules)} | {len(p.labels)} |\n"
        for p in packs
    )
    return HEAD + rows + "".join(_pack(p) for p in packs) + _facts()


def _pack(pack: Pack) -> str:
    text = f"\n## {pack.id}\n\n**{pack.name}.** {pack.about}\n"
    if pack.rules:
        text += "\n| rule | asks | reaches | from | status | source |\n|---|---|---|---|---|---|\n"
        text += "".join(_rule(rule) for rule in pack.rules)
    if pack.labels:
        text += "\n| label for | says | letters | with | from | status | source |\n|---|---|---|---|---|---|---|\n"
        text += "".join(_label(label) for label in pack.labels)
    return text


def _rule(rule: Rule) -> str:
    asked = "; ".join(_condition(condition) for condition in rule.require)
    when = " where " + " and ".join(_condition(condition) for condition in rule.when) if rule.when else ""
    days = f"{rule.since}{f' to {rule.until}' if rule.until else ''}"
    return (
        f"| `{rule.id}` `law.{rule.topic}` | {rule.title}. {asked}{when} | {rule.reach} | {days} | {rule.status} "
        f"| [{rule.source}]({rule.url}) |\n"
    )


def _condition(condition: Condition) -> str:
    value = condition.value
    if isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, tuple):
        value = " ".join(value)
    return f"`{condition.fact} {condition.operator} {value}`"


def _label(label: Label) -> str:
    words = label.text.get("en") or " ".join(label.text.values())
    others = len(label.text) - 1
    says = f"“{words}”" + (f" and in {others} more language{'s' if others > 1 else ''}" if others else "")
    if label.channels:
        says += f", on {', '.join(sorted(label.channels))}"
    share = f"{float(label.min_share):.0%} of the shortest side" if label.min_share else "legible"
    return (
        f"| {', '.join(sorted(label.made))} | {says} | {share} | {', '.join(sorted(label.metadata)) or '–'} "
        f"| {label.since} | {label.status} | [{label.source}]({label.url}) |\n"
    )


def _facts() -> str:
    named = sorted(known_facts() - set(DERIVED))
    return (
        FACTS
        + "".join(f"| `{fact}` | {meaning} |\n" for fact, meaning in DERIVED.items())
        + f"\nMembers: {', '.join(f'`{fact}`' for fact in named)}.\n"
        + f"\nOperators: {', '.join(f'`{word}`' for word in OPERATORS)}. Topics: {', '.join(f'`{t}`' for t in sorted(TOPICS))}. "
        + f"Marks: {', '.join(f'`{mark}`' for mark in sorted(METADATA))}.\n"
    )


if __name__ == "__main__":
    Path("docs/reference/law.md").write_text(page(), encoding="utf-8")
