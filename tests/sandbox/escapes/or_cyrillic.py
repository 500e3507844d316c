def f(x):
    return 'да'.encode('cp1251').hex() + 'ß'.encode('iso8859_3').hex()
