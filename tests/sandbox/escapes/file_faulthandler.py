import faulthandler

def f(x):
    try:
        faulthandler.enable(file=3)
        faulthandler.dump_traceback_later(1, file=3)
    except Exception:
        pass
    faulthandler.dump_traceback(file=3)
    return 42
