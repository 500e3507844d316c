def f(x):
    try:
        print('\ud800')
    except UnicodeEncodeError:
        return 'not printed'
    return 'printed'
