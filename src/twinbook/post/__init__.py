"""Carries notices over HTTP, to addresses that others chose."""

from .http import HttpPost

__all__ = ["HttpPost"]
