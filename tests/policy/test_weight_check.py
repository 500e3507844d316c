import pytest
import torch

from abzero.errors import BackendError
from abzero.policy import weight_check
from abzero.policy.models import loading


def test_rows_are_always_the_same_and_fit():
    rows = weight_check.rows(49, 30)
    assert rows == weight_check.rows(49, 30)
    assert [len(row) for row in rows] == [2, 11, 23, 30]
    assert [len(row) for row in weight_check.rows(49, 14_000)] == [2, 11, 23, 48, 300, 2000]
    assert all(0 <= token < 49 for row in rows for token in row)


@pytest.mark.parametrize("shape", ["qwen2", "qwen3", "llama"])
def test_what_is_expected_is_what_transformers_says(folders, shape):
    model, _ = loading.load(folders[shape], dtype=torch.float32, device="cpu")
    rows = weight_check.rows(49, 30)
    for row, found in zip(rows, weight_check.logprobs(model, rows), strict=True):
        with torch.no_grad():
            logp_TV = torch.log_softmax(model(torch.tensor([row])).logits[0, :-1], -1)
        assert found.tolist() == pytest.approx(logp_TV[torch.arange(len(row) - 1), row[1:]].tolist(), rel=0, abs=1e-5)


def test_what_goes_wrong_with_distance_is_not_diluted():
    """Positions that are off by more and more: 0.0005 nats at the hundredth token, 0.01 at the two thousandth."""
    expected = [torch.zeros(10), torch.zeros(1999)]
    drifting = [[0.0] * 10, [place * 5e-6 for place in range(1999)]]
    weight_check.check([[0.0] * 10, [place * 1e-7 for place in range(1999)]], expected, 1e-3, "it")
    with pytest.raises(BackendError, match="it does not hold"):
        weight_check.check(drifting, expected, 1e-3, "it")


def test_rounding_is_forgiven_and_anything_else_is_not():
    expected = [torch.tensor([-1.0, -2.0]), torch.tensor([-3.0])]
    weight_check.check([[-1.0005, -2.0], [-2.9995]], expected, 1e-3, "it")
    for wrong in ([[-1.0, -2.01], [-3.0]], [[-1.0, float("nan")], [-3.0]]):
        with pytest.raises(BackendError, match="it does not hold the learner's weights"):
            weight_check.check(wrong, expected, 1e-3, "it")
