"""The command line. Each command says in plain words what it did; every error has a code, a diagnosis and a remedy."""

from . import interchange, law, production, record, rights
from .root import commands, main

__all__ = ["commands", "interchange", "law", "main", "production", "record", "rights"]
