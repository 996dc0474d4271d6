"""`python -m vscbench`: as a fork of the workflow's server where there is one, else here."""

import sys

from vscbench import preloading

if __name__ == "__main__":
    code = preloading.run_in_fork(sys.argv[1:])
    if code is None:
        from vscbench.cli import main

        code = main()
    sys.exit(code)
