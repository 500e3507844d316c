import socket

def f(x):
    return socket.gethostbyname("localhost")
