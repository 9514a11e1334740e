"""`python -m search` is `rtk-archive`."""

from __future__ import annotations

from search.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
