def f(x):
    raise SystemExit(42)
