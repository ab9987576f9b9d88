"""What holds for all tests."""

from __future__ import annotations

import os

# Tests run side by side, one process a core, and their work is small: more threads than that only
# wait for each other. Set before any library reads it, and inherited by the processes tests start.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
