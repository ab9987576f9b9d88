"""Read by every Python that tests start: work in the background does not step back there.

Tests wait for it, and whatever else the machine does would go first: the tests beside them, mypy.
Nor does the garbage collector come as often as usual, while it loads libraries above all.
"""

import gc
import os

_getsid = os.getsid
os.nice = lambda _: 0
os.getsid = lambda process: _getsid(process) if process else 0  # this one leads no session

gc.set_threshold(50_000, 10, 10)
