"""Imported before numpy and torch: tests and the programs that they start compute in one thread.

What they compute is small: threads that wait for each other would take most of the time, the more so as other tests run
beside them.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"
