"""Storing the outputs of new parts and of raised versions: `python -m tests.identity`."""

from __future__ import annotations

import sys

from prefloop.identity import declared
from tests.identity.guard import store
from tests.identity.probes import PROBES


def main() -> int:
    """Store, and say what was stored; 1 where a part has changed without its version."""
    stored, wrong = store(declared(), PROBES)
    for told in wrong:
        print(told, file=sys.stderr)
    if wrong:
        print("Nothing was stored.", file=sys.stderr)
        return 1
    print(f"Stored: {', '.join(stored)}." if stored else "Every version's outputs are stored already.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
