"""Settings: from the environment and the command line, in one value. `SETTINGS` names every variable that is read."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .domain.errors import InputError

# name: meaning
SETTINGS = {
    "TWINBOOK_HOME": "The folder with database, vault and keys; by default .twinbook beside the campaign file",
    "TWINBOOK_MASTER_KEY": "The master key, 32 bytes in hex or base64; by default the file keys/master.key in the home",
    "TWINBOOK_TENANT": "Whose programme this is; by default 'home'. Nothing of one tenant is seen by another",
}
DEFAULT_HOME = ".twinbook"


@dataclass(frozen=True)
class Settings:
    """``master_key`` is None when the key lies in the home."""

    home: Path
    tenant: str = "home"
    master_key: bytes | None = None


def settings(
    environment: Mapping[str, str] = os.environ, home: Path | None = None, beside: Path | None = None
) -> Settings:
    """``home`` (the command line's word) outranks the environment, which outranks the folder ``beside``.

    Raises InputError ``key.master`` for a master key that can't be read.
    """
    named = environment.get("TWINBOOK_HOME")
    folder = home or (Path(named) if named else (beside or Path()) / DEFAULT_HOME)
    key = environment.get("TWINBOOK_MASTER_KEY")
    return Settings(folder, environment.get("TWINBOOK_TENANT") or "home", _key(key) if key else None)


def _key(text: str) -> bytes:
    for decode in (bytes.fromhex, lambda t: base64.b64decode(t, validate=True)):
        try:
            key = decode(text.strip())
        except (ValueError, binascii.Error):
            continue
        if len(key) == 32:
            return key
    raise InputError("key.master", "TWINBOOK_MASTER_KEY is not 32 bytes in hex or base64")
