import ctypes, resource, os

def f(x):
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))
    except (OSError, ValueError):
        pass
    os.chdir("/tmp/azr-attack-markers")
    ctypes.string_at(0)
