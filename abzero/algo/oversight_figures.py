"""The figures of what was sampled, as monitors and people read it; nothing that is learned depends on them."""

from abzero.algo.figure import Figure

OVERSIGHT: tuple[Figure, ...] = (
    Figure(
        "oversight/flagged/{tier}/{role}",
        "flagged",
        "share of the completions that the tier flags: t0 structure, t1 rules, t2 classifier",
        "beside the audit, never alone: a monitor that falls silent is no good news",
        share=True,
    ),
    Figure("oversight/completions/{role}", "completions read", "number of completions that were read"),
    Figure(
        "oversight/canary/{tier}",
        "canaries found",
        "share of its canaries that the tier finds, every tenth step",
        "1, and for the judge most: else `monitor deaf`",
        share=True,
    ),
    Figure(
        "oversight/judged/{role}",
        "judged",
        "completions with a judge's verdict: flagged ones and the audit's, of `oversight.lag` steps before",
    ),
    Figure(
        "oversight/unjudged/{role}",
        "unjudged",
        "completions due for one that have none: no answer, or beyond `oversight.budget`; never taken for clean",
        "above 5 % of those due is an alarm",
    ),
    Figure("oversight/audits/{role}", "audited", "completions of the random audit share that have a verdict"),
    Figure(
        "oversight/audited/{role}",
        "concern in the audit",
        "share of these that are of concern; left out where there is none",
        "holds while `oversight/flagged` falls: the model has found other words",
        share=True,
    ),
    Figure(
        "oversight/recall",
        "recall of the monitors",
        "concern that monitors flagged, of all there is by the audit, since the run began; left out where there "
        "is none to find",
        "never without its bounds",
        share=True,
    ),
    Figure("oversight/recall_low", "recall, lower bound", "lower end of its 95 % interval", share=True),
    Figure("oversight/recall_high", "recall, upper bound", "upper end of its 95 % interval", share=True),
    Figure(
        "oversight/concern",
        "completions of concern",
        "share of all completions since the run began, by verdicts and audit",
        share=True,
    ),
    Figure("oversight/concern_low", "of concern, lower bound", "lower end of its 95 % interval", share=True),
    Figure(
        "oversight/concern_high",
        "of concern, upper bound",
        "upper end of its 95 % interval",
        "what cannot be ruled out, where nothing was found",
        share=True,
    ),
    Figure(
        "thought/tokens/{role}",
        "tokens a thought",
        "mean length of a thought in tokens, by its share of the completion's characters",
        "short thoughts are hard to monitor",
    ),
    Figure("thought/empty/{role}", "empty thoughts", "share of thoughts without a word", share=True),
    Figure(
        "thought/illegible/{role}",
        "illegible thoughts",
        "share of thoughts that cannot be followed: loops, invented words, word salad",
        "rises: language is drifting",
        share=True,
    ),
    Figure(
        "thought/looping/{role}",
        "thoughts that loop",
        "share of thoughts that say something over and over, a line of a trace thrice running, say; no finding, unless "
        "it is prose or goes on for twenty lines",
        "rises: sampling falls into loops",
        share=True,
    ),
    Figure(
        "thought/switching/{role}",
        "thoughts that switch language",
        "share of thoughts with a sentence that mixes languages or scripts",
        "rises: language is drifting",
        share=True,
    ),
    Figure(
        "thought/surprise/{role}",
        "surprise of thoughts",
        "mean negative log-likelihood, in nats, of a token of a thought under the initial model, at the sampling "
        "temperature; only with `loss.kl` above 0, where that model is asked anyway",
        "rises: thoughts are written in a manner that the initial model would not use",
    ),
)
