def f(x):
    kept = []
    for _ in range(16):
        try:
            [0] * (1 << 61)
        except Exception as error:
            kept.append(error)
    same = sum(one == kept[-1] for one in kept)
    kept.append(kept)
    return same
