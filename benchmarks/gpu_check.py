"""What can be proved on a GPU alone, in eight minutes at most, without network: ``make gpu-check``.

    python benchmarks/gpu_check.py [--dry] [--json FILE] [--only a b c d e]

a  sampler against learner: captured and cached decoding, fp32 and bf16, with an adapter and without, after 200 and
   4,000 tokens; the gap must be rounding, and no larger far from the start
b  two steps of self-play on a random model of the shape of Qwen2.5-0.5B and a third after a resume; the same with LoRA
c  peaks of memory against `abzero plan`
d  the shape of Qwen2.5-7B in bf16: tokens sampled per second at 64 rows of 1,024, and the update's share of the chip's
   rate (`benchmarks/gpu.py`); all weights where they fit, else LoRA
e  the demo's 80 steps

Each part is a process of its own, so that one that fails or takes too long leaves the others their card. ``--dry`` does
all of it on CPU in small. Prints a table, writes JSON; exit status 1 if anything is not as it must be.
"""

import argparse
import datetime
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import gpu
import torch
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM
from transformers.utils import logging

from abzero.policy.local.cuda_graphs import CudaGraphEngine
from abzero.policy.local.generator import converted, engine
from abzero.policy.local.hf_engine import HFEngine
from abzero.policy.local.learner import LocalLearner
from abzero.policy.local.optimizer import adam
from abzero.policy.local.plan import Setup, memory, shape_of
from abzero.policy.local.sampling import Engine, sample
from abzero.policy.local.scorer import Scorer
from abzero.policy.models import loading, lora
from abzero.policy.models.shapes import KNOWN
from abzero.run.journal import JournalReader
from abzero.types import Experience, Rollout

SECONDS = 480
"""For everything, on a card."""
DRY_SECONDS = 1800
"""The same in small on a CPU, which others may share: two minutes of a quiet one."""
LONGEST = {"a": 100, "b": 150, "c": 60, "d": 150, "e": 480}
"""Seconds that a part may take on a card."""
HALF_BILLION = {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "vocab_size": 151_936}
HALF_BILLION |= {"num_attention_heads": 14, "num_key_value_heads": 2, "tie_word_embeddings": True}
SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "vocab_size": 512}
SMALL |= {"num_attention_heads": 2, "num_key_value_heads": 1, "tie_word_embeddings": True}
ROUNDING = {torch.float32: 1e-3, torch.bfloat16: 0.1}
"""Largest mean gap, in nats."""
ON_CPU = "5M"
"""The case of `benchmarks/memory.py` that stands for part c without a card."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table."""

    part: str
    what: str
    found: str
    wanted: str
    ok: bool


def here() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def build(dry: bool, dtype: torch.dtype) -> Qwen2ForCausalLM:
    torch.manual_seed(0)
    sizes = SMALL if dry else HALF_BILLION
    config = Qwen2Config(**sizes, bos_token_id=None, eos_token_id=0, max_position_embeddings=8192)
    return Qwen2ForCausalLM(config).to(here(), dtype).eval()


def samplers(dry: bool) -> list[Line]:
    """Part a."""
    lines = []
    lengths = (50, 500) if dry else (200, 4000)
    for learned, sampled in ((torch.float32, torch.float32), (torch.float32, torch.bfloat16), (torch.bfloat16,) * 2):
        for rank in (0, 8):
            model = build(dry, learned)
            if rank:
                lora.add(model, rank, 2.0 * rank)
            with lora.strong(model):
                narrow = model if learned == sampled else converted(model, sampled)
                ways: dict[str, Engine] = {"graphs": CudaGraphEngine(narrow), "cached": HFEngine(narrow)}
                if here() == "cpu":
                    ways["packed"] = engine(model, sampled)
                for name, way in ways.items():
                    near, far = (gap(model, way, length) for length in lengths)
                    bound = ROUNDING[sampled]
                    what = f"{name}, {str(sampled)[6:]} of {str(learned)[6:]}{', LoRA' * bool(rank)}: gap in nats"
                    fine = max(near, far) < bound and far < max(1.5 * near, bound / 20)
                    wanted = f"below {bound:g}, and far as near"
                    lines.append(
                        Line("a", what, f"{near:.2g} at {lengths[0]}, {far:.2g} at {lengths[1]}", wanted, fine)
                    )
    return lines


@torch.no_grad()
def gap(model: PreTrainedModel, way: Engine, length: int) -> float:
    """Mean distance of the sampler's and the learner's log-probabilities of four times 16 tokens after a prompt."""
    prompt = torch.randint(1, model.config.vocab_size, (length,), generator=torch.Generator().manual_seed(1)).tolist()
    [rows] = sample(way, [prompt], [list(range(4))], 16, 1.0, gpu.NEVER)
    scorer = Scorer(model, 1.0)
    distances = []
    for row in rows:
        text = torch.tensor([[*prompt, *row.tokens]], device=model.device)
        expected, _ = scorer(text, torch.arange(length, text.shape[1], device=model.device))
        distances.append((expected.float().cpu() - torch.tensor(row.logprobs)).abs().mean())
    return float(torch.stack(distances).mean())


def steps(dry: bool) -> list[Line]:
    """Part b."""
    with tempfile.TemporaryDirectory() as folder:
        build(dry, torch.bfloat16).save_pretrained(folder)
        loading.load(gpu.BOX, dtype=None, device="cpu")[1].tokenizer.save_pretrained(folder)
        return [line for rank in (0, 16) for line in two_and_one(Path(folder), rank)]


def two_and_one(folder: Path, rank: int) -> list[Line]:
    run = folder / f"run-{rank}"
    flags = ["--batch-size=8", "--seeding.batches=0", "--loss.entropy=0.001", "--propose.samples=2"]
    flags += [f"--model.name={folder}", f"--model.device={here()}", f"--model.lora-rank={rank}", "--model.threads=1"]
    call("train", "tiny-cpu", f"--run={run}", "--steps=2", *flags)
    call("resume", str(run), "--steps", "3")
    with closing(JournalReader(run / "run.db")) as journal:
        found = [journal.metrics(step) for step in journal.steps()[1:]]
    norms = [metrics.get("learner/grad_norm", float("nan")) for metrics in found]
    gaps = [metrics.get("learner/logprob_gap", float("nan")) for metrics in found]
    name = "LoRA" if rank else "all weights"
    return [
        Line("b", f"{name}: norms of the gradient, two steps and one resumed", texts(norms), "3 above 0", moved(norms)),
        Line("b", f"{name}: gap in nats", texts(gaps), "below 0.1", len(gaps) == 3 and max(gaps) < 0.1),
    ]


def moved(norms: Sequence[float]) -> bool:
    return len(norms) == 3 and all(0 < norm < float("inf") for norm in norms)


def texts(values: Sequence[float]) -> str:
    return " ".join(f"{value:.3g}" for value in values)


def call(*arguments: str) -> None:
    """The command; its last words are the error, if it fails."""
    done = subprocess.run([sys.executable, "-m", "abzero", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit((done.stdout + done.stderr).strip().splitlines()[-1])


def peaks(dry: bool) -> list[Line]:
    """Part c."""
    if dry or here() == "cpu":
        return [planned(ON_CPU, *on_cpu(ON_CPU))]
    return [planned(f"rank {rank}, checkpointing {flag}", *on_card(rank, flag)) for rank, flag in CASES]


CASES = ((0, False), (0, True), (64, False))


def planned(case: str, plan: int, taken: int) -> Line:
    found = f"{plan / 2**20:,.0f} MiB planned, {taken / 2**20:,.0f} taken"
    return Line("c", case, found, "within 20 %", 0.8 < plan / taken < 1.25)


def on_cpu(case: str) -> tuple[int, int]:
    command = [sys.executable, str(Path(__file__).with_name("memory.py")), "--case", case]
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "262144"}
    found = json.loads(subprocess.run(command, check=True, capture_output=True, env=environment).stdout)
    return int(found["planned"]), int(found["taken"])


def on_card(rank: int, checkpointing: bool, rows: int = 8, length: int = 1024) -> tuple[int, int]:
    """Of two updates that fill two micro-batches each."""
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    model = build(False, torch.bfloat16)
    parameters = model.num_parameters()
    if rank:
        lora.add(model, rank, 2.0 * rank)
    _, codec = loading.load(gpu.BOX, dtype=None, device="cpu")
    settings = {"micro_batch_tokens": rows * length, "checkpointing": checkpointing}
    learner = LocalLearner(model, codec, adam=adam, gap_limit=float("inf"), **settings)
    half = length // 2
    rollouts = [Rollout([1 + row] * half, [2] * half, [-12.0] * half, "", "length") for row in range(2 * rows)]
    for _ in range(2):
        learner.update([Experience(("solve", 0), "deduction", 0, rollout, (), 1.0) for rollout in rollouts])
    taken = torch.cuda.max_memory_allocated() - before
    limits = {"max_prompt_tokens": half, "max_tokens": half, "cache_bytes": 0}
    setup = Setup(width=2, sampler_width=2, rank=rank, on_cpu=False, **settings, **limits)
    return memory(shape_of(model.config, parameters), setup)["peak"], taken


def speed(dry: bool) -> list[Line]:
    """Part d."""
    rows, prompt, new, square = (4, 12, 8, 256) if dry else (64, 512, 1024, 8192)
    model = gpu.build(gpu.SMALL if dry else dict(KNOWN["Qwen/Qwen2.5-7B"][1]))
    prompts = gpu.texts(model, rows, prompt)
    rate, peak = gpu.measured(gpu.contestants(model, prompts, new)["graphs"], rows * new)
    lines = [Line("d", f"{rows} rows of {new} tokens", f"{rate:,.0f} tokens/s, peak {peak / 2**30:.1f} GiB", "", True)]
    whole = dry or torch.cuda.mem_get_info()[1] > 120 * 2**30
    learned, achieved, possible = gpu.update(model, prompts, new, 0 if whole else 64, square)
    found = f"{achieved / possible:.0%} of {possible / 1e12:.3g} Tflop/s, {learned:,.0f} tokens/s"
    what = f"update, {'all weights' if whole else 'LoRA of rank 64'}: share of the chip's rate"
    return [*lines, Line("d", what, found, "40 %", dry or achieved > 0.4 * possible)]


def demo(dry: bool) -> list[Line]:
    """Part e: as many of the demo's steps as there is time for."""
    wanted = 2 if dry else 80
    small = ["--batch-size=4", "--solve.attempts=4", "--propose.samples=2", "--seeding.factor=1"] if dry else []
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "-m", "abzero", "train", "tiny-cpu", f"--run={run}", f"--steps={wanted}"]
        command += [f"--model.device={here()}", *small]
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            process.wait(left() - 20)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            process.wait()
        with closing(JournalReader(run / "run.db")) as journal:
            found = [journal.metrics(step) for step in journal.steps()[1:]]
    scores = [score(metrics) for metrics in found]
    seconds = (time.monotonic() - start) / max(len(found), 1)
    words = f"{len(found)} steps, {seconds:.1f} s each"
    if scores:
        words += f"; score {mean(scores[:5]):.2f} at first, {mean(scores[-5:]):.2f} at last"
    return [Line("e", "the demo", words, f"{wanted} steps", len(found) == wanted)]


def score(metrics: dict[str, float]) -> float:
    return mean([value for name, value in metrics.items() if name.startswith("solve/score/")])


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def left() -> float:
    """Seconds until this part is ended."""
    return float(sys.argv[sys.argv.index("--left") + 1])


PARTS: dict[str, Callable[[bool], list[Line]]] = {"a": samplers, "b": steps, "c": peaks, "d": speed, "e": demo}


def run(part: str, dry: bool, seconds: float) -> list[Line]:
    """The lines of one part, done by a process of its own; a single one that says why, if it failed."""
    command = [sys.executable, __file__, "--part", part, "--left", str(seconds), *["--dry"] * dry]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        found, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return [Line(part, "took too long", f"{seconds:.0f} s", "", False)]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # with the processes that it has started, which hold the card, too
            process.communicate()
    if process.returncode:
        return [Line(part, "failed", (said.strip() or "no word").splitlines()[-1][:160], "", False)]
    return [Line(**line) for line in json.loads(found.strip().splitlines()[-1])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry", action="store_true")
    parser.add_argument("--json", type=Path, default=Path("gpu-check.json"))
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--left", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if here() == "cpu":
        torch.set_num_threads(1)
    if options.part:
        print(json.dumps([asdict(line) for line in PARTS[options.part](options.dry)]))
        return
    if not options.dry and here() == "cpu":
        raise SystemExit("this machine has no CUDA device; --dry does it in small without one")
    card = "cpu, dry" if here() == "cpu" else torch.cuda.get_device_name()
    print(f"{card}, torch {torch.__version__}, {datetime.date.today()}", flush=True)
    begun, lines = time.monotonic(), []
    for part in options.only:
        rest = (DRY_SECONDS if options.dry else SECONDS) - (time.monotonic() - begun)
        found = run(part, options.dry, max(30.0, rest if options.dry else min(LONGEST[part], rest)))
        for line in found:
            print(f"{'ok ' if line.ok else 'NOT'} {line.part}  {line.what:62} {line.found}  {line.wanted}", flush=True)
        lines += found
        about = {"card": card, "torch": torch.__version__, "date": str(datetime.date.today())}
        seconds = round(time.monotonic() - begun)
        report = {**about, "seconds": seconds, "lines": [asdict(line) for line in lines]}
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    print(f"{sum(line.ok for line in lines)} of {len(lines)} as they must be, in {seconds} s; {options.json}")
    raise SystemExit(0 if all(line.ok for line in lines) else 1)


if __name__ == "__main__":
    main()
