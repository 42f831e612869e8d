"""The one exception that converters raise for anything a person can put right."""


class ConversionError(ValueError):
    """A source, option or folder that cannot be used. One line: the file, the row, the value, and what to do."""
