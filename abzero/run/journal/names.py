"""Names of metrics that have changed: what an older run logged is found under today's."""

_RENAMED = {"solve/worked/": "solve/has_cot/"}
"""How metrics begin that older runs logged by another name."""


def current(name: str) -> str:
    """Today's name of a metric."""
    for old, new in _RENAMED.items():
        name = name.replace(old, new, 1) if name.startswith(old) else name
    return name


def former(name: str) -> str:
    """The name by which an older run logged a metric."""
    for old, new in _RENAMED.items():
        name = name.replace(new, old, 1) if name.startswith(new) else name
    return name
