"""A share of ``make fuzz`` that takes seconds."""

import random
from contextlib import closing

from tests.fuzz_text import Everything, texts


def test_no_text_of_a_model_raises_what_a_training_run_would_not_survive(tmp_path):
    everything = Everything(tmp_path)
    everything.step = 90  # the last few are shown, too
    with closing(everything.journal), closing(everything.reader):
        came = {everything.handle(completion, program) for completion, program in texts(150, random.Random(3))}
    assert came == {"task", "none"}
