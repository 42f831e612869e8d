"""RecBole's objective of a search, under a name that search workers can import the plugin by."""

from recbole.quick_start.quick_start import objective_function as _objective_function


def objective_function(config_dict=None, config_file_list=None, saved=True):
    """Trains and tests one setting; see `recbole.quick_start.objective_function`.

    Ray's workers and spawned processes unpickle a function by module and name: this one's module brings the plugin.
    """
    return _objective_function(config_dict, config_file_list, saved)
