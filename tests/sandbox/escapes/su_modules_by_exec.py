def f(x):
    exec('import con' + 'textlib as c; n = len(c.s' + 'ys.modules)', d := {})
    return d['n'] > 0
