def f(words):
    return ",".join({w: None for w in set(words)})
