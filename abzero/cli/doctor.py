"""``abzero doctor``: what this machine, and a model, has and lacks."""

from abzero.cli.output import out


def doctor(model: str | None = None) -> int:
    """Say what this machine, and with --model a model, has and lacks for abzero; exit status 1 if it matters."""
    from abzero.cli.machine import Finding, machine, table
    from abzero.config.engines.local import model_name
    from abzero.policy.local.report import traits

    findings = machine()
    if model is not None:
        found = traits(model_name(model))
        findings += [Finding(f"model: {trait.what}", trait.found, trait.fine) for trait in found]
    out.print(table(findings))
    return 0 if all(finding.fine for finding in findings) else 1
