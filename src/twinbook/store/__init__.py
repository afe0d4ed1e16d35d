"""Plain files that are nobody's secret: scenes that producers bring, and released copies."""

from .files import FileOutbox, FileScenes

__all__ = ["FileOutbox", "FileScenes"]
