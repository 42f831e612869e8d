"""Which tokens a model's numbers stand for."""

import hashlib


def elements_hash(dataset) -> str | None:
    """Of the elements in the order of their numbers, 16 hex digits; None for a dataset without elements.

    RecBole numbers tokens in the order in which it meets them, so that more events can number the same ones anew.
    """
    tokens = dataset.field2id_token.get(dataset.iid_field)
    if tokens is None:
        return None
    return hashlib.sha256("\n".join(map(str, tokens)).encode()).hexdigest()[:16]
