def f(x):
    try:
        kept = ['x' * (150 << 20)]
        kept.append(kept)
        return 0
    except Exception as error:
        return type(error).__name__
