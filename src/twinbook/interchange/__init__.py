"""Rights as others read them: ODRL policies and verifiable credentials. Nothing here fetches anything, and no text that
comes in is ever evaluated."""

from .adapter import JsonInterchange
from .credential import did_key, issue, verify
from .odrl import policy, read_policy
from .strict_json import parse

__all__ = ["JsonInterchange", "did_key", "issue", "parse", "policy", "read_policy", "verify"]
