"""``abzero doctor``: what this machine, and a model, has and lacks."""

from dataclasses import asdict
from json import dumps
from typing import TYPE_CHECKING

from abzero.cli.arguments import Switch
from abzero.cli.output import out, under_way

if TYPE_CHECKING:
    from abzero.cli.machine import Diagnosis

SHOWN = 300
"""How many characters of a prompt are shown."""


def doctor(model: str | None = None, json: Switch = False) -> int:
    """Say what this machine, and with --model a model, has and lacks for abzero; exit status 1 if it matters."""
    if model is not None:
        from abzero.policy.models.naming import check_named

        check_named(model)
    under_way("loading torch, trying the sandbox")
    from abzero.cli.machine import Diagnosis, machine, table
    from abzero.config.backends.local import model_name
    from abzero.policy.local.report import traits

    findings = machine()
    if model is not None:
        found = traits(model_name(model))
        findings += [Diagnosis(f"model: {trait.what}", trait.found, trait.fine) for trait in found]
        findings += _asked(model)
    if json:
        print(dumps([asdict(finding) for finding in findings], indent=1))
    else:
        out.print(table(findings))
    return 0 if all(finding.fine for finding in findings) else 1


def _asked(model: str) -> "list[Diagnosis]":
    """How the model is asked, and the beginning of a prompt as it is sent to it."""
    from abzero.cli.machine import Diagnosis
    from abzero.cli.recipes import measured
    from abzero.config import backends, build
    from abzero.policy.models import chat

    notes: list[str] = []
    before, weights = measured(model, tell=notes.append)
    _, codec, config = backends.conversation(before, weights)
    words = "its chat template" if config.model.chat == "template" else "plain text"
    why = chat.reason(codec) if before.model.chat == "auto" else "as the run has settled"
    [first, *_] = build.task_types(config.tasks, backends.frame(config, weights))
    sent = codec.decode(codec.encode(first.ask(first.seed)))
    ends = ", ".join(f"{codec.decode([token])!r} ({token})" for token in sorted(codec.ends))
    return [
        Diagnosis("model: ends", ends),
        *(Diagnosis("model: settings", note) for note in notes),
        Diagnosis("model: asked in", f"{words}, with the prompts '{config.tasks.prompts}': {why}"),
        Diagnosis("model: as sent", sent[:SHOWN] + ("…" if len(sent) > SHOWN else "")),
    ]
