class D:
    def __init__(self, target):
        self.target = target
    def __del__(self):
        self.target.append("late")

def f(x):
    out = [1]
    junk = D(out)
    junk.me = junk
    del junk
    return out
