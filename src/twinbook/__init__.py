"""Twinbook runs a digital-twin programme for fashion talents."""

__version__ = "0.1.0"
