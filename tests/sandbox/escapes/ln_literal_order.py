import typing
def f(x):
    a, b = (bytes, float) if x % 2 else (float, bytes)
    return str(typing.Optional[typing.Tuple[typing.Union[a, b], int]])[7:15]
