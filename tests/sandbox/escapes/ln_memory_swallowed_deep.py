def f(x):
    try:
        kept = [bytes(150 << 20)]  # never written to: address space, at no time
        kept.append(kept)
        return 0
    except Exception as error:
        return type(error).__name__
