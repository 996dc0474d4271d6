"""MLflow: every run with its parameters, curves, metrics and artifacts, also while it trains.

The files under results/ are the truth; a store is a view of them that can be made again at any time.
"""

from vscbench.tracking.store import Store
from vscbench.tracking.writing import track

__all__ = ["Store", "track"]
