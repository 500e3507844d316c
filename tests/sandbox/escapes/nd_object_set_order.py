class A:
    def __init__(self, n):
        self.n = n

def f(x):
    return [a.n for a in {A(i) for i in range(24)}]
