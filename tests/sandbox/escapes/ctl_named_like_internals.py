def outcome(encode):
    return encode

def write(x):
    return outcome(x) + 1

def f(x):
    _told = write
    return _told(x)
