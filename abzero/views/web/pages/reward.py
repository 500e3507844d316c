"""The reward as a derivation, with the numbers filled in, and the advantage that came of it."""

from abzero.types import Role
from abzero.views.html import Html, html, joined
from abzero.views.web.pages.frame import PageRequest, empty, section
from abzero.views.web.queries import step, task


def derivation(ask: PageRequest, role: Role, n: int, position: int, mode: str, rate: float | None) -> Html:
    """The reward as a derivation, and how the advantage came of it."""
    earned = step.earned(ask.journal, n, role, position)
    if earned is None:
        return section("Reward", empty("Not learned from: this rollout did not reach the learner."))
    terms = [
        html(
            '<span class="term"><b>{v}</b><small>{k}</small></span>',
            v=f"{value:+.4g}",
            k=f"{name}{_eq(name, value, rate)}",
        )
        for name, value in earned.terms
    ]
    sign = html('<span class="op">+</span>')
    summed = joined(part for term in terms for part in (sign, term))[len(sign) :] if terms else ""
    formula = _formula(ask, role, n, position, mode, earned)
    return section(
        "Reward",
        html(
            '<div class="derivation"><span class="term"><b>{r}</b><small>reward r</small></span>'
            '<span class="op">=</span>'
            "{terms}</div>{formula}",
            r=f"{earned.total:.4g}",
            terms=Html(summed),
            formula=formula,
        ),
    )


def _formula(ask: PageRequest, role: Role, n: int, position: int, mode: str, earned: step.Earned) -> Html:
    """How the advantage came of the reward, where that can be seen from the rewards beside it."""
    compared = (
        ("of this role and mode (TRR++, eq. 8)", task.peers(ask.journal, role, mode, n)),
        ("of this prompt (GRPO)", task.peers_of_prompt(ask.journal, role, n, position)),
    )
    for words, peers in compared:
        expected = (earned.total - peers.mean) / peers.deviation if peers.deviation > 1e-9 else 0.0
        if peers.n > 1 and peers.deviation <= 1e-9 and earned.advantage == 0.0:
            equal = f"A = 0: all {peers.n} rewards {words} in step {n} are equal, and teach nothing."
            return html('<p class="note">{equal}</p>', equal=equal)
        if peers.n > 1 and abs(expected - earned.advantage) < 1e-3 * max(1.0, abs(expected)):
            return html(
                '<p class="formula">A = (r − mean) / σ = ({r} − {m}) / {s} = <b>{a}</b></p>'
                '<p class="note">Compared with the {n} rewards {words} in step {step}.</p>',
                r=_plain(earned.total),
                m=_plain(peers.mean) if peers.mean >= 0 else f"({_plain(peers.mean)})",
                s=f"{peers.deviation:.4g}",
                a=f"{earned.advantage:+.3f}",
                n=peers.n,
                words=words,
                step=n,
            )
    return html('<p class="formula">A = <b>{a}</b></p>', a=f"{earned.advantage:+.3f}")


def _plain(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _eq(name: str, value: float, rate: float | None) -> str:
    """What the paper's learnability is made of, where the term is the paper's."""
    papers = name == "learnability" and rate is not None and 0 < rate < 1 and abs(value - (1 - rate)) < 1e-9
    return f" = 1 − solve rate {rate:.3g}" if papers else ""
