def f(x):
    found = []
    for pid in range(1, 400):
        try:
            found.append(open(f"/proc/{pid}/cmdline", "rb").read())
        except OSError:
            pass
    return found[0]
