"""``abzero doctor``: what this machine, and a model, has and lacks."""

from dataclasses import asdict
from json import dumps

from abzero.cli.arguments import Switch
from abzero.cli.output import out, under_way


def doctor(model: str | None = None, json: Switch = False) -> int:
    """Say what this machine, and with --model a model, has and lacks for abzero; exit status 1 if it matters."""
    under_way("loading torch, trying the sandbox")
    from abzero.cli.machine import Finding, machine, table
    from abzero.config.engines.local import model_name
    from abzero.policy.local.report import traits

    findings = machine()
    if model is not None:
        found = traits(model_name(model))
        findings += [Finding(f"model: {trait.what}", trait.found, trait.fine) for trait in found]
    if json:
        print(dumps([asdict(finding) for finding in findings], indent=1))
    else:
        out.print(table(findings))
    return 0 if all(finding.fine for finding in findings) else 1
