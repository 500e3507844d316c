import queue

def f(xs):
    q = queue.PriorityQueue()
    for x in xs:
        q.put(x)
    return [q.get() for _ in xs]
