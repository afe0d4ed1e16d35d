"""Reads the bits of a watermark that a network of the user's own put in. Knows the specification
(docs/reference/second-watermark.md) and nothing of the sealer. What they mean, `domain.second_watermark` says."""

from __future__ import annotations

import tomllib
from pathlib import Path

import cv2
import numpy as np

from ..domain.errors import InputError
from ..domain.provenance import Word


class WordReader:
    """``file`` is the TOML file that describes the decoder. Raises InputError ``watermark.model``."""

    def __init__(self, file: Path) -> None:
        try:
            self._said = tomllib.loads(file.read_text(encoding="utf-8"))
            self._decoder = file.parent / str(self._said["decoder"])
            self._bits = int(self._said["bits"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError("watermark.model", f"{file.name} describes no watermark: {error}") from error
        self._network = None

    def read(self, rgb_srgb: np.ndarray) -> Word:
        """Whatever bits the decoder sees in uint8 sRGB (h, w, 3): any picture gives some. Raises InputError
        ``watermark.model`` and ``watermark.runtime``."""
        said = self._said
        side = int(said.get("size", 0))
        shown = cv2.resize(rgb_srgb, (side, side), interpolation=cv2.INTER_AREA) if side else rgb_srgb
        if said.get("bgr", False):
            shown = shown[..., ::-1]
        low, high = said.get("range", (-1, 1))
        batch = np.moveaxis(shown.astype(np.float32) * ((high - low) / 255) + low, -1, 0)[np.newaxis]
        if said.get("frames", False):
            batch = np.expand_dims(batch, 2)
        try:
            network = self._loaded()
            (answer, *_) = network.run(None, {network.get_inputs()[0].name: np.ascontiguousarray(batch)})
            values = np.asarray(answer, np.float32).reshape(-1)
        except InputError:
            raise
        except Exception as error:
            raise InputError("watermark.model", f"{self._decoder.name} reads nothing: {error}") from error
        if len(values) < self._bits or not np.isfinite(values).all():
            raise InputError(
                "watermark.model", f"{self._decoder.name} gives {len(values)} values for {self._bits} bits"
            )
        ones = values[: self._bits] > float(said.get("threshold", 0.5))
        return Word(int("".join("1" if one else "0" for one in ones), 2), self._bits)

    def _loaded(self):
        if self._network is None:
            try:
                import onnxruntime
            except ImportError as error:
                raise InputError("watermark.runtime", "a second watermark needs onnxruntime") from error
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.log_severity_level = 4
            self._network = onnxruntime.InferenceSession(
                self._decoder.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        return self._network
