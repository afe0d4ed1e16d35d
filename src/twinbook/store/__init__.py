"""Plain files that are nobody's secret: scenes that producers bring, released copies, and base weights."""

from .files import FileOutbox, FileScenes
from .weights import FileWeights

__all__ = ["FileOutbox", "FileScenes", "FileWeights"]
