"""Errors that are the user's to mend: commands print their message and leave with status 2, without a traceback."""


class UserError(ValueError):
    """A setting, file or dataset that cannot be used; the message names it, its value and what to do."""


class SettingsError(UserError):
    """One or several wrong settings, reported together."""

    def __init__(self, problems: list[str]):
        self.problems = problems
        super().__init__("; ".join(problems))


class DataError(UserError):
    """A dataset that is missing, or that does not hold what the settings ask for."""


class CheckpointError(UserError):
    """A file that is no checkpoint of ours, or one whose pickle asks for more than plain values."""


class RankLost(UserError):
    """A run of several processes that cannot go on, for one of them does not answer."""


class TrainingDiverged(UserError):
    """A loss that is NaN or infinite; names the step, the peer and the parts."""


class RunFailed(UserError):
    """A run in a process of its own that ended without a result; names its log."""


class FileError(UserError):
    """A file or folder that the machine does not let us read or write: a full disk, say, or missing rights."""

    def __init__(self, error: OSError):
        super().__init__(f"file: {error.filename} cannot be read or written: {error.strerror or error}")


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM, with words on how what was under way goes on."""
