def f(x):
    return [id(object()) // 16 % 64, id([]) // 16 % 64, id({}) // 16 % 64]
