"""The server from its first word to its last: Ctrl-C with a page open is no error."""

import os
import signal
import socket
from threading import Thread

from abzero.views.web.serve import serve
from tests.views.folders import run


def test_ctrl_c_with_a_page_open_ends_the_server_in_one_line(tmp_path, capfd):
    run(tmp_path / "one", 1)
    said, heard = [], []

    def watch(port):
        with socket.create_connection(("127.0.0.1", port)) as page:
            page.settimeout(20)
            page.sendall(f"GET /r/one/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            while b"event: hello" not in b"".join(heard):
                heard.append(page.recv(4_096))
            os.kill(os.getpid(), signal.SIGINT)
            while one := page.recv(4_096):
                heard.append(one)

    def say(words):
        said.append(words)
        if len(said) == 1:
            watcher.start()

    watcher = Thread(target=lambda: watch(int(said[0].rpartition(":")[2])), daemon=True)
    serve(tmp_path, {}, "127.0.0.1", 0, None, False, say)
    watcher.join(20)
    assert said[1:] == [f"no longer watching {tmp_path}"]
    assert b"".join(heard).endswith(b"\r\n0\r\n\r\n")  # the stream ended, and was not cut
    assert capfd.readouterr().err == ""
