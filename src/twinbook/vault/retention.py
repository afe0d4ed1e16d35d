"""Papers under legal retention, in files beside the vault: under a key of their own, which opens nothing in the vault.

Erasing a talent destroys her data key and leaves these; whoever has the master key alone reads none of them. What a
paper is, whose and until when is sealed with it: a listing of the folder tells how many there are.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path

from twinbook import durable
from twinbook.domain.errors import InputError, StateError
from twinbook.ports import Retained

from .ring import derive, opened, sealed


class FileRetention:
    """Implements the Retention port. ``key`` is 32 bytes."""

    def __init__(self, folder: Path, key: bytes) -> None:
        if len(key) != 32:
            raise InputError("key.retention", "the retention key has not 32 bytes")
        self._folder = folder
        self._seal, self._names = derive(key, "retention/seal"), derive(key, "retention/names")

    def keep(self, retained: Retained, document: Mapping[str, object]) -> None:
        facts = asdict(retained) | {"kept_at": retained.kept_at.isoformat(), "until": retained.until.isoformat()}
        data = json.dumps({"facts": facts, "document": document}, ensure_ascii=False).encode()
        file = self._file(retained.id)
        durable.write(file, sealed(self._seal, data, file.name.encode()), mode=0o600)

    def all(self) -> list[Retained]:
        files = self._folder.iterdir() if self._folder.is_dir() else ()
        found = [self._read(file)[0] for file in files if not file.name.startswith(".")]
        return sorted(found, key=lambda retained: (retained.kept_at, retained.alias, retained.kind, retained.id))

    def open(self, retained_id: str) -> Mapping[str, object]:
        return self._read(self._file(retained_id))[1]

    def destroy(self, retained_id: str) -> None:
        durable.shred(self._file(retained_id))

    def _file(self, retained_id: str) -> Path:
        return self._folder / hmac.new(self._names, retained_id.encode(), hashlib.sha256).hexdigest()

    def _read(self, file: Path) -> tuple[Retained, Mapping[str, object]]:
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            raise InputError("retention.unknown", "no such paper is kept under retention") from None
        plain = opened(self._seal, data, file.name.encode())
        if plain is None:
            raise StateError("vault.damaged", "a paper under retention was changed, or the retention key is another")
        kept = json.loads(plain)
        facts = kept["facts"]
        times = {"kept_at": datetime.fromisoformat(facts["kept_at"]), "until": date.fromisoformat(facts["until"])}
        return Retained(**{**facts, **times}), kept["document"]
