import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.errors import Malformed
from abzero.python.entry import entry_point
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
        ("A THOUGHT</THINK><ANSWER>4</ANSWER>", False, "4"),
        ("a thought</Think>\n<Answer>4</Answer>", False, "4"),
        ("a thought</think ><answer >4</ answer>", False, "4"),
        ("a thought</think><Answer>4", False, "4"),
        ("a thought</think>So <ANSWER>'<ANSWER>'</ANSWER>", False, "'<ANSWER>'"),
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


FENCED = {
    "no label": "```\n{}\n```",
    "another label": "```text\n{}\n```",
    "a version": "```py3\n{}\n```",
    "more behind the label": '```python title="a.py"\n{}\n```',
    "braces": "```{{python}}\n{}\n```",
    "braces and a dot": "``` {{.python .numberLines}}\n{}\n```",
    "tildes": "~~~python\n{}\n~~~",
    "four ticks": "````python\n{}\n````",
    "four ticks around three": "````python\n'''\n```\n'''\n{}\n````",
    "a tag around it": "<program>\n```python\n{}\n```\n</program>",
    "an example of use behind it": "```python\n{}\n```\nUse:\n```python\nprint(f(3))\n```",
    "an example of use in a bare fence": "```python\n{}\n```\nUse:\n```\n>>> f(3)\n```",
    "a bare one beside an example of use": "```\n{}\n```\nUse:\n```python\nprint(f(3))\n```",
    "the same twice": "```\n{}\n```\nAgain:\n```\n{}\n```",
    "a script beside it": "```python\n{}\n```\nTo try it:\n```python\ndef main():\n    print(f(3))\n\nmain()\n```",
    "quoted": "> ```python\n> {}\n> ```".replace("{}", PROGRAM.replace("\n", "\n> ")),
    "quoted in a list": "> - ```\n>   {}\n>   ```".replace("{}", PROGRAM.replace("\n", "\n>   ")),
    "a byte order mark": "\ufeff```python\n{}\n```",
    "behind prose": "Here is the program: ```python\n{}\n```",
    "behind prose, glued to it": "The users' program:```\n{}\n```",
    "behind bold prose in a list": "1. **Program:** ```py\n{}\n   ```",
    "behind prose and a span": "It's `f`, in ```x``` as asked: ```python\n{}\n```",
    "closed behind the last line": "```python\n{}```",
    "closed behind the last line, and on": "```python\n{}``` That's the program.\n```input\n3\n```",
    "closed behind the last line, then bare": "```python\n{}```\nand\n```\n3\n```",
    "closed with prose behind it": "```python\n{}\n``` This doubles x.\n\n```input\n3\n```",
    "closed and another opened": "```python\n{}\n``` and ```input\n3\n```",
    "closed behind a comment": "```python\n{}  # it's x```",
    "the code beside the fence": "```python {}\n```",
    "the code beside a bare fence": "``` {} ```",
    "all glued": "Program: ```python\n{}``` Input: ```input\n3```",
    "a file's name": "```solution.py\n{}\n```",
    "a version with a dot": "```python3.12\n{}\n```",
    "a long label": "```language-python\n{}\n```",
    "an attribute": "```lang=python\n{}\n```",
    "a notebook's": "```{{code-cell}} ipython3\n{}\n```",
    "a label that nobody knows": "```sage\n{}\n```",
    "a capital label with a colon": "```PYTHON:\n{}\n```",
    "a session beside it": "```sage\n{}\n```\n```python-console\n>>> f(3)\n3\n```",
    "a script beside a label that nobody knows": "```x\n{}\n```\n```x\ndef main():\n    print(f(3))\nmain()\n```",
    "a tag in capitals": "<PROGRAM>\n{}\n</Program >",
    "the tag in prose": "I write the <program> tag, as asked: <program>{}</program>",
}


def bare(program: str) -> str:
    return program.removeprefix("'''\n```\n'''\n").removesuffix("  # it's x").rstrip(" ")


@pytest.mark.parametrize("name", FENCED)
def test_a_program_is_found_in_whatever_fence(name):
    found = parsing.program(parsing.block(FENCED[name].format(PROGRAM, PROGRAM), "program", which=-1))
    assert bare(found) == PROGRAM


@pytest.mark.parametrize(
    ("answer", "inputs"),
    [
        ("```input1\n1\n```\n```input_2\n2\n```\n```Input 3\n3\n```", ["1", "2", "3"]),
        ("First: ```input\n1\n```\nthen: ```input\n2```\nand <INPUT>3</INPUT>", ["1", "2", "3"]),
        ("```input 1```, ```input 2``` and ```input\n3``` ", ["1", "2", "3"]),
        ("```input 1\n```\n```input\n2\n``` as said\n```input\n3\n```", ["1", "2", "3"]),
        ("```input\n1``` and ```input\n2``` and ```input\n3```", ["1", "2", "3"]),
    ],
)
def test_inputs_are_found_glued_numbered_and_beside_their_fences(answer, inputs):
    assert [parsing.arguments(body) for body in parsing.blocks(answer, "input")] == inputs


@pytest.mark.parametrize(
    "message",
    ["Doubles x, it's the users'.", "Use ```x``` as ```y```.", "Double\n\n- ```a``` and\n- ```b``` once."],
)
@pytest.mark.parametrize("frame", ["```message\n{}```", "Message: ```message\n{}\n```", "<Message>{}</message>"])
def test_a_message_is_found_glued_and_keeps_its_marks(message, frame):
    assert parsing.block(frame.format(message) + "\n```input\n1\n```", "message").strip() == message


@given(st.sampled_from(sorted(FENCED)), st.sampled_from(sorted(FENCED)))
def test_a_fence_does_not_swallow_what_follows_it(one, other):
    """Two programs, each in its fence: the last one is found whole, or they are ambiguous; never a mixture."""
    second = PROGRAM.replace("return x", "return -x").replace("f(", "g(")
    text = FENCED[one].format(PROGRAM, PROGRAM) + "\n\nOr else:\n\n"
    text += FENCED[other].replace("> def f(x):\n>     return x", "> {}").format(second, second)
    found = attempt(lambda text: parsing.program(parsing.block(text, "program", which=-1)), text)
    assert isinstance(found, Malformed) or found.removesuffix("  # it's x").removeprefix("'''\n```\n'''\n") in (
        PROGRAM,
        second,
    )


@pytest.mark.parametrize("lead", ["   ", "\t", "1. ", "- ", "  * ", "        "])
@pytest.mark.parametrize("fence", ["```python", "~~~", "```"])
def test_a_block_in_a_list_loses_its_indentation(lead, fence):
    indent = " " * len(lead) if lead.strip() else lead
    inner = "\n".join(indent + line for line in PROGRAM.split("\n"))
    text = f"1. The program:\n\n{lead}{fence}\n{inner}\n{indent}{fence[:3]}\n"
    assert parsing.program(parsing.block(text, "program")) == PROGRAM


def test_an_indented_fence_around_text_at_the_margin_leaves_it():
    assert parsing.program(parsing.block(f"  ```python\n{PROGRAM}\n  ```", "program")) == PROGRAM


def test_marks_in_a_comment_do_not_close_the_block():
    program = "def f(x):  # as in ```\n    return x  # and ```x``` and"
    assert parsing.program(parsing.block(f"```python\n{program}\n```", "program")) == program


def test_a_fence_in_a_docstring_does_not_close_the_block():
    program = 'def f(x):\n    """\n    ```\n    f(1)\n    ```\n    """\n    return x'
    assert parsing.program(parsing.block(f"```python\n{program}\n```", "program")) == program


@pytest.mark.parametrize(
    "answer",
    [
        f"```\n{PROGRAM}\n```\n```\n{PROGRAM} + 1\n```",
        "```\nno code\n```",
        PROGRAM,
        f"`{PROGRAM}`",
    ],
)
def test_a_program_that_several_fences_or_none_could_hold_is_malformed(answer):
    with pytest.raises(Malformed, match="no program block"):
        parsing.block(answer, "program")


@pytest.mark.parametrize(
    "answer",
    [
        *("[1]", "```\n[1]\n```", "```text\n[1]\n```", "```python\n[1]\n```", "It is\n~~~json\n[1]\n~~~"),
        *("<output>[1]</output>", "The <output> tag: <output>[1]</output>", "<output>\n```\n[1]\n```\n</output>"),
        *(f"```python\n{PROGRAM}\n```\ngives\n```\n[1]\n```", "```\n<output>[1]</output>\n```"),
        *(
            "`[1]`",
            " ``[1]``\n",
            "``` [1] ```",
            "It is ```[1]```.",
            "It is: ```\n[1]\n```",
            "```output [1]```",
            "```\n[1]```",
        ),
        *("```\n[ 2 ]\n```\n```output\n[1]\n```", "```output\n[1]\n```"),
    ],
)
def test_a_literal_is_found_alone_tagged_or_in_whatever_fence(answer):
    assert parsing.literal(parsing.block_or_all(answer, "output")) == "[1]"


@pytest.mark.parametrize(
    "literal", ["'<output>'", "'</output>'", "'<output>1</output>'", '"<answer>"', "'</answer>'", "['</think>']"]
)
@pytest.mark.parametrize("frame", ["{}", "<output>{}</output>", "```output\n{}\n```", "```\n{}\n```"])
def test_a_tag_in_a_literal_is_part_of_it(literal, frame):
    answer = parsing.answer(f"thought</think><answer>{frame.format(literal)}</answer>")
    assert parsing.literal(parsing.block_or_all(answer, "output")) == parsing.literal(literal)


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        ("x</think><answer>5</answer> That was my <answer>.", "5"),
        ("x</think><answer>5</answer> Everything in <answer> and </answer>? <answer>6</answer>", "6"),
        ("I must write <answer> tags</think><answer>5</answer>", "5"),
        ("it's 'so <answer>, don't</think><answer>'a'</answer>", "'a'"),
        ("x</think>In the <answer> tag: <answer>5</answer>", "5"),
        ("<answer>don't: 'x</answer>", "don't: 'x"),
    ],
)
def test_a_tag_named_in_prose_is_not_the_answer(completion, answer):
    assert parsing.answer(completion) == answer


def test_two_different_literals_in_fences_are_no_answer():
    with pytest.raises(Malformed):
        parsing.literal(parsing.block_or_all("```\n4\n```\nno:\n```\n5\n```", "output"))


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


@pytest.mark.parametrize(
    "answer", ["", "no block", "```\n1\n```\n```\n2\n```", "<input>1", "``` inputs ```", "<INPUT>1"]
)
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
    ("source", "entry"),
    [
        ("def go(n):\n    return 1 if n < 1 else n * go(n - 1)", "go"),
        ("def a(x):\n    return x\ndef b(x):\n    return a(x)", "b"),
        ("def f(x):\n    return x\ndef g(x):\n    return f(x)", "f"),
        ("def g(x):\n    def h(y): ...\n    return h(x)", "g"),
        ("async def g(x):\n    return x", "g"),
        ("def größe(x):\n    return x", "größe"),
        ("def \uff46(x):\n    return x\ndef g(x):\n    return x", "f"),
        ("def first[T](x: T):\n    return x", "first"),
        ("def g(x):\n    return x\nf = g", "f"),
        ("def g(x):\n    return x\nf = lambda x: g(x)", "f"),
        ("f = 5\ndef g(x):\n    return f", "g"),
        ("def g(x):\n    return x\nf == g", "g"),
        ('"""Usage:\ndef f(x): see below\n"""\ndef double(x):\n    return 2 * x', "double"),
        ("def double(x):\n    return 2 * x\n'''\ndef f(x): pass\n'''", "double"),
        ("def double(x):\n    return 2 * x\n# def f(x):\n", "double"),
        ("x = \\\ndef f(x):\ndef g(x):\n    return 1", "g"),
        ("def double(x):\n    return 'it\\'s'\n\"don't\"\ndef last(x):\n    return 1", "last"),
        ("\x0cdef go(x):\n    return 1", "go"),
    ],
)
def test_the_entry_point_is_f_or_the_last_function_and_the_text_stays(source, entry):
    assert entry_point(source) == entry
    assert parsing.program(source) == source.strip("\n")


@pytest.mark.parametrize(
    "written",
    [f"\n\n{PROGRAM}\n", PROGRAM.replace("\n", "\r\n") + "\r", PROGRAM.replace("\n", "\r"), "\ufeff" + PROGRAM],
)
def test_line_ends_and_a_byte_order_mark_are_no_part_of_a_program(written):
    assert parsing.program(written) == PROGRAM


@pytest.mark.parametrize("source", ["", "x = 1", "f = 5", "class A:\n    def g(self): ...", " def f(x): ..."])
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
