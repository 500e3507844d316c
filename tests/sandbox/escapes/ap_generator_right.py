
def f(n):
    return sum(i for i in range(n))
