def f(x):
    return [].__class__.__base__.__subclasses__.__self__ is object and len.__self__.__import__('os').sep
