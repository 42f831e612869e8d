"""HAIL for RecBole: `import recbole_hail` makes RecBole's own calls know the model, its data and its settings.

`recbole_hail.losses` and `recbole_hail.networks` need torch alone and work where RecBole is not installed.
"""

from importlib.util import find_spec

__version__ = "0.1.0"

if find_spec("recbole") is not None:
    from recbole_hail import compat

    compat.before_recbole()
    from recbole_hail.plugin import register
    from recbole_hail.tuning.objective import objective_function

    register()
    __all__ = ["Forecaster", "objective_function", "register"]

    def __getattr__(name: str):
        """`recbole_hail.Forecaster`, imported when it is asked for."""
        if name == "Forecaster":
            from recbole_hail.forecast import Forecaster

            return Forecaster
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
