"""How far a run is, and what its running step is at: on every page, brought anew by the stream of events."""

from abzero.views.html import Html, html, joined
from abzero.views.now import PHASES, PhaseUnderWay

_DOING = {"propose": "proposing", "estimate": "estimating", "solve": "solving", "update": "updating"}


def badge(state: str) -> Html:
    return html('<span class="state {state}">{state}</span>', state=state)


def status(state: str, step: int | None, steps: int | None, now: PhaseUnderWay | None = None) -> Html:
    """The state, the steps done and, of a running run, the phases of the next one."""
    wanted = max(steps or step or 0, 1)
    done: object = "no step yet"
    if step is not None:
        done = html('step <b id="step" data-step="{n}">{n}</b> of {w}', n=step, w=wanted)
    return html(
        '<div id="status"><p class="soft step">{state}<span>{done}</span></p>'
        '<progress aria-label="steps done" max="{wanted}" value="{step}"></progress>{phases}</div>',
        state=badge(state),
        done=done,
        step=step or 0,
        wanted=wanted,
        phases=_phases(now) if now else "",
    )


def _phases(now: PhaseUnderWay) -> Html:
    """Those that are over with their seconds, the present one with how far it is, those to come."""
    words = f"step {now.step} under way" if now.step else "seeding"
    rows = [_phase(now, name, place - now.reached) for place, name in enumerate(PHASES)]
    return html('<ol class="phases" aria-label="{words}">{rows}</ol>', words=words, rows=joined(rows))


def _phase(now: PhaseUnderWay, name: str, ahead: int) -> Html:
    """One phase, so many places before or behind the present one."""
    took = now.took.get(name, 0.0)
    if ahead:
        return html(
            '<li class="{kind}"><span>{name}</span><small></small><small>{took}</small></li>',
            kind="over" if ahead < 0 else "",
            name=name,
            took=f"{took:.1f} s" if took else "",
        )
    beside = now.phase != name
    counted = now.done > 0 and not beside
    bar = html(
        '<progress aria-label="rollouts of this phase" max="{n}" value="{d}"></progress>', n=now.count, d=now.done
    )
    return html(
        '<li class="on" aria-current="step"><span>{name}</span><small>{far}</small><small>{took}</small>{bar}</li>',
        name=_DOING[name],
        far="in the sandbox" if beside else f"{now.done} of {now.count}" if counted else "",
        took=f"{took + now.seconds:.1f} s",
        bar=bar if counted else "",
    )
