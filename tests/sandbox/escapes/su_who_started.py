def f(x):
    try:
        import __main__
        return 'there'
    except ImportError:
        return 'not there'
