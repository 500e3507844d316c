import pytest

from abzero.oversight.reading import split
from abzero.tasks import parsing
from abzero.text.thought import parted


@pytest.mark.parametrize(
    ("completion", "found"),
    [
        ("a</think>b</think>c", ("a", "b</think>c")),
        ("A</THINK> b", ("A", " b")),
        ("a< / Think >b", ("a", "b")),
        ("a</think>", ("a", "")),
        ("a <think> b", ("a <think> b", None)),
        ("", ("", None)),
    ],
)
def test_a_thought_ends_at_the_first_closing_tag_for_whoever_reads_it(completion, found):
    assert parted(completion) == found
    assert split(completion) == (found[0], found[1] or "")
    assert parsing.thought(completion) == found[0].strip()


def test_many_spaces_are_read_in_linear_time():
    """Quadratic, this would take minutes."""
    text = ("<" + " " * 1000) * 1000
    assert parted(text) == (text, None)
