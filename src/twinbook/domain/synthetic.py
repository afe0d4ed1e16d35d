"""Rules for a twin of a person who does not exist: always an adult, and nobody's double."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import Reason, reason
from .gate import ADULT
from .spelling import plain

MOST_AGE = 120
# Words that say or suggest a minor, in the languages that briefs are written in here. In the description of somebody who
# does not exist there is no need for any of them, whatever else they may mean: "girl" for a woman included.
_WORDS = """
adolescent adolescents baby babies boy boys child childish childlike children girl girls girlish infant infants juvenile
kid kids lolita lolitas minor minors newborn preteen preteens prepubescent pubescent puberty schoolboy schoolboys
schoolchild schoolchildren schoolgirl schoolgirls shota teen teens teenage teenaged teenager teenagers toddler toddlers
tween tweens underage underaged youngster youngsters youth youths youthful
barn barnet barnslig flicka flickor pojke pojkar spädbarn tonåring tonåringar
kleinkind kindlich mädchen junge jungen jugendliche jugendlicher jugendlich säugling teenie
enfant enfants fille fillette garçon garçonnet adolescente mineur mineure
"""
_MINOR = frozenset(_WORDS.split())
_PHRASES = ("high school", "middle school", "primary school", "under age", "pre teen", "barely legal", "just turned 18")
_COUNTED = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
_IN_LETTERS = re.compile(rf"\b({_COUNTED.replace(' ', '|')}) years?\b")
# Any number that a description calls an age: "31 years old", "31-year-old", "aged 31", "31 yo", "age: 31", "in her 30s".
_AGES = (
    re.compile(r"(?<!\d)(\d{1,3})\s*(?:years?|yrs?|yo\b|y/o|år|jahre?|ans\b)"),
    re.compile(r"\b(?:age|aged|ålder|alter|âge)\s*[:=]?\s*(\d{1,3})(?!\d)"),
    re.compile(
        r"\b(?:a|an|of|en|eine?|une?)\s+(?:woman|man|person|model|kvinna|frau|mann|femme|homme)?\s*(?:of\s+)?(\d{2,3})(?!\d)"
    ),
    re.compile(r"\b(\d{2,3})s\b"),
)


def minority(text: str) -> frozenset[str]:
    """The words of a text that say or suggest a minor."""
    said = plain(text)
    words = set(re.findall(r"[^\W\d_]+", said))
    phrases = [phrase for phrase in _PHRASES if phrase in said] + [found[0] for found in _IN_LETTERS.finditer(said)]
    return frozenset(words & _MINOR) | frozenset(phrases)


def ages(text: str) -> tuple[int, ...]:
    """Every age that a text declares, as it stands there. A decade counts as its first year."""
    said = plain(text)
    return tuple(int(found) for pattern in _AGES for found in pattern.findall(said))


def description_faults(text: str) -> tuple[Reason, ...]:
    """Why nobody may be made from this description: it must declare an age, an adult's, and no word may suggest a minor."""
    found = ages(text)
    faults = []
    if young := [age for age in found if age < ADULT]:
        faults.append(reason("synthetic.minor", f"the description declares an age of {min(young)}"))
    elif not found or max(found) > MOST_AGE:
        faults.append(reason("synthetic.minor", "the description declares no age", "write it: a woman of 31"))
    if words := minority(text):
        faults.append(reason("synthetic.minor", f"the description says {', '.join(map(repr, sorted(words)))}"))
    return tuple(faults)


def prompt_faults(prompt: str) -> tuple[Reason, ...]:
    """Why somebody who does not exist may not be shown like this: no prompt makes her a minor."""
    said = sorted(minority(prompt)) + [str(age) for age in ages(prompt) if age < ADULT]
    return (reason("synthetic.minor", f"the prompt says {', '.join(map(repr, said))}"),) if said else ()


@dataclass(frozen=True)
class Resemblance:
    """How far a face of nobody is from somebody's, and the distance within which it would be taken for theirs. ``who`` is
    what may be said of them: never the name of another talent."""

    who: str
    distance: float
    bound: float

    @property
    def alike(self) -> bool:
        return not self.distance > self.bound  # written so that a figure that is no number counts as alike


def resemblances(found: Iterable[Resemblance]) -> tuple[Reason, ...]:
    """Why the face is somebody's: the nearest first."""
    alike = sorted((one for one in found if one.alike), key=lambda one: (one.distance, one.who))
    return tuple(
        reason(
            "synthetic.likeness",
            f"the face could be taken for {one.who}: distance {one.distance:.2f}, and up to {one.bound:.2f} counts as theirs",
        )
        for one in alike
    )
