import os
import sys

import pytest

from abzero.sandbox.host import roomy_pipe


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has pipes of any size")
def test_the_report_of_many_calls_has_room_however_small_its_pieces():
    reader, writer = roomy_pipe()
    os.set_blocking(writer, False)
    pieces = [b"%d" % number * 80 for number in range(3000)]
    assert all(os.write(writer, piece) == len(piece) for piece in pieces)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        assert file.read() == b"".join(pieces)
