"""`python -m vscbench.reference PAGE...`: have pages the tables of the reference runs? `--write` puts them in.

A table stands between `<!-- reference: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from vscbench.files import write_text
from vscbench.reference import markdown


def filled(page: str) -> str:
    """`page` with every table between its marks as the reference runs have it."""
    tables = markdown()

    def table(found: re.Match[str]) -> str:
        return f"{found[1]}\n\n{tables[found[2]]}\n\n{found[3]}"

    return re.sub(r"(<!-- reference: (\w+) -->).*?(<!-- end -->)", table, page, flags=re.DOTALL)


def main() -> int:
    """0 where the pages have the tables as they are."""
    parser = argparse.ArgumentParser(prog="python -m vscbench.reference", description="Check the tables of pages.")
    parser.add_argument("pages", type=Path, nargs="+", metavar="page")
    parser.add_argument("--write", action="store_true", help="put the tables in")
    given = parser.parse_args()
    differ = 0
    for page in given.pages:
        before = page.read_text(encoding="utf-8")
        after = filled(before)
        if given.write:
            write_text(page, after)
        elif after != before:
            print(f"{page}: tables differ from the reference runs; python -m vscbench.reference {page} --write")
            differ = 1
    return differ


if __name__ == "__main__":
    sys.exit(main())
