"""Encrypted objects, one data key a talent; and papers under legal retention, under a key of their own."""

from .files import FileVault
from .retention import FileRetention
from .ring import derive

__all__ = ["FileRetention", "FileVault", "derive"]
