"""Active preference learning for language models: which comparisons are worth a label."""

import os

__version__ = "0.1.0"

# Threads that wait for work sleep instead of spinning: two spinning threads beside one other busy process make a
# round 40 times slower. Read by the OpenMP runtime when torch is loaded, hence before anything of prefloop is.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
