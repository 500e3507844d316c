import os

def f(x):
    fd = os.memfd_create("x")
    os.write(fd, b"#!/bin/sh\ntouch /tmp/azr-attack-markers/memfd")
    os.execve(fd, ["x"], {})
