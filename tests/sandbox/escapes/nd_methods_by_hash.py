class A:
    def a(self): pass
    def b(self): pass
def f(x):
    one, other = A(), A()
    return [m.__name__ + str(hash(m) % 97) for m in sorted([one.a, other.b], key=hash)]
