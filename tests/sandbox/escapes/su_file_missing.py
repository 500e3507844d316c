def f(x):
    try:
        open('/etc/passwd')
        return 'there'
    except OSError:
        return 'missing'
