"""The nouns: what the loop is made of. Frozen records, no behaviour."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["propose", "solve"]
"""The two parts that the one model plays."""
ROLES: tuple[Role, ...] = ("propose", "solve")

Finish = Literal["stop", "length"]
"""How a completion ended: by its end-of-sequence action or a stop string, or cut at the token limit."""


class Prompt(str):
    """A prompt that remembers which part of it was inserted into the conversation's template: a tokenizer may read
    control tokens in the template alone. In any other ``str``, nowhere.
    """

    begin: int
    """Where what was inserted begins."""
    end: int
    begun: str
    """What of the reply stands in the prompt: its completion goes on from there. Empty for a thought that is opened."""

    @classmethod
    def of(cls, before: str, inserted: str, after: str, begun: str = "") -> "Prompt":
        prompt = cls(before + inserted + after)
        prompt.begun = begun
        prompt.begin, prompt.end = len(before), len(before) + len(inserted)
        return prompt


@dataclass(frozen=True, slots=True)
class Case:
    """One verified run of a program: as a rule ``output == f(input)``; a task type may record another truth of it."""

    input: str
    """Source text of the arguments, canonical: ``1, [2], key='x'``."""
    output: str
    """What the type's `truth` says of the run: as a rule the source text of the literal that came back, canonical."""


@dataclass(frozen=True, slots=True)
class Task:
    """A verified problem; with one case, the paper's triplet (p, i, o) of section 3.2."""

    mode: str
    """Name of its task type: ``deduction``, ``abduction``, ``induction`` or one that you add."""
    program: str
    """Python source with an entry point, as the model wrote it."""
    cases: tuple[Case, ...]
    message: str = ""

    @property
    def id(self) -> str:
        """Content hash: equal tasks have equal ids, in every run and on every machine."""
        parts = [self.mode, self.program, [[case.input, case.output] for case in self.cases], self.message]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Rollout:
    """One sampled completion, as the learner needs it."""

    prompt_tokens: Sequence[int]
    tokens: Sequence[int]
    """Every sampled action, the one included that ended it when ``finish`` is ``stop``."""
    logprobs: Sequence[float]
    """Natural log-probability of each of `tokens` under the sampler, at the sampling temperature."""
    text: str
    """The completion decoded, without the end-of-sequence token; behind what its prompt began of an answer."""
    finish: Finish
    version: int = 0
    """How many updates the weights had seen that sampled it."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a proposal became no task."""

    reason: str
    """What the parser, the sandbox or the validator said."""
    ours: bool = False
    """Refused for a reason of ours, such as a held-out program: neither rewarded nor learned from."""
    fault: str = ""
    """What a check of it raised that it must not, by name: a fault of ours. Empty as a rule."""


@dataclass(frozen=True, slots=True)
class Novelty:
    """How a proposed task compares with all that was offered to the buffer before it: what bonuses look at."""

    references: tuple[str, ...] = ()
    """Programs that the prompt showed."""
    repeats: int = 0
    """How often the buffer has been offered a program of this normal form before."""
    answer_share: float = 0.0
    """Share of the buffer's tasks of this mode that have the same answer, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposer's rollout and what became of it: a verified task, or a rejection."""

    mode: str
    prompt: str
    rollout: Rollout
    references: tuple[Task, ...]
    """The buffer's tasks that the prompt showed."""
    outcome: Task | Rejection
    well_formed: bool
    """Whether the completion kept the think/answer format; a valid task may still break it."""
    solve_rate: float | None = None
    """Mean score of the estimate's attempts, in [0, 1]; ``None`` where there is no task."""
    new: bool = False
    """Whether the buffer kept its task: it held no equal one."""
    novelty: Novelty = Novelty()

    @property
    def task(self) -> Task | None:
        return self.outcome if isinstance(self.outcome, Task) else None

    @property
    def rejection(self) -> Rejection | None:
        return self.outcome if isinstance(self.outcome, Rejection) else None

    @property
    def excluded(self) -> bool:
        """Whether it is neither rewarded nor learned from nor counted: rejected for a reason of ours."""
        return isinstance(self.outcome, Rejection) and self.outcome.ours


@dataclass(frozen=True, slots=True)
class Attempt:
    """A solver's rollout on a task and its score in [0, 1]; ``None`` means malformed."""

    task: Task
    prompt: str
    rollout: Rollout
    score: float | None
    answer: str
    """What was judged: the text inside the answer tags."""
    well_formed: bool
    proposal: int | None = None
    """Position, in its step, of the proposal whose solve rate it estimates; ``None`` if drawn for the solver."""
    fault: str = ""
    """What grading it raised that it must not, by name: a fault of ours, neither rewarded, learned from nor counted."""


@dataclass(frozen=True, slots=True)
class Experience:
    """A rewarded rollout, ready for the learner."""

    source: tuple[Role, int]
    """Whose rollout it is: the role, and the position among the step's proposals or attempts."""
    mode: str
    group: int
    """Rollouts of one prompt in one step share it."""
    rollout: Rollout
    terms: tuple[tuple[str, float], ...]
    """The reward's derivation: named summands."""
    advantage: float = 0.0

    @property
    def role(self) -> Role:
        return self.source[0]

    @property
    def reward(self) -> float:
        return sum(value for _, value in self.terms)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something in a run looks wrong: what was seen and what to try, in words."""

    step: int
    name: str
    """Short and stable: ``truncated``, ``entropy gone`` …"""
    message: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a monitor saw in one completion: a span, named and weighed. Never part of a reward."""

    role: Role
    position: int
    """Among the step's proposals or attempts."""
    part: str
    """Of the completion: ``thought`` or ``answer``."""
    begin: int
    end: int
    """The span within the part, in characters."""
    tier: int
    """How costly and how certain its monitor is: 0 structural, 1 rules, 2 classifier, 3 judge."""
    source: str
    """The monitor, with its version and rule."""
    category: str
    severity: int
    """From 0 to 4."""
    score: float


@dataclass(frozen=True, slots=True)
class Step:
    """Everything that one step did."""

    number: int
    proposals: Sequence[Proposal]
    attempts: Sequence[Attempt]
    experiences: Sequence[Experience]
    metrics: Mapping[str, float]
    """Deterministic figures: the same on a run that was resumed."""
    clock: Mapping[str, float] = field(default_factory=dict)
    """Wall-clock figures (seconds, tokens per second): never the same twice."""
    alarms: Sequence[Alarm] = ()
    """What began to look wrong at this step."""
    findings: Sequence[Finding] = ()
    """What monitors saw in its completions."""
