"""Seeds by purpose: whatever is random in a study has a seed of its own."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def derive_seed(*given: Any) -> int:
    """A seed (62 bits) that is a function of what is given alone, so that adding a method changes no other run.

    Example:
        >>> derive_seed(0, "synthetic", "fista", 1) == derive_seed(0, "synthetic", "fista", 1)
        True
    """
    digest = hashlib.sha256(json.dumps(given).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 2
