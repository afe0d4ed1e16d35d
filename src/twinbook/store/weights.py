"""Base weights on this machine: a registry of folders, each file known by its SHA-256.

Weights are many gigabytes, so that a folder somebody adds stays where it is; only what is pulled lies in the home. What a
loader would run or unpickle is never registered, and a folder that isn't as it was registered is never handed out.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from twinbook import durable
from twinbook.domain.errors import InputError, StateError
from twinbook.domain.weights import PUBLISHED, Family, Weights, for_sale
from twinbook.ports import Clock

# What loaders read and nothing can be run from. Jinja is the chat template of a text encoder's tokenizer, which
# transformers renders in a sandbox.
LOADED = frozenset({".safetensors", ".json", ".txt", ".model", ".spm", ".jinja"})
# What lies beside weights for people, and no loader looks at.
_FOR_PEOPLE = frozenset({".md", ".png", ".jpg", ".jpeg", ".webp", ".gif", ".pdf"})
_PEOPLE_NAMES = frozenset({"license", "licence", "notice", "copying", "readme"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
# The header of a safetensors file is JSON after its length; the format's own limit for it is 100 MB.
_MOST_HEADER = 100_000_000
_CARD = "README.md"


class FileWeights:
    """Implements the WeightsShelf port in ``folder``: ``registry.json``, and what was pulled."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._registry = folder / "registry.json"
        # What a file was when it was last read here: size, times and inode, with the digest.
        self._seen: dict[Path, tuple[tuple[int, ...], str]] = {}

    def add(
        self,
        folder: Path,
        name: str,
        family: Family,
        licence: str,
        commercial: bool,
        source: str = "",
        revision: str = "",
    ) -> Weights:
        _check_name(name)
        where = _root(folder)
        made = Weights(
            name=name,
            family=Family(family),
            licence=licence.strip(),
            commercial=for_sale(licence, commercial, source),
            source=source or str(where),
            revision=revision,
            files=self._hashed(where, "weights.unreadable"),
            added_at=self._clock.now(),
        )
        self._register(made, where, pulled=False)
        return made

    def pull(
        self, repo: str, revision: str, name: str, family: Family, licence: str = "", commercial: bool = False
    ) -> Weights:
        _check_name(name)
        if not _REPO.fullmatch(repo):
            raise InputError("weights.pull", f"{repo!r} is no repository", "name it as OWNER/NAME")
        if not _COMMIT.fullmatch(revision):
            raise InputError("weights.revision", f"{revision!r} is no commit: a branch or tag can be moved")
        if stated := licence or PUBLISHED.get(repo, ""):
            for_sale(stated, commercial, repo)  # before gigabytes come for nothing
        try:
            # Here and nowhere else: nothing is ever fetched but when somebody asks for it by this method.
            from huggingface_hub import snapshot_download
        except ImportError as error:
            raise InputError("diffusion.missing", f"{error.name} is not installed") from error
        draft, where = self._folder / f".{name}.pulling", self._folder / name
        with durable.alone(self._folder / f".{name}.lock"):
            self._must_be_free(name)
            try:
                snapshot_download(
                    repo_id=repo,
                    revision=revision,
                    local_dir=str(draft),
                    allow_patterns=[*(f"*{ending}" for ending in sorted(LOADED)), _CARD, "LICENSE*"],
                )
            except Exception as error:  # whatever the client raises, it is that nothing came
                raise InputError(
                    "weights.pull", f"{repo} at {revision[:12]}: {type(error).__name__}: {error}"
                ) from error
            durable.remove_folder(draft / ".cache")
            files = self._hashed(draft, "weights.unreadable")
            named = licence or PUBLISHED.get(repo, "") or _card_licence(draft)
            made = Weights(
                name=name,
                family=Family(family),
                licence=named,
                commercial=for_sale(named, commercial, repo),
                source=repo,
                revision=revision,
                files=files,
                added_at=self._clock.now(),
            )
            durable.remove_folder(where)  # of a process that was killed between the two steps below: nobody knows it
            durable.rename(draft, where)
            self._register(made, where.resolve(), pulled=True)
        return made

    def declare(self, name: str, family: Family, licence: str, commercial: bool) -> Weights:
        _check_name(name)
        made = Weights(
            name=name,
            family=Family(family),
            licence=licence.strip(),
            commercial=for_sale(licence, commercial),
            source="elsewhere",
            revision="",
            files={},
            added_at=self._clock.now(),
        )
        self._register(made, Path(), pulled=False)
        return made

    def get(self, name: str) -> Weights:
        return self._entry(name)[0]

    def all(self) -> Sequence[Weights]:
        return tuple(_weights(name, entry) for name, entry in sorted(self._read().items()))

    def folder(self, name: str) -> Path:
        weights, where, _ = self._entry(name)
        if not weights.files:
            raise InputError("weights.elsewhere", f"{name} was declared, and its files are not on this machine")
        found = self._hashed(where, "weights.changed")
        for file, expected in weights.files.items():
            if found.get(file) != expected:
                what = "is not there any more" if file not in found else "is not as it was registered"
                raise StateError("weights.changed", f"{name}: {file} {what}")
        if further := sorted(set(found) - set(weights.files)):
            raise StateError("weights.changed", f"{name}: {further[0]} was not there when they were registered")
        return where

    def remove(self, name: str) -> None:
        with durable.alone(self._folder / "lock"):
            _, where, pulled = self._entry(name)
            entries = self._read()
            del entries[name]
            self._write(entries)
        if pulled:
            durable.remove_folder(where)

    # --- the registry -------------------------------------------------------------------------------------------

    def _register(self, made: Weights, where: Path, *, pulled: bool) -> None:
        with durable.alone(self._folder / "lock"):
            self._must_be_free(made.name)
            entry = {
                "family": made.family.value,
                "licence": made.licence,
                "commercial": made.commercial,
                "source": made.source,
                "revision": made.revision,
                "files": dict(made.files),
                "added_at": made.added_at.isoformat(),
                "folder": str(where),
                "pulled": pulled,
            }
            self._write(self._read() | {made.name: entry})

    def _must_be_free(self, name: str) -> None:
        if name in self._read():
            raise InputError("weights.taken", f"there are weights called {name!r} already")

    def _entry(self, name: str) -> tuple[Weights, Path, bool]:
        entry = self._read().get(name)
        if entry is None:
            raise InputError("weights.unknown", f"there are no weights {name!r} here")
        weights = _weights(name, entry)
        pulled = entry.get("pulled") is True
        # What is removed with them is never more than their own folder, whatever the registry says.
        return weights, (self._folder / name).resolve() if pulled else Path(str(entry["folder"])), pulled

    def _read(self) -> dict[str, dict]:
        try:
            found = json.loads(self._registry.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise StateError("weights.changed", f"the registry of weights can't be read: {error}") from error
        entries = found.get("weights") if isinstance(found, dict) else None
        if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
            raise StateError("weights.changed", "the registry of weights isn't one")
        return entries

    def _write(self, entries: Mapping[str, dict]) -> None:
        text = json.dumps({"weights": dict(sorted(entries.items()))}, indent=1, ensure_ascii=False)
        durable.write(self._registry, text.encode())

    # --- files --------------------------------------------------------------------------------------------------

    def _hashed(self, where: Path, code: str) -> dict[str, str]:
        """Every file that a loader could read, by its path in the folder. Raises ``code`` for whatever it mustn't."""
        found = {}
        for file, about in _files(where, code):
            name = file.relative_to(where).as_posix()
            ending = file.suffix.lower()
            if ending in _FOR_PEOPLE or (not ending and file.name.lower() in _PEOPLE_NAMES):
                continue
            if ending not in LOADED:
                why = "only safetensors, JSON and tokenizer files are taken: others can hold code"
                raise _refused(code, f"{name}: {why}")
            found[name] = self._digest(file, about, code)
        if not any(name.endswith(".safetensors") for name in found):
            raise _refused(code, f"there are no safetensors in {where}")
        return found

    def _digest(self, file: Path, about: os.stat_result, code: str) -> str:
        # A file's change time can't be set back as its modification time can.
        stamp = (about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino)
        seen = self._seen.get(file)
        if seen and seen[0] == stamp:
            return seen[1]
        try:
            with file.open("rb") as opened:
                if file.suffix.lower() == ".safetensors":
                    _check_header(opened.read(9), about.st_size, file.name, code)
                    opened.seek(0)
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise _refused(code, f"{file.name} can't be read: {error.strerror}") from error
        self._seen[file] = stamp, digest
        return digest


def _refused(code: str, diagnosis: str) -> InputError | StateError:
    return InputError(code, diagnosis) if code == "weights.unreadable" else StateError(code, diagnosis)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name == "registry.json" or name == "lock":
        raise InputError("weights.name", f"weights can't be called {name!r}")


def _root(folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError("weights.unreadable", f"{folder} is no folder")
    return folder.resolve()


def _files(where: Path, code: str) -> list[tuple[Path, os.stat_result]]:
    """Every regular file of a folder but hidden ones, which no loader reads. A link could lead anywhere, tomorrow
    somewhere else: there may be none."""
    found = []

    def fail(error: OSError) -> None:
        raise _refused(code, f"{where} can't be read: {error.strerror}") from error

    for at, folders, names in os.walk(where, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [*folders, *sorted(name for name in names if not name.startswith("."))]:
            file = Path(at) / name
            try:
                about = file.lstat()
            except OSError as error:
                raise _refused(code, f"{name} can't be read: {error.strerror}") from error
            inside = file.relative_to(where).as_posix()
            if stat.S_ISLNK(about.st_mode):
                raise _refused(code, f"{inside} is a link: copy the files themselves (`cp -rL`)")
            if stat.S_ISREG(about.st_mode):
                found.append((file, about))
            elif not stat.S_ISDIR(about.st_mode):
                raise _refused(code, f"{inside} is no file")
    return found


def _check_header(head: bytes, size: int, name: str, code: str) -> None:
    """Whether it can be safetensors at all: a renamed pickle is told here, before any loader opens it."""
    length = int.from_bytes(head[:8], "little")
    if len(head) < 9 or head[8:9] != b"{" or not 2 <= length <= min(size - 8, _MOST_HEADER):
        raise _refused(code, f"{name} is no safetensors file")


def _card_licence(folder: Path) -> str:
    """The licence that a model card states in its front matter. Raises InputError ``weights.licence``."""
    try:
        text = (folder / _CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    front = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    said = dict(
        re.findall(r"^(license|license_name):[ \t]*[\"']?([^\s\"'#]+)", front[1] if front else "", re.MULTILINE)
    )
    licence = said.get("license_name") if said.get("license") == "other" else said.get("license")
    if not licence:
        raise InputError("weights.licence", "the model card names no licence", "name it with --licence")
    return licence


def _weights(name: str, entry: Mapping[str, object]) -> Weights:
    try:
        files = {str(file): str(sha) for file, sha in entry["files"].items()}
        return Weights(
            name=name,
            family=Family(entry["family"]),
            licence=str(entry["licence"]),
            commercial=entry["commercial"] is True,
            source=str(entry["source"]),
            revision=str(entry["revision"]),
            files=files,
            added_at=datetime.fromisoformat(entry["added_at"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StateError("weights.changed", f"the registry's entry of {name} can't be read") from error
