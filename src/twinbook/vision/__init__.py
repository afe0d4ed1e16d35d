"""How pixels are measured: decoding, faces, skin and mattes. Reads only; `domain.fidelity` judges."""

from .meter import DlibMeter

__all__ = ["DlibMeter"]
