def f(*args, **kwargs):
    return {"args": args, "keys": set(kwargs)}
