import socket

def f(x):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"hit", ("127.0.0.1", 45871))
    return 42
