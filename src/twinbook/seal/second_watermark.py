"""A second watermark by a network of the user's own: RivaGAN, TrustMark, Pixel Seal and their like, as ONNX files.

A TOML file beside the files says what they take (docs/reference/second-watermark.md is the whole specification; the reader
shares no code with this). No weights ship with Twinbook. Runs on the processor, one thread, with onnxruntime.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import cv2
import numpy as np

from ..domain.errors import InputError, SealRefused
from ..domain.provenance import ReleaseId, Word
from ..domain.second_watermark import word_of

LEAST_PSNR = 36.0  # dB: what departs further is seen


class SecondWatermark:
    """``file`` is the TOML file. Raises InputError ``watermark.model`` and ``watermark.runtime`` when it can't be used."""

    def __init__(self, file: Path) -> None:
        try:
            said = tomllib.loads(file.read_text(encoding="utf-8"))
            self.name, self.bits = str(said["name"]), int(said["bits"])
            self._encoder = file.parent / str(said["encoder"])
            self._size, self._frames = int(said.get("size", 0)), bool(said.get("frames", False))
            self._bgr = bool(said.get("bgr", False))
            self._low, self._high = (float(value) for value in said.get("range", (-1, 1)))
            self._residual, self._strength = bool(said.get("residual", False)), float(said.get("strength", 1.0))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError("watermark.model", f"{file.name} describes no watermark: {error}") from error
        if not 16 <= self.bits <= 4096 or self._low >= self._high or self._size < 0:
            raise InputError("watermark.model", f"{file.name} has values that no watermark has")
        self._session = None

    def embed(self, rgb_srgb: np.ndarray, release: ReleaseId) -> np.ndarray:
        """The marked picture, uint8 sRGB (h, w, 3). Raises SealRefused ``seal.watermark`` when it would be seen, InputError
        ``watermark.model``."""
        height, width = rgb_srgb.shape[:2]
        small = rgb_srgb
        if self._size:
            small = cv2.resize(rgb_srgb, (self._size, self._size), interpolation=cv2.INTER_AREA)
        span = self._high - self._low
        scaled = small.astype(np.float32) / 255 * span + self._low
        made = self._run(scaled, word_of(release, self.bits))
        change = (made if self._residual else made - scaled) / span * 255 * self._strength
        if change.shape[:2] != (height, width):
            change = cv2.resize(change, (width, height), interpolation=cv2.INTER_LINEAR)
        marked = np.clip(np.rint(rgb_srgb + change), 0, 255).astype(np.uint8)
        error = float(np.mean((marked.astype(np.float32) - rgb_srgb) ** 2))
        psnr = 10 * np.log10(255**2 / max(error, 1e-9))
        if psnr < LEAST_PSNR:
            raise SealRefused("seal.watermark", f"the second watermark {self.name} would be seen: {psnr:.1f} dB")
        return marked

    def _run(self, pixels: np.ndarray, word: Word) -> np.ndarray:
        """The network's picture for one in its own range, both float32 (h, w, 3) in RGB."""
        given = (pixels[..., ::-1] if self._bgr else pixels).transpose(2, 0, 1)[None]
        given = np.ascontiguousarray(given[:, :, None] if self._frames else given)
        message = np.float32([[word.bits >> (word.count - 1 - i) & 1 for i in range(word.count)]])
        try:
            session = self._opened()
            names = [each.name for each in session.get_inputs()]
            first = session.get_inputs()[0].shape
            both = (given, message) if len(first) > 2 else (message, given)
            made = session.run(None, dict(zip(names, both, strict=True)))[0]
            made = np.asarray(made[0, :, 0] if self._frames else made[0], np.float32).transpose(1, 2, 0)
        except InputError:
            raise
        except Exception as error:  # whatever the runtime raises for a model that isn't one of these
            raise InputError("watermark.model", f"{self._encoder.name} marks nothing: {error}") from error
        if made.shape != pixels.shape or not np.isfinite(made).all():
            raise InputError("watermark.model", f"{self._encoder.name} gives no picture of the size it was given")
        made = made[..., ::-1] if self._bgr else made
        return made if self._residual else np.clip(made, self._low, self._high)

    def _opened(self):
        if self._session is None:
            try:
                import onnxruntime
            except ImportError as error:
                raise InputError("watermark.runtime", "a second watermark needs onnxruntime") from error
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.log_severity_level = 4
            self._session = onnxruntime.InferenceSession(
                self._encoder.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        return self._session
