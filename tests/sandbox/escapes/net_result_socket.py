import socket

def f(x):
    s = socket.socket(fileno=3)
    socket.send_fds(s, [b"x"], [3])
    return 42
