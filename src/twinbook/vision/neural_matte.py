"""A rough matte by a network of the user's own: an ONNX file for portrait matting or salient object segmentation.

MODNet, BiRefNet, RMBG, U²-Net and their like take a picture, 1×3×H×W, and give a matte, 1×1×H×W (extra outputs are
coarser stages of the same). The file's metadata may say ``size`` (pixels, or WxH), ``mean`` and ``std`` (of 0-to-1
values, comma-separated) and ``output`` (a name); else the size is the model's, 1024 where that is free, and
normalisation ImageNet's. What comes out is a hint: the edge is solved from her own pixels. Runs on the processor with
onnxruntime, the extra ``neural-matte``; no weights ship with Twinbook.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..domain.errors import InputError

_FREE_SIDE = 1024
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class NeuralMatte:
    """A rough matte from an ONNX file. The file is opened with the first picture; one thread, so that a picture gives
    the same matte everywhere."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._session = None

    def likely(self, rgb_srgb: np.ndarray) -> np.ndarray:
        """Rough alpha of uint8 sRGB (h, w, 3): float32, 0 to 1, at the network's size. Raises InputError
        ``matte.model``."""
        session = self._opened()
        (source,) = session.get_inputs()[:1]
        said = session.get_modelmeta().custom_metadata_map
        try:
            wide, high = _size(source.shape, said)
            mean, std = (
                np.array([float(part) for part in said[name].split(",")], np.float32) if name in said else fallback
                for name, fallback in zip(
                    ("mean", "std"), (np.float32(_IMAGENET[0]), np.float32(_IMAGENET[1])), strict=True
                )
            )
            shrink = max(rgb_srgb.shape[0] / high, rgb_srgb.shape[1] / wide) > 1
            method = cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
            pixels = cv2.resize(rgb_srgb, (wide, high), interpolation=method).astype(np.float32) / 255
            batch = ((pixels - mean) / std).transpose(2, 0, 1)[None]
            kind = np.float16 if source.type == "tensor(float16)" else np.float32
            outputs = session.run([said["output"]] if "output" in said else None, {source.name: batch.astype(kind)})
            found = np.squeeze(_finest(outputs).astype(np.float32))
        except Exception as error:  # whatever the runtime raises for a model that isn't one of these
            raise InputError("matte.model", f"{self._file.name} gives no matte: {error}") from error
        if found.ndim != 2 or not np.isfinite(found).all():
            raise InputError("matte.model", f"{self._file.name} gives no matte of shape 1×1×H×W, but {found.shape}")
        if found.min() < -0.01 or found.max() > 1.01:  # some files end before their sigmoid
            found = 1 / (1 + np.exp(-np.clip(found, -30, 30)))
        return np.clip(found, 0, 1)

    def _opened(self):
        if self._session is None:
            try:
                import onnxruntime
            except ImportError as error:
                raise InputError("matte.runtime", "a neural matte needs onnxruntime, which is not installed") from error
            if not self._file.is_file():
                raise InputError("matte.model", f"there is no file {self._file}")
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.log_severity_level = 4
            try:
                self._session = onnxruntime.InferenceSession(
                    self._file.read_bytes(), options, providers=["CPUExecutionProvider"]
                )
            except Exception as error:
                raise InputError("matte.model", f"{self._file.name} can't be opened: {error}") from error
        return self._session


def _size(shape: list, said: dict[str, str]) -> tuple[int, int]:
    """Width and height that the network wants."""
    if "size" in said:
        sides = [int(side) for side in said["size"].lower().split("x")]
        return (sides[0], sides[0]) if len(sides) == 1 else (sides[0], sides[1])
    if len(shape) != 4 or (shape[1] not in (3, "3", None) and not isinstance(shape[1], str)):
        raise ValueError(f"it takes {shape}, not 1×3×H×W")
    high, wide = (side if isinstance(side, int) and side > 0 else _FREE_SIDE for side in shape[2:])
    return wide, high


def _finest(outputs: list[np.ndarray]) -> np.ndarray:
    """Of several stages the one with most pixels; of as many, the first for U²-Net's kind, whose later ones are side
    outputs."""
    return max(outputs, key=lambda values: values.size)
