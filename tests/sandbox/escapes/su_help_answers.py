def f(x):
    try:
        help(len)
    except TypeError:
        return 'no help'
    return 'help'
