import pytest
import torch

from abzero.policy.local.logprobs import token_logprobs


def plain(hidden, head, targets, temperature):
    logp = torch.log_softmax(hidden @ head.T / temperature, 1)
    return logp.gather(1, targets[:, None])[:, 0], -(logp.exp() * logp).sum(1)


@pytest.mark.parametrize("chunk_elements", [1, 23, 1 << 20])
@pytest.mark.parametrize("temperature", [0.6, 1.0])
def test_values_and_gradients_equal_the_plain_way_in_float64(chunk_elements, temperature):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(13, 5, dtype=torch.float64, generator=generator, requires_grad=True)
    head = torch.randn(11, 5, dtype=torch.float64, generator=generator, requires_grad=True)
    targets = torch.randint(0, 11, (13,), generator=generator)
    weights = torch.randn(2, 13, dtype=torch.float64, generator=generator)
    results = []
    for way in (plain, lambda *args: token_logprobs(*args, chunk_elements)):
        logprobs, entropy = way(hidden, head, targets, temperature)
        gradients = torch.autograd.grad((logprobs * weights[0] + entropy * weights[1]).sum(), (hidden, head))
        results.append((logprobs, entropy, *gradients))
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)


def test_a_frozen_head_gets_no_gradient():
    hidden = torch.randn(4, 3, requires_grad=True)
    head = torch.randn(6, 3)
    token_logprobs(hidden, head, torch.tensor([0, 1, 2, 3]), 1.0)[0].sum().backward()
    assert hidden.grad is not None
    assert head.grad is None


def test_bf16_states_are_normalised_in_fp32():
    hidden, head = torch.randn(4, 3).bfloat16(), torch.randn(6, 3).bfloat16()
    logprobs, entropy = token_logprobs(hidden, head, torch.tensor([0, 1, 2, 3]), 1.0)
    assert logprobs.dtype == entropy.dtype == torch.float32
