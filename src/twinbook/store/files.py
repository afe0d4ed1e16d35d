"""Scenes by content, and the outbox, in folders of the home."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from twinbook import decoding, durable
from twinbook.domain.errors import InputError, StateError
from twinbook.domain.provenance import ReleaseId

_PREFIX = "image:"
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF")
_ADDED = "for"  # the folder beside published copies with those of recipients


class FileScenes:
    """Implements the Scenes port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, file: Path) -> str:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise InputError("campaign.scene", f"the scene {file} can't be read: {error.strerror}") from error
        _decoded(data, file.name)
        digest = hashlib.sha256(data).hexdigest()
        kept = self._folder / digest
        if not kept.exists():
            durable.write(kept, data)
        return _PREFIX + digest

    def load(self, scene: str) -> np.ndarray:
        kept = self._folder / scene.removeprefix(_PREFIX)
        try:
            data = kept.read_bytes()
        except OSError as error:
            raise InputError("campaign.scene", f"the scene {scene} is not in this home") from error
        return _decoded(data, scene)


def _decoded(data: bytes, name: str) -> np.ndarray:
    try:
        picture = decoding.decode(data, name, _FORMATS)
    except decoding.Undecodable as error:
        raise InputError("campaign.scene", error.diagnosis, error.remedy) from error
    rgb = np.asarray(picture.colours)
    return rgb if picture.alpha is None else np.dstack([rgb, np.asarray(picture.alpha)])


class FileOutbox:
    """Implements the Outbox port: a folder a release, staged beside the published ones so that a rename publishes."""

    def __init__(self, folder: Path) -> None:
        self._staged, self._published = folder / "staged", folder / "published"

    def stage(self, release: ReleaseId, copies: Mapping[str, bytes]) -> str:
        content = hashlib.sha256()
        for name, data in sorted(copies.items()):
            content.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(data).digest())
        staged = content.hexdigest()[:16]
        folder = self._staged / release.hex / staged
        durable.remove_folder(folder)
        for name, data in copies.items():
            durable.write(folder / name, data)
        return staged

    def publish(self, release: ReleaseId, staged: str) -> None:
        published = self._published / release.hex
        if not published.is_dir():
            if not (self._staged / release.hex / staged).is_dir():
                raise StateError("outbox.missing", f"the copies of release {release} are gone from this home")
            durable.rename(self._staged / release.hex / staged, published)
        self.discard(release)

    def discard(self, release: ReleaseId) -> None:
        durable.remove_folder(self._staged / release.hex)

    def withdraw(self, release: ReleaseId) -> None:
        durable.remove_folder(self._published / release.hex)

    def released(self, release: ReleaseId) -> Mapping[str, Path]:
        folder = self._published / release.hex
        return _files(folder)

    def add(self, release: ReleaseId, name: str, data: bytes) -> None:
        if not (self._published / release.hex).is_dir():  # and a folder made here would pass for published copies
            raise StateError("outbox.missing", f"the copies of release {release} are gone from this home")
        durable.write(self._published / release.hex / _ADDED / name, data)

    def added(self, release: ReleaseId) -> Mapping[str, Path]:
        return _files(self._published / release.hex / _ADDED)


def _files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {file.name: file for file in sorted(folder.iterdir()) if file.is_file() and not file.name.startswith(".")}
