import os

def f(x):
    for act in (lambda: os.truncate("/tmp/azr-attack-markers/victim.txt", 0), lambda: os.unlink("/tmp/azr-attack-markers/victim.txt"),
                lambda: os.rename("/tmp/azr-attack-markers/victim.txt", "/tmp/azr-attack-markers/gone"), lambda: os.mkdir("/tmp/azr-attack-markers/made"),
                lambda: os.link("/tmp/azr-attack-markers/victim.txt", "/tmp/azr-attack-markers/linked"), lambda: os.mknod("/tmp/azr-attack-markers/node"),
                lambda: os.mkfifo("/tmp/azr-attack-markers/fifo"), lambda: os.chown("/tmp/azr-attack-markers/victim.txt", 0, 0)):
        try:
            act()
        except OSError:
            pass
    return 42
