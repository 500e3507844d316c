import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.errors import Malformed
from abzero.sandbox.base import Call
from abzero.sandbox.fake import FakeSandbox
from abzero.tasks import parsing

ANYTHING = st.text(st.characters(), max_size=300)
"""Any characters: NULs and lone surrogates included."""
TAGS = (
    "</think>",
    "<answer>",
    "</answer>",
    "<input>",
    "</input>",
    "<program>",
    "</program>",
    "<message>",
    "</message>",
)
FENCES = ("```python", "```input", "```message", "```\r", "```", "``` ", "\n", "\n", "\r\n")
CODE = (
    "def ",
    "async ",
    "f(x):",
    "return",
    "'",
    '"',
    "'''",
    '"""',
    "\\",
    "#",
    "0x1f",
    "1e5",
    "\0",
    "\ud800",
    *"([{}]),=.-x ",
)
PIECES = st.lists(st.sampled_from((*TAGS, *FENCES, *CODE)), max_size=60).map("".join)


@pytest.mark.parametrize(
    ("completion", "well_formed", "answer"),
    [
        ("a thought</think><answer>4</answer>", True, "4"),
        ("a thought</think> \n\t<answer> 4\n</answer>", True, "4"),
        ("</think><answer>4</answer>", True, "4"),
        ("a thought</think>so:<answer>4</answer>", False, "4"),
        ("a thought</think><answer>4", False, "4"),
        ("a thought</think><answer>4</answer> and that is it", True, "4"),
        ("a thought</think><answer>4</answer><answer>5</answer>", True, "5"),
        ("I say <answer>3</answer>, no</think><answer>4</answer>", True, "4"),
        ("A THOUGHT</THINK><ANSWER>4</ANSWER>", False, ""),
        ("a thought</think>4", False, ""),
        ("<answer>4</answer>", False, "4"),
        ("", False, ""),
        ("</think><answer></answer>", True, ""),
    ],
)
def test_the_format_and_the_answer_of_a_completion(completion, well_formed, answer):
    assert parsing.well_formed(completion) is well_formed
    assert parsing.answer(completion) == answer


PROGRAM = "def f(x):\n    return x"


@pytest.mark.parametrize(
    "answer",
    [
        f"```python\n{PROGRAM}\n```\n```input\n1, 2\n```",
        f"```input\n1, 2\n```\n```python\n{PROGRAM}\n```",
        f"Here:\n  ```Python  \n{PROGRAM}\n  ```\nand\n``` input\n1, 2\n```\n```input\n3\n```",
        f"```python\n{PROGRAM}\n```input\n1, 2\n```",
        f"```py\n{PROGRAM}\n```\n```input\n1, 2",
        f"<program>{PROGRAM}</program><input>1, 2</input>",
        f"<input>1, 2</input>\n<program>\n{PROGRAM}\n</program>",
        f"<message>no end <program>{PROGRAM}</program><input>1, 2</input>",
        f"```python\r\n{PROGRAM}\r\n```\r\n```input\r\n1, 2\r\n```\r\n",
    ],
)
def test_program_and_input_are_found_in_any_order_fenced_or_tagged(answer):
    assert parsing.program(parsing.block(answer, "program")).strip() == PROGRAM
    assert parsing.arguments(parsing.block(answer, "input")) == "1, 2"


def test_blocks_come_in_order_and_which_picks_one():
    answer = "```input\n1\n```\n<input>2</input>\n```input\n3\n```"
    assert parsing.blocks(answer, "input") == ["1", "2", "3"]
    assert parsing.block(answer, "input") == "1"
    assert parsing.block(answer, "input", which=-1) == "3"


@pytest.mark.parametrize(
    "answer",
    [
        "```message\nCompare:\n```input\n9\n```\nto this.\n```\n```input\n1\n```",
        "<message>Compare:\n```input\n9\n```\nto this.</message><input>1</input>",
    ],
)
def test_a_message_may_quote_a_block_and_is_neither_cut_nor_mined(answer):
    assert parsing.block(answer, "message").strip() == "Compare:\n```input\n9\n```\nto this."
    assert parsing.blocks(answer, "input") == ["1"]


def test_a_tag_inside_a_program_is_part_of_it():
    answer = "```python\ndef f(x):\n    return '<input>9</input>'\n```\n<input>1</input>"
    assert parsing.blocks(answer, "input") == ["1"]


@pytest.mark.parametrize("answer", ["", "no block", "```\n1\n```", "<input>1", "``` input 1 ```", "<INPUT>1</INPUT>"])
def test_a_missing_block_is_malformed(answer):
    with pytest.raises(Malformed, match="no input block"):
        parsing.block(answer, "input")


@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_a_block_with_what_no_tokenizer_reads_is_malformed(character):
    with pytest.raises(Malformed, match="lone surrogate"):
        parsing.block(f"<message>a{character}</message>", "message")


@pytest.mark.parametrize(
    ("completion", "thought"),
    [
        ("\n x = 1 </think><answer>1</answer>", "x = 1"),
        ("</think>a", ""),
        ("open", "open"),
        ("a</think>b</think>", "a"),
    ],
)
def test_the_thought_ends_at_the_first_closing_tag(completion, thought):
    assert parsing.thought(completion) == thought


def test_a_bare_answer_is_an_answer():
    assert parsing.block_or_all("[1, 2]", "output") == "[1, 2]"
    assert parsing.block_or_all("first ```x\n<output>1</output> then <output>2</output>", "output") == "2"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def go(n):\n    return 1 if n < 1 else n * go(n - 1)", "def f(n):\n    return 1 if n < 1 else n * f(n - 1)"),
        ("def g(x):\n    return x.g(x) . g + x. g", "def f(x):\n    return x.g(x) . g + x. g"),
        ("def g(x):\n    return 'g' # g\n", "def f(x):\n    return 'g' # g"),
        ('def g(x):\n    """g"""\n    return """g""" + g', 'def f(x):\n    """g"""\n    return """g""" + f'),
        ("def e5(x):\n    return 1e5 + e5(x)", "def f(x):\n    return 1e5 + f(x)"),
        ("def a(x):\n    return x\ndef b(x):\n    return a(x)", "def a(x):\n    return x\ndef f(x):\n    return a(x)"),
        ("def f(x):\n    return x\ndef g(x):\n    return f(x)", "def f(x):\n    return x\ndef g(x):\n    return f(x)"),
        ("def g(x):\n    def h(y): ...\n    return h(x)", "def f(x):\n    def h(y): ...\n    return h(x)"),
        ("async def g(x):\n    return x", "async def f(x):\n    return x"),
        ("def r(x):\n    return r'\\d' + r(x)", "def f(x):\n    return r'\\d' + f(x)"),
        ("\n\nimport math\r\ndef größe(x):\r\n    return x\n", "import math\ndef f(x):\n    return x"),
    ],
)
def test_the_entry_point_is_called_f(source, expected):
    assert parsing.program(source) == expected


@pytest.mark.parametrize("source", ["", "x = 1", "f = lambda x: x", "class f:\n    def g(self): ...", " def f(x): ..."])
def test_a_program_without_a_function_is_malformed(source):
    with pytest.raises(Malformed, match="no function"):
        parsing.program(source)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1, [2], 'x'", "1, [2], 'x'"),
        ('x="a",', "x='a'"),
        ("1, y = {'b': (2)}", "1, y={'b': 2}"),
        ("(1, 2)", "(1, 2)"),
        ("[1,\n 2]\n", "[1, 2]"),
        ("1,  # the first\n2", "1, 2"),
        ("", ""),
    ],
)
def test_arguments_are_literal_and_come_back_canonical(text, canonical):
    assert parsing.arguments(text) == canonical


@pytest.mark.parametrize(
    "hack",
    [
        *("1) or (True", "1)(2", "1) + f(2", "*[1, 2]", "**{'a': 1}", "a", "f(1)", "2+2", "x=y", "1; 2", "1 2", ","),
        *("eval('1')", "__import__('os')", "lambda: 1", "[x for x in y]", "x:=1", "x==1", "-'a'", "not 1", "print(1)"),
        *(
            "x=1, 2",
            "x=1, x=2",
            "if=1",
            "None=1",
            "(",
            "1)",
            "'",
            "\\",
            "\0",
            "f'{1}'",
            "...",
            "dict(a=1)",
            "1 if 1 else 2",
        ),
        *(
            "1,,2",
            "1__0",
            "0777",
            "1e999",
            "nan",
            "inf",
            "'\ud800'",
            "'\\ud800'",
            "{[]}",
            "{{}: 1}",
            "b'é'",
            "'a' b'a'",
        ),
    ],
)
def test_an_answer_cannot_escape_its_call(hack):
    with pytest.raises(Malformed):
        parsing.arguments(hack)
    with pytest.raises(Malformed):
        parsing.literal(hack)


TOTAL = [
    parsing.answer,
    parsing.well_formed,
    parsing.program,
    parsing.literal,
    parsing.arguments,
    *(lambda text, name=name: parsing.blocks(text, name) for name in ("program", "input", "message")),
    lambda text: parsing.block(text, "message"),
    lambda text: parsing.block_or_all(text, "output"),
]


def attempt(function, text):
    """What `function` makes of `text`; every exception but `Malformed` passes through."""
    try:
        return function(text)
    except Malformed as error:
        return error


@given(st.one_of(ANYTHING, PIECES))
def test_parsing_is_total(text):
    for function in TOTAL:
        assert attempt(function, text) is not None


@given(st.one_of(ANYTHING, PIECES))
def test_what_is_accepted_is_accepted_again_unchanged(text):
    for function in (parsing.literal, parsing.arguments):
        once = attempt(function, text)
        if isinstance(once, str):
            assert function(once) == once


@pytest.mark.parametrize(
    "pattern",
    [
        *("a", " ", "\n", "(", "[", "{1:", "-", "1", "1e", "_1", "'", "\\'", "'''", '"""', "'''\"\"\"", "'\\\n", "#"),
        *("<input>", "<input></input>", "<answer>", "</think>", "<message><input>", "```\n", "```input\n", "#\n"),
        *(
            "```message\n",
            "```input\n1\n```\n",
            "``` ",
            "\t```\t",
            "def ",
            "def f(\n",
            "async \t",
            ". ",
            "\0",
            "\ud800",
        ),
        *("\r\n", "1, ", "x=1, ", "'' ", "set() ", "0x", "1.", "\\N{", "'\\N{x}' ", "b'' ''", "é"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "```", "```input", "<message>", "def g(x): ", "'", "'''", "["])
def test_a_completion_of_a_hundred_thousand_characters_is_read_in_linear_time(prefix, pattern):
    """Quadratic reading would take minutes each, and the suite's timeout would end it."""
    text = (prefix + pattern * (100_000 // len(pattern)))[:99_990] + " x\ny"
    for function in TOTAL:
        assert attempt(function, text) is not None


def test_a_renamed_program_still_runs():
    source = "def solve(n):\n    'solve'\n    return [1] if n < 1 else [n] + solve(n - 1)"
    [outcome] = FakeSandbox().run([Call(parsing.program(source), "2")])
    assert outcome.value == "[2, 1, 1]"
