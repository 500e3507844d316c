"""MBPP+'s inputs as its programs want them: JSON has no tuples, sets or complex numbers, so the file has lists."""

from collections.abc import Callable

Convert = Callable[[list[object]], list[object]]


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _tuples(value: object) -> object:
    """A list whose lists become tuples."""
    return [_tuple(one) for one in value] if isinstance(value, list) else value


def _deep(value: object) -> object:
    return tuple(map(_deep, value)) if isinstance(value, list) else value


def _tuple_of_tuples(value: object) -> object:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value


def _sets(value: object) -> object:
    return [set(one) if isinstance(one, list) and one else {} for one in value] if isinstance(value, list) else value


def _every(change: Callable[[object], object]) -> Convert:
    return lambda arguments: [change(one) for one in arguments]


def _only(index: int, change: Callable[[object], object]) -> Convert:
    return lambda arguments: [change(one) if at == index else one for at, one in enumerate(arguments)]


def _numbers(arguments: list[object]) -> list[object]:
    return [float(str(arguments[0])), complex(str(arguments[1]))]


def _dict_of_tuples(value: object) -> object:
    return {key: _tuple(item) for key, item in value.items()} if isinstance(value, dict) else value


def _table() -> dict[int, Convert]:
    rules: list[tuple[str, Convert]] = [
        ("2 116 132 143 222 261 273 394 399 421 424 429 470 560 579 596 616 630 726 740 744 809", _every(_tuple)),
        ("63 64 70 94 120 237 272 299 400 409 417 438 473 614 780", _every(_tuples)),
        ("75 413 444 753", _only(0, _tuples)),
        ("106 750", _only(1, _tuple)),
        ("115", _only(0, _sets)),
        ("124", _numbers),
        ("252", _every(lambda value: complex(str(value)))),
        ("250 405 446 617 720 763 808 307", _only(0, _tuple)),
        ("259 401 445", _every(_tuple_of_tuples)),
        ("278", _only(0, _tuple_of_tuples)),
        ("722", _only(0, _dict_of_tuples)),
        ("580 615 791", _every(_deep)),
    ]
    return {int(number): convert for numbers, convert in rules for number in numbers.split()}


_CONVERTS = _table()


def converted(number: int, arguments: list[object]) -> list[object]:
    """The arguments of one input of task `number`."""
    return _CONVERTS[number](arguments) if number in _CONVERTS else arguments
