"""Peak memory and time of log-probabilities and entropies, forward and backward: in chunks against the plain way.

    python benchmarks/logprobs.py [--tokens 2048] [--vocabulary 152000] [--width 256]

Each way runs in a process of its own; its peak is the growth of that process's largest resident size over what the
inputs need. Both peaks hold the gradient of the head, [vocabulary, width]; what bounds the plain way beyond it is
several tensors of [tokens, vocabulary], the chunked way a few of [chunk, vocabulary]. The chunked way computes the
logits twice, and touches less memory.
"""

import argparse
import resource
import subprocess
import sys
import time

import torch
from torch import Tensor

from abzero.policy.local.logprobs import token_logprobs


def plain(hidden_ND: Tensor, head_VD: Tensor, targets_N: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    logp_NV = torch.log_softmax(hidden_ND @ head_VD.T / temperature, 1)
    return logp_NV.gather(1, targets_N[:, None])[:, 0], -(logp_NV.exp() * logp_NV).sum(1)


WAYS = {"plain": plain, "chunked": token_logprobs}


def measure(way: str, tokens: int, vocabulary: int, width: int) -> None:
    """Print this process's growth in bytes and its processor seconds."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    hidden_ND = torch.randn(tokens, width, requires_grad=True)
    head_VD = torch.randn(vocabulary, width).div_(width**0.5).requires_grad_()
    targets_N = torch.randint(0, vocabulary, (tokens,))
    (torch.ones(8, 8, requires_grad=True) @ torch.ones(8, 8)).sum().backward()
    before, start = peak(), time.process_time()
    logprobs_N, entropy_N = WAYS[way](hidden_ND, head_VD, targets_N, 1.0)
    (logprobs_N.sum() + entropy_N.sum()).backward()
    print(peak() - before, time.process_time() - start)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("tokens", 2048), ("vocabulary", 152_000), ("width", 256)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--way", choices=WAYS)
    options = parser.parse_args()
    if options.way:
        measure(options.way, options.tokens, options.vocabulary, options.width)
        return
    print(f"{'way':8} {'peak MB':>8} {'ratio':>6} {'seconds':>8} {'ratio':>6}")
    reference: tuple[float, float] | None = None
    for way in WAYS:
        command = [sys.executable, __file__, "--way", way, *sys.argv[1:]]
        grown, seconds = map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
        reference = reference or (grown, seconds)
        print(f"{way:8} {grown / 1e6:8,.0f} {grown / reference[0]:6.2f} {seconds:8.1f} {seconds / reference[1]:6.2f}")


if __name__ == "__main__":
    main()
