"""Encrypted objects, one data key a talent."""

from .files import FileVault, derive

__all__ = ["FileVault", "derive"]
