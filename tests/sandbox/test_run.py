import pytest

from abzero.errors import BackendError, ConfigError, Malformed, Rejected, SandboxError, Unforeseen
from abzero.sandbox.base import Call, Raised, Returned
from abzero.sandbox.fake import FakeSandbox
from abzero.sandbox.run import run_checks

DOUBLE = "def f(x):\n    return x * 2"


def call(x):
    return Call(DOUBLE, str(x))


def twice(x):
    """Doubles in the sandbox, then doubles what came back."""
    [first] = yield [call(x)]
    [second] = yield [Call(DOUBLE, first.value)]
    return second.value


def once(*numbers):
    outcomes = yield [call(number) for number in numbers]
    return [outcome.value for outcome in outcomes]


def immediately(value):
    return value
    yield


def failing(error, after=None):
    """Raises `error`, after an answer to `after` where it is given."""
    if after:
        yield [after]
    raise error


def test_checks_advance_in_lockstep_one_batch_a_round():
    sandbox = FakeSandbox()
    assert run_checks([twice(1), once(10, 20), twice(3), immediately("done")], sandbox) == [
        "4",
        ["20", "40"],
        "12",
        "done",
    ]
    assert sandbox.batches == [[call(1), call(10), call(20), call(3)], [call("2"), call("6")]]


def test_a_model_s_error_is_a_result_and_disturbs_no_other():
    early, late = Malformed("early"), Rejected("late")
    checks = [failing(early), once(1), failing(late, call(5)), once(2)]
    assert run_checks(checks, FakeSandbox()) == [early, ["2"], late, ["4"]]


def test_a_check_may_ask_for_nothing():
    def nothing():
        outcomes = yield []
        return outcomes

    assert run_checks([nothing(), once(1), nothing()], FakeSandbox()) == [[], ["2"], []]


def test_no_checks_need_no_sandbox():
    sandbox = FakeSandbox()
    assert run_checks([], sandbox) == []
    assert sandbox.batches == []


def test_an_error_of_the_sandbox_or_of_ours_ends_everything():
    for error in (SandboxError("dead"), ZeroDivisionError()):
        with pytest.raises(type(error)):
            run_checks([once(1), failing(error)], FakeSandbox())


def test_thousands_of_checks_make_one_batch():
    sandbox = FakeSandbox()
    assert run_checks([once(n) for n in range(5_000)], sandbox) == [[str(2 * n)] for n in range(5_000)]
    assert len(sandbox.batches) == 1


def test_the_fake_sandbox_runs_equal_calls_alike():
    counter = Call("n = []\ndef f(x):\n    n.append(x)\n    return len(n)", "1")
    assert FakeSandbox().run([counter, counter, Call("def f(x):\n    return y", "1")]) == [
        *[Returned("1")] * 2,
        Raised("NameError"),
    ]


@pytest.mark.parametrize("after", [None, call(2)])
def test_a_fault_of_ours_becomes_what_is_asked_for(after):
    [fault, sound] = run_checks([failing(KeyError("x"), after), once(3)], FakeSandbox(), Unforeseen)
    assert isinstance(fault, Unforeseen)
    assert fault.name == "KeyError"
    assert sound == ["6"]


@pytest.mark.parametrize("error", [BackendError("the engine died"), ConfigError("x"), SandboxError("y")])
@pytest.mark.parametrize("after", [None, call(2)])
def test_what_says_nothing_of_a_text_is_never_taken_for_a_fault_over_it(error, after):
    with pytest.raises(type(error)):
        run_checks([failing(error, after), once(3)], FakeSandbox(), Unforeseen)
