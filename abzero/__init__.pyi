"""The public names, for type checkers: what ``__init__.py`` loads lazily."""

from abzero.algo.advantages import trr_pp as trr_pp
from abzero.algo.credit import Credit as Credit
from abzero.errors import AbzeroError as AbzeroError
from abzero.policy.base import Generator as Generator
from abzero.policy.base import Learner as Learner
from abzero.policy.scripted import ScriptedGenerator as ScriptedGenerator
from abzero.policy.scripted import ScriptedLearner as ScriptedLearner
from abzero.run.journal import JournalReader as JournalReader
from abzero.run.journal import JournalWriter as JournalWriter
from abzero.run.train import train as train
from abzero.sandbox.base import Call as Call
from abzero.sandbox.base import Outcome as Outcome
from abzero.sandbox.fake import FakeSandbox as FakeSandbox
from abzero.sandbox.pool import SandboxPool as SandboxPool
from abzero.selfplay import SelfPlay as SelfPlay
from abzero.tasks import Abduction as Abduction
from abzero.tasks import Deduction as Deduction
from abzero.tasks import Induction as Induction
from abzero.tasks import TaskType as TaskType
from abzero.tasks.buffer import Buffer as Buffer
from abzero.tasks.prompts import Prompts as Prompts
from abzero.types import Attempt as Attempt
from abzero.types import Case as Case
from abzero.types import Experience as Experience
from abzero.types import Proposal as Proposal
from abzero.types import Rollout as Rollout
from abzero.types import Step as Step
from abzero.types import Task as Task
from abzero.views.replay import replay_run as replay_run

__version__: str
