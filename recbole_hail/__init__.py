"""HAIL for RecBole: `import recbole_hail` makes RecBole's own calls know the model, its data and its settings.

`recbole_hail.losses` and `recbole_hail.networks` need torch alone and work where RecBole is not installed.
"""

import gc
import os
from importlib.util import find_spec

from recbole_hail.interrupts import end_a_command_that_starts

end_a_command_that_starts()

if "OMP_WAIT_POLICY" not in os.environ:
    # OpenMP's idle threads wait actively for milliseconds, and get in the way of peers that run side by side and of
    # other programs. This long is about what waking one costs. It must be said before torch is first imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

__version__ = "0.1.0"

if find_spec("recbole") is not None:
    # What is imported stays; to look for garbage among it again and again takes a quarter of the time.
    _collects_garbage = gc.isenabled()
    gc.disable()
    try:
        from recbole_hail import lazy_imports, numpy_aliases

        numpy_aliases.restore()
        with lazy_imports.imports():
            from recbole_hail.plugin import register
            from recbole_hail.tuning.objective import objective_function
    finally:
        if _collects_garbage:
            if not gc.get_freeze_count():
                # What was imported is old now without a look at it, which would come next and take 0.2 s.
                gc.freeze()
                gc.unfreeze()
            gc.enable()

    register()
    __all__ = ["Forecaster", "objective_function", "register"]

    def __getattr__(name: str):
        """`recbole_hail.Forecaster`, imported when it is asked for."""
        if name == "Forecaster":
            from recbole_hail.forecast import Forecaster

            return Forecaster
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
