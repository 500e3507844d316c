"""The run database: every proposal, attempt, outcome, reward term, lineage edge and metric of a run, in ``run.db``.

SQLite in WAL mode, one transaction per step: a reader may watch while a run writes, and a process killed at any moment
leaves whole steps only. Texts are stored once each, compressed. Tokens and their log-probabilities are not stored: the
learner has used them up, and the text is what a human or a replay needs.
"""

from abzero.run.journal.reader import JournalReader
from abzero.run.journal.records import Attempted, ProposalSummary, Proposed, Rewarded
from abzero.run.journal.writer import JournalWriter, copy_journal

__all__ = ["Attempted", "JournalReader", "JournalWriter", "ProposalSummary", "Proposed", "Rewarded", "copy_journal"]
