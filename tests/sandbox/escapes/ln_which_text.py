def f(x):
    name = 'once_' + 'upon'
    copy = ''.join(list(name))
    kept = type(copy, (), {copy: 1})
    kept.kept = kept
    return [k for k in vars(kept) if k == copy][0] is copy
