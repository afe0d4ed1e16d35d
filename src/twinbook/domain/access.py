"""Her right to see what is held about her: a request that she signs, for one look or for a copy of everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .form import Form
from .party import PaperKind, Role


class Scope(StrEnum):
    """``look``: at plates, under her consent. ``everything``: a copy of all of it, whatever became of her consent."""

    LOOK = "look"
    EVERYTHING = "everything"


@dataclass(frozen=True)
class Access(Form):
    """She wants to see what is held about her. Her agency can't ask, nor a brand, nor whoever runs the home. ``estate`` signs
    in her place after her death, if her consent names one."""

    KIND = PaperKind.ACCESS

    talent: str
    scope: Scope
    at: datetime
    estate: str = ""

    def signers(self) -> Mapping[Role, str]:
        return {Role.ESTATE: self.estate} if self.estate else {Role.TALENT: self.talent}
