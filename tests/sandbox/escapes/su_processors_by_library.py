import queue
def f(x):
    try:
        return queue.threading._os.cpu_count()
    except Exception:
        return 1
