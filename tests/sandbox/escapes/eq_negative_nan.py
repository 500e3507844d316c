def f(x):
    return [complex(0, -float("nan"))]
