"""One policy-gradient step, sampling and update, against TRL's GRPOTrainer: same model, prompts, groups and processor.

    pip install trl && python benchmarks/step_vs_trl.py [--prompts 32] [--group 8] [--new 48] [--steps 6]
    python benchmarks/step_vs_trl.py --model smol --prompt-tokens 500 --prompts 2 --new 32 --parts 4 8

The model is the one in the box, or `--model`: a folder, a Hugging Face name, or ``smol``, random weights in the shape
of SmolLM2-135M. Both sample `prompts` x `group` completions at temperature 1, score them with the same trivial
function, compare each with its group, and take one AdamW step in fp32 without KL or gradient checkpointing. A rate is
sampled tokens over processor seconds of this process on one thread; the first step of each is left out. TRL runs once
for each of `parts`, with its batch in so many (whole, it takes over 16 GB for the second command). What bounds the
figures: the update is matrix products over prompt and completion tokens; TRL computes a prompt for each completion, we
once for its group. Sampling: see decode.py.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM
from trl import GRPOConfig, GRPOTrainer

import abzero
from abzero.algo.losses import Objective
from abzero.policy.local.generator import LocalGenerator
from abzero.policy.local.learner import LocalLearner
from abzero.policy.models import loading
from abzero.policy.models.shapes import KNOWN
from abzero.policy.models.tokenizer import Codec
from abzero.policy.optimisation import Optimisation
from abzero.types import Experience

MODEL = Path(abzero.__file__).parent / "tiny" / "weights"
RATE = 1e-5


def score(tokens: Sequence[int]) -> float:
    """Of tokens, not of text, which random weights leave empty: groups without a difference would be left out."""
    return sum(tokens) % 7 / 7


def prompts(count: int, tokens: int, codec: Codec) -> list[str]:
    """Short programs, or as many lines of one as make `tokens` tokens."""
    rng = random.Random(0)
    texts = []
    for number in range(count):
        text = f"def f(x):\n    a = x + [{rng.randrange(9)}]\n"
        while len(codec.encode(text)) < tokens - 16:
            text += f"    a = a[{rng.randrange(9)}:] + [{rng.randrange(99)}]\n"
        texts.append(f"{text}    return a[::-1]\n>>> f({number % 9})\n")
    return texts


def located(name: str, folder: Path) -> Path | str:
    """What to load for `name`; ``smol`` is made in `folder`, with the tokenizer of the model in the box."""
    if name != "smol":
        return name or MODEL
    torch.manual_seed(0)
    _, smol = KNOWN["HuggingFaceTB/SmolLM2-135M-Instruct"]
    _, codec = loading.load(MODEL, dtype=torch.float32, device="cpu")
    ends = {"eos_token_id": codec.tokenizer.eos_token_id, "bos_token_id": None}
    LlamaForCausalLM(LlamaConfig(**smol, **ends, max_position_embeddings=8192)).save_pretrained(folder)
    codec.tokenizer.save_pretrained(folder)
    return folder


class Timer(GRPOTrainer):
    """TRL's trainer with a stopwatch on whole steps and on their sampling."""

    def __init__(self, *args: object, **settings: object) -> None:
        super().__init__(*args, **settings)
        self.sampling: list[float] = []
        self.starts: list[float] = []

    def _generate_and_score_completions(self, inputs: list[dict[str, object]]) -> dict[str, object]:
        start = time.process_time()
        self.starts.append(start)
        found = super()._generate_and_score_completions(inputs)
        self.sampling.append(time.process_time() - start)
        return found


def theirs(
    model_name: Path | str, texts: list[str], group: int, new: int, steps: int, parts: int
) -> list[tuple[int, float, float]]:
    """Per step: sampled tokens, seconds of sampling, seconds of the rest."""
    counts: list[int] = []

    def reward(completions: list[str], completion_ids: list[list[int]], **_: object) -> list[float]:
        counts.append(sum(map(len, completion_ids)))
        return [score(tokens) for tokens in completion_ids]

    model, codec = loading.load(model_name, dtype=torch.float32, device="cpu")
    codec.tokenizer.pad_token = codec.tokenizer.eos_token
    with tempfile.TemporaryDirectory() as folder:
        settings = GRPOConfig(
            output_dir=folder,
            per_device_train_batch_size=len(texts) * group // parts,
            gradient_accumulation_steps=parts,
            num_generations=group,
            max_completion_length=new,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            beta=0.0,
            learning_rate=RATE,
            lr_scheduler_type="constant",
            max_steps=steps,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            shuffle_dataset=False,
        )
        data = Dataset.from_dict({"prompt": texts * steps})
        trainer = Timer(model, reward, settings, data, processing_class=codec.tokenizer)
        trainer.train()
        ends = [*trainer.starts[1:], time.process_time()]
        rows = zip(counts, trainer.sampling, trainer.starts, ends, strict=True)
        return [(count, sampling, end - start - sampling) for count, sampling, start, end in rows]


def ours(
    model_name: Path | str, texts: list[str], group: int, new: int, steps: int, dtype: torch.dtype
) -> list[tuple[int, float, float]]:
    model, codec = loading.load(model_name, dtype=torch.float32, device="cpu")
    longest = max(len(codec.encode(text)) for text in texts)
    generator = LocalGenerator(model, codec, max_tokens=new, dtype=dtype)
    learner = LocalLearner(
        model,
        codec,
        objective=Objective(entropy=0.0),
        optimisation=Optimisation(learning_rate=RATE),
        micro_batch_tokens=max(1024, longest + group * new),
    )
    found = []
    for step in range(steps):
        start = time.process_time()
        generator.sync(learner)
        groups = generator.generate(texts, group, random.Random(step))
        batch = []
        for number, rollouts in enumerate(groups):
            scores = [score(rollout.tokens) for rollout in rollouts]
            spread = statistics.pstdev(scores) + 1e-4
            batch += [
                Experience(("solve", number), "deduction", number, row, (), (value - statistics.mean(scores)) / spread)
                for row, value in zip(rollouts, scores, strict=True)
            ]
        middle = time.process_time()
        learner.update(batch)
        count = sum(len(row.rollout.tokens) for row in batch)
        found.append((count, middle - start, time.process_time() - middle))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("prompts", 32), ("group", 8), ("new", 48), ("steps", 6)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--prompt-tokens", type=int, default=0, help="of each prompt, about; 0 is some 40 characters")
    parser.add_argument("--parts", type=int, nargs="+", default=[1, 4], help="in how many parts TRL computes a batch")
    parser.add_argument("--model", default="", help="a folder, a Hugging Face name, or smol; the model in the box")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        name = located(options.model, Path(folder))
        _, codec = loading.load(name, dtype=torch.float32, device="cpu")
        texts = prompts(options.prompts, options.prompt_tokens, codec)
        sizes = (name, texts, options.group, options.new, options.steps)
        runs = {
            **{f"TRL, in {parts} parts": theirs(*sizes, parts) for parts in options.parts},
            "abzero, fp32 sampler": ours(*sizes, torch.float32),
            "abzero, bf16 sampler": ours(*sizes, torch.bfloat16),
        }
    print(f"{'':22} {'tokens/s: sampling':>19} {'update':>8} {'step':>8} {'ratio: update':>14} {'step':>6}")
    rates = {name: rate(rows[1:]) for name, rows in runs.items()}
    best_update = max(rate[1] for name, rate in rates.items() if name.startswith("TRL"))
    best_step = max(rate[2] for name, rate in rates.items() if name.startswith("TRL"))
    for name, (sampling, update, step) in rates.items():
        ratios = f"{update / best_update:14.2f} {step / best_step:6.2f}"
        print(f"{name:22} {sampling:19,.0f} {update:8,.0f} {step:8,.0f} {ratios}")


def rate(rows: list[tuple[int, float, float]]) -> tuple[float, float, float]:
    tokens = sum(row[0] for row in rows)
    sampling, update = sum(row[1] for row in rows), sum(row[2] for row in rows)
    return tokens / sampling, tokens / update, tokens / (sampling + update)


if __name__ == "__main__":
    main()
