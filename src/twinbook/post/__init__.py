"""Carries notices over HTTP to addresses that others chose, and gets registries from addresses that the user chose."""

from .http import HttpPost
from .registry import fetch_registry

__all__ = ["HttpPost", "fetch_registry"]
