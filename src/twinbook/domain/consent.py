"""What a talent allows, in her own signed words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from .canonical import member
from .errors import InputError
from .money import Money
from .party import PaperKind, Party, Role


class Part(StrEnum):
    """Parts of a consent, each given and withdrawn on its own (GDPR art. 7 and 9: specific and explicit)."""

    CAPTURE = "capture"
    TEMPLATE = "template"
    TRAIN = "train"
    GENERATE = "generate"


@dataclass(frozen=True)
class Consent:
    """``until`` is the last day; ``channels``, ``territories`` and ``never`` are lower-case words and ISO 3166 codes;
    ``min_fee`` is per image and gross."""

    talent: Party
    agency: str
    purpose: str
    parts: frozenset[Part]
    starts: date
    until: date
    channels: frozenset[str]
    territories: frozenset[str]
    never: frozenset[str]
    min_fee: Money
    approve_each_image: bool
    max_images_per_month: int

    def document(self) -> dict[str, object]:
        """What she signs. Names stand in it because she must see that it is about her."""
        return {
            "type": PaperKind.CONSENT.value,
            "talent": {"id": self.talent.id, "name": self.talent.name, "born": self.talent.born.isoformat()},
            "agency": self.agency,
            "purpose": self.purpose,
            "parts": sorted(self.parts),
            "starts": self.starts.isoformat(),
            "until": self.until.isoformat(),
            "channels": sorted(self.channels),
            "territories": sorted(self.territories),
            "never": sorted(self.never),
            "min_fee_per_image": str(self.min_fee),
            "approve_each_image": self.approve_each_image,
            "max_images_per_month": self.max_images_per_month,
        }

    @classmethod
    def from_document(cls, document: dict) -> Consent:
        """Raises InputError ``signature.invalid`` for a document that isn't a consent."""
        try:
            if document["type"] != PaperKind.CONSENT.value:
                raise ValueError(document["type"])
            talent = member(document, "talent", dict)
            return cls(
                talent=Party(
                    member(talent, "id", str),
                    Role.TALENT,
                    member(talent, "name", str),
                    date.fromisoformat(talent["born"]),
                ),
                agency=member(document, "agency", str),
                purpose=member(document, "purpose", str),
                parts=frozenset(Part(part) for part in document["parts"]),
                starts=date.fromisoformat(document["starts"]),
                until=date.fromisoformat(document["until"]),
                channels=frozenset(member(document, "channels", list)),
                territories=frozenset(member(document, "territories", list)),
                never=frozenset(member(document, "never", list)),
                min_fee=Money.parse(document["min_fee_per_image"]),
                approve_each_image=member(document, "approve_each_image", bool),
                max_images_per_month=member(document, "max_images_per_month", int),
            )
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise InputError("signature.invalid", f"this is not a consent: {error}") from error

    def in_plain_words(self) -> list[str]:
        """The terms as sentences for the person who signs them."""
        meaning = {
            Part.CAPTURE: "keep and use the photographs of you that you hand over",
            Part.TEMPLATE: "compute a template of your face, to check that pictures are really you",
            Part.TRAIN: "train an image model on your photographs",
            Part.GENERATE: "make new pictures with your twin, each under a license that you sign as well",
        }
        lines = [f"I, {self.talent.name}, born {self.talent.born.isoformat()}, allow these acts and no others:"]
        lines += [f"  - {part}: {meaning[part]}" for part in Part if part in self.parts]
        lines += [f"  - not {part}: nobody may {meaning[part]}" for part in Part if part not in self.parts]
        lines += [
            f"What for: {self.purpose}.",
            f"From {self.starts.isoformat()} to {self.until.isoformat()}; it ends by itself and is never renewed by silence.",
            f"Shown only on: {', '.join(sorted(self.channels))}. Only in: {', '.join(sorted(self.territories))}.",
            f"Never with: {', '.join(sorted(self.never)) or 'nothing named'}.",
            f"I am paid at least {self.min_fee} for each image (gross, before the agency's commission).",
            f"At most {self.max_images_per_month} images a month.",
            "Each image needs my approval before release."
            if self.approve_each_image
            else "Images need no further approval of mine when the checks find them to be me.",
            "I can withdraw this at any time with my key: the next picture is then refused.",
            "This consent is separate from my contract of representation and is no condition of it.",
        ]
        return lines
