import threading

def f(x):
    t = threading.Thread(target=lambda: [None for _ in iter(int, 1)])
    t.start()
    return 42
