"""The settings by group, frozen dataclasses. Defaults are the paper's; the text under a field is its ``--help``."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from abzero.config.choice import choice

BoolFlag = Annotated[bool, tyro.conf.FlagConversionOff]


@dataclass(frozen=True)
class AtLeast:
    """Annotates a setting with the smallest value that it, or each number in it, may have."""

    value: float


@dataclass(frozen=True)
class Fixed:
    """Annotates a setting, or a group of them, that `abzero resume` may not change; all others may."""

    why: str
    in_forks: bool = False
    """Whether `abzero fork` may not change it either: a checkpoint depends on it."""


RULES = Fixed("one run has one set of rules")
WEIGHTS = Fixed("the checkpoint's weights depend on it", in_forks=True)


@dataclass(frozen=True)
class Model:
    name: Annotated[str, WEIGHTS] = "tiny"
    """A Hugging Face model folder or name, or a .gguf file (abzero[gguf]); 'tiny' is the model in the box."""
    engine: str = "local"
    """What runs it. 'local' is torch and transformers in this process; 'vllm' the same with vLLM to sample
    (abzero[vllm]); 'tinker' a server that speaks the Tinker API (abzero[tinker])."""
    chat: Annotated[Literal["auto", "plain", "template"], RULES] = "auto"
    """How prompts are put to it: as plain text, or in the model's own chat template; 'auto' takes the template of a
    model that was tuned on it."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where it runs."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """What the learner computes in; master weights are float32."""
    sampler_dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """What the sampler computes in; 'auto' is bfloat16 where the device is faster at it."""
    fp32_head: BoolFlag = False
    """Compute logits in float32 whatever the model computes in: a narrower gap between sampler and learner."""
    lora_rank: Annotated[int, AtLeast(0), WEIGHTS] = 0
    """Rank of a LoRA adapter to train in place of the weights; 0 trains them all. Needs abzero[lora]."""
    lora_alpha: Annotated[float, AtLeast(0), WEIGHTS] = 64.0
    """LoRA's scale: the adapter counts alpha / rank times."""
    gradient_checkpointing: BoolFlag = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    threads: Annotated[int, AtLeast(0)] = 0
    """CPU threads for the model; 0 measures at the start what is quickest, and the run keeps it.

    Equal numbers are part of what makes two runs equal bit for bit."""


@dataclass(frozen=True)
class Tinker:
    url: str = "http://127.0.0.1:8000"
    """Where the server listens. The hosted service's key is taken from TINKER_API_KEY."""
    server: Annotated[Literal["skyrl-jax", "skyrl", "verl", "hosted"], WEIGHTS] = "skyrl"
    """What it is: SkyRL on its JAX or its GPU backends, VeRL-Tinker, the hosted service. Tried before training."""
    model: Annotated[str, WEIGHTS] = ""
    """What it calls the model; empty for model.name, which is where the tokenizer is read from."""
    timeout: Annotated[float, AtLeast(1)] = 900.0
    """Seconds that any one call may take, the compilation of a new shape included."""
    connect_timeout: Annotated[float, AtLeast(0.1)] = 10.0
    """Seconds in which it must say that it is well, before and during a run."""


@dataclass(frozen=True)
class Vllm:
    cache_gib: Annotated[float, AtLeast(0.001)] = 4.0
    """Memory for the keys and values of the rollouts that grow at once, at most; its weights come on top."""
    sequences: Annotated[int, AtLeast(1)] = 256
    """Rollouts that grow at once, at most."""


@dataclass(frozen=True)
class Sampling:
    temperature: float = 1.0
    """For proposing, estimating and solving alike; never greedy. Top-p is 1 and top-k off, always."""
    max_tokens: Annotated[int, AtLeast(1)] = 8096
    """Longest completion; one that reaches it is truncated."""
    max_prompt_tokens: Annotated[int, AtLeast(1), Fixed("the tasks in the buffer fit it", in_forks=True)] = 6144
    """Longest prompt; a proposal's prompt shows fewer references until it fits."""
    stop: tuple[str, ...] = ()
    """Strings that end a completion, as '</answer>': for base models, which may go on after the answer."""


@dataclass(frozen=True)
class Seeding:
    factor: Annotated[int, AtLeast(1)] = 4
    """Tasks to begin with, in batches per mode: batch_size x factor."""
    batches: Annotated[int, AtLeast(0)] = 64
    """Batches of proposals, at most, for each of the two stages of seeding."""


@dataclass(frozen=True)
class Propose:
    references: Annotated[int, AtLeast(0)] = 6
    """K: earlier tasks shown in a proposal's prompt."""
    samples: Annotated[int, AtLeast(1)] = 8
    """n: attempts that estimate a proposal's solve rate."""
    train: Annotated[BoolFlag, RULES] = True
    """Whether proposals are learned from; False is the paper's ablation."""
    frozen_copy: Annotated[BoolFlag, RULES] = False
    """Let an untrained copy of the initial model propose, for ever: the hard control."""


@dataclass(frozen=True)
class Solve:
    attempts: Annotated[int, AtLeast(1)] = 1
    """Rollouts on each drawn task; batch_size counts rollouts."""
    reuse_estimates: BoolFlag = False
    """Train the solver on the estimates' attempts, too, which are most of what a step samples."""


@dataclass(frozen=True)
class Tasks:
    modes: tuple[str, ...] = ("abduction", "deduction", "induction")
    """Task types in play: abduction, deduction, induction, and MODULE:NAME for one of your own (docs/extending.md)."""
    prompts: str = "paper"
    """Prompt set: paper, compact (for the model in the box), examples (few-shot, for weak models), or a folder."""
    inputs: Annotated[int, AtLeast(2)] = 10
    """Inputs of an induction task; the first half is shown, the rest is hidden."""
    max_output: Annotated[int, AtLeast(1)] = 400
    """Longest output of a task, in characters; longer ones are rejected, never truncated."""
    induction_score: Literal["binary", "accuracy", "any"] = "binary"
    """How hits on the hidden pairs make one score: all, the share, or at least one."""
    strict_types: BoolFlag = False
    """Whether 1, 1.0 and True count as different answers."""
    redundant_steps: BoolFlag = True
    """Whether a program may have steps that its result does not need; if not, such a proposal is invalid."""
    strip_comments: BoolFlag = False
    """Take comments and docstrings out of proposed programs: a proposer could tell its solver the answer in them."""
    holdout: Literal["none", "nursery"] = "none"
    """Reject proposals whose program belongs to this suite's held-out set."""


@dataclass(frozen=True)
class Reward:
    learnability: Annotated[str, choice("one_minus", "uncertainty", "min", "variance", "goldilocks")] = "one_minus"
    """Worth of a solve rate strictly between 0 and 1 (eq. 4), or a function of your own."""
    unlearnable: float = 0.0
    """Worth of a solve rate of 0 or 1: 0 in the paper, -0.5 in the reference."""
    invalid: float = -1.0
    """Worth of a proposal that is malformed or no valid task."""
    repeats_invalid: BoolFlag = False
    """Pay a program that was offered before what an invalid proposal is paid, however often it is solved."""
    wrong: float = -0.5
    """Worth of a well-formed wrong answer."""
    malformed: float = -1.0
    """Worth of a malformed answer."""
    solver: Annotated[str, choice("paper")] = "paper"
    """What an attempt earns: the paper's eq. 5 and 6 by the two settings above, or a function of your own."""
    bonuses: tuple[str, ...] = ()
    """Bonuses of your own, each as MODULE:NAME=COEFFICIENT."""
    complexity: float = 0.0
    """Coefficient of the bonus for cyclomatic complexity."""
    edit_distance: float = 0.0
    """Coefficient of the bonus for distance to the references."""
    answer_diversity: float = 0.0
    """Coefficient of the bonus for answers that are rare in the buffer."""
    novelty: float = 0.0
    """Coefficient of the discount for learnable programs offered n times before: 1 keeps 1/(1+n) of their
    learnability. Among proposals that earn nothing a discounted repeat is still the best, and praised."""
    random: BoolFlag = False
    """Replace every reward by a fair coin: a control, never a way to train."""


@dataclass(frozen=True)
class Advantage:
    estimator: Annotated[str, choice("trr_pp", "trr_grpo", "reinforce_pp", "grpo", "dr_grpo", "rloo")] = "trr_pp"
    """Which rows are compared, and how (eq. 8); 'trr_grpo' is trr_pp for proposals and grpo for attempts."""
    per: Literal["response", "token"] = "response"
    """What counts once in baseline and scale: a response (paper) or a token (reference)."""


@dataclass(frozen=True)
class Loss:
    clip_low: Annotated[float, AtLeast(0)] = 0.2
    """Lower half-width of the clipped ratio (eq. 9)."""
    clip_high: Annotated[float, AtLeast(0)] = 0.2
    """Upper half-width of the clipped ratio."""
    reduction: Literal["sequence", "token", "role_token"] = "sequence"
    """Mean per response, then over responses (paper); over all tokens; or over tokens, per role."""
    dual_clip: Annotated[float, AtLeast(0)] = 0.0
    """Largest ratio that a token of negative advantage counts with, as 3; 0 is no bound (arXiv 1912.09729)."""
    ratio: Literal["token", "sequence"] = "token"
    """Whose ratio to the old policy is clipped: each token's (paper), or the response's geometric mean (GSPO)."""
    surrogate: Literal["clip", "cispo"] = "clip"
    """min(s A, clip(s) A) (paper), or clip(s) A log p, which leaves every token its gradient (CISPO)."""
    propose_weight: Annotated[float, AtLeast(0)] = 1.0
    """Factor of the proposals' share of the loss."""
    solve_weight: Annotated[float, AtLeast(0)] = 1.0
    """Factor of the attempts' share of the loss."""
    truncated: Annotated[float, AtLeast(0)] = 1.0
    """Factor of completions cut at the token limit; 0 leaves them out of the update."""
    importance_cap: Annotated[float, AtLeast(0)] = 2.0
    """Cap of the token-level importance weight between learner and sampler."""
    kl: Annotated[float, AtLeast(0)] = 0.0
    """Coefficient of the KL penalty to the initial model."""
    entropy: float = 0.001
    """Coefficient of the entropy bonus."""
    max_gap: Annotated[float, AtLeast(0)] = 0.5
    """Largest mean gap between the sampler's and the learner's log-probabilities before the run stops."""


@dataclass(frozen=True)
class Optimizer:
    lr: Annotated[float, AtLeast(0)] = 1e-6
    """Learning rate of AdamW."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """How it falls after the warm-up, towards 0 at the last of `steps`."""
    betas: Annotated[tuple[float, float], AtLeast(0)] = (0.9, 0.999)
    """Decay rates of AdamW's two moments."""
    weight_decay: Annotated[float, AtLeast(0)] = 0.01
    """Decoupled weight decay."""
    clip: Annotated[float, AtLeast(1e-09)] = 1.0
    """Largest norm of the gradient."""
    eight_bit: Annotated[BoolFlag, Fixed("the checkpoint's moments are kept so", in_forks=True)] = False
    """Keep AdamW's two moments in 8 bits: 2 bytes a weight in place of 8."""
    warmup: Annotated[int, AtLeast(0)] = 0
    """Optimizer steps over which the learning rate rises to its value."""
    minibatches: Annotated[int, AtLeast(1)] = 1
    """Optimizer steps per self-play step."""
    skips: Annotated[int, AtLeast(0)] = 0
    """Gradients in a row that may be not finite: they are counted and left out; one more ends the run."""
    microbatch_tokens: Annotated[int, AtLeast(1)] = 16384
    """Most tokens in one forward and backward pass; does not change the gradient."""


@dataclass(frozen=True)
class BufferSettings:
    capacity: Annotated[int, AtLeast(1)] = 16384
    """Tasks kept for each mode; the oldest go first."""
    duplicates: Annotated[Literal["normal", "exact"], RULES] = "normal"
    """What counts as the same task: equal up to layout and local names, or to the letter."""


@dataclass(frozen=True)
class SandboxSettings:
    isolation: Literal["strict", "reduced"] = "strict"
    """What a program is kept in. 'reduced' is for machines without seccomp: never for models you distrust."""
    workers: Annotated[int, AtLeast(0)] = 0
    """Cores kept busy with programs, several short ones on each where memory allows it; 0 means all cores."""
    cpu_seconds: Annotated[float, AtLeast(0.001), RULES] = 0.5
    """CPU time of one program."""


@dataclass(frozen=True)
class CheckpointSettings:
    every: Annotated[int, AtLeast(1)] = 10
    """Steps between checkpoints; the first is taken after seeding, the last at the end."""
    keep: Annotated[int, AtLeast(1)] = 2
    """Newest checkpoints to keep."""


@dataclass(frozen=True)
class Oversight:
    rules: str = "default"
    """Pack of rules that reads every completion: default, none, or a file."""
    classifier: str = ""
    """Head that ranks thoughts: ngram, e5 (abzero[oversight]), or a file of ``abzero oversight fit``; none if empty. It
    never alerts or pauses."""
    gate: Literal["log", "alert", "pause"] = "alert"
    """What a grave finding does: is recorded, alerts, or ends the run after its step until a person has reviewed it."""
    severity: Annotated[int, AtLeast(1)] = 3
    """Least severity, of 4, that alerts or pauses; rules do at 4 alone, and above 4 nothing does."""
    audit: Annotated[float, AtLeast(0)] = 0.0
    """Share of the completions that is judged whatever monitors say, drawn by place: by `judge`, or by people in
    ``abzero oversight review RUN --audit``."""
    judge: str = ""
    """Who reads what monitors flag, and the audit: the address of an OpenAI-compatible server, or step-0, the model as
    it was before training; nobody if empty."""
    judge_model: str = ""
    """What the server calls the judge's model."""
    judge_key: str = ""
    """Environment variable that holds the server's key."""
    budget: Annotated[int, AtLeast(1)] = 40
    """Completions of a step that the judge is asked about, at most; the rest of those due is unjudged."""
    lag: Annotated[int, AtLeast(0)] = 1
    """Steps after its own at which a verdict is taken in: the judge reads while these are taken."""


@dataclass(frozen=True)
class Observe:
    tensorboard: BoolFlag = False
    """Write TensorBoard events into the run's folder; needs abzero[tensorboard]."""
    wandb: str = ""
    """Project of Weights & Biases to report to; needs abzero[wandb]."""
    own: tuple[str, ...] = ()
    """Observers of your own, each as MODULE:NAME, that are shown every step."""
