"""Where Snakemake looks for `--logger vscbench`: a package of this name on the Python path."""

from vscbench.progress import LogHandler

__all__ = ["LogHandler"]
