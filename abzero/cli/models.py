"""Commands about models: the recipes in the box, export one, make the one in the box."""

from collections import deque
from pathlib import Path
from typing import Literal

from rich.text import Text
from tyro.conf import Positional

from abzero.cli.output import at_once, grid, out, progress, say
from abzero.errors import ConfigError
from abzero.run.files import replace_text


def show_recipes(name: Positional[str | None] = None) -> int:
    """List the recipes in the box, or print one: a recipe of yours may begin with base = "its name"."""
    from abzero.config import recipe as files

    if name is None:
        for recipe, about in files.in_the_box().items():
            out.print(Text(recipe), grid([("  ", about)]), sep="\n")
        say('use one: abzero train NAME; build on one: base = "NAME" as the first line of a file of yours')
    else:
        out.print(Text(files.find(name).read_text(encoding="utf-8").rstrip()), soft_wrap=True)
    return 0


def export_model(run: Positional[Path], folder: Positional[Path]) -> int:
    """Write a run's newest model as a folder that transformers and vLLM load as it is, adapters merged, with a card."""
    from abzero.cli.recipes import measured
    from abzero.config import backends, exported
    from abzero.policy.models import chat_template
    from abzero.policy.models.export import asking, copied, export, model_card
    from abzero.run.checkpoint import step_of

    config, checkpoint = measured(str(run))
    place = Path(checkpoint).parent
    card, how, ends, template = copied(folder.name, str(run)), "", frozenset[int](), None
    if (place / "state.json").exists():
        prompts, codec, config = backends.conversation(config, checkpoint)
        asked, own = prompts.frame(chat_template.PROBE), config.model.chat == "template"
        template, ends = chat_template.trained(codec, asked, prompts.system if own else None), codec.ends
        kind = "the base model's own chat template" if own else "a plain conversation"
        kind += f" (prompts '{config.tasks.prompts}')"
        how = asking(folder.name, kind, codec.decode(codec.encode(asked)), template is not None)
        facts = {"steps": str(step_of(place)), "seed": str(config.seed), "prompts": config.tasks.prompts}
        card = model_card(folder.name, config.model.name, facts, how)
    beside = exported.files(config) if how or exported.known(str(run)) else {}
    dtype = export(Path(checkpoint), folder, card, template=template, ends=ends, beside=beside)
    more = "; its card says how to prompt it" if how else ""
    say(f"the model is in {folder}, its weights in {str(dtype).removeprefix('torch.')}{more}")
    return 0


def build_tiny(action: Positional[Literal["build"]], folder: Positional[Path], seed: int = 0) -> int:
    """Make the model in the box again from nothing, measure it and write its card: about forty minutes of one core."""
    if folder.exists():
        raise ConfigError(f"'{folder}' exists: build into a new folder")
    at_once(f"making the model in the box again in {folder}, seed {seed}; torch is loaded first")
    import torch
    from safetensors.torch import load_file
    from transformers.utils import logging

    from abzero.cli.evaluate import measurements
    from abzero.cli.recipes import DEFAULT_RECIPE, measured
    from abzero.tiny import pretrain
    from abzero.tiny.card import card

    torch.set_num_threads(1)
    logging.disable_progress_bar()
    steps = sum(stage.steps for stage in pretrain.STAGES)
    losses = deque[float](maxlen=50)

    with progress("steps", steps) as done:

        def stepped(step: int, loss: float) -> None:
            done(1)
            losses.append(loss)

        pretrain.build(folder, seed, report=stepped)
    say(
        f"{steps:,} steps are done, the loss of the last {len(losses)} is {sum(losses) / len(losses):.3f}; measuring it"
    )
    config, _ = measured(str(folder), DEFAULT_RECIPE)
    rows = measurements(config, str(folder), "nursery", "test", seed, 100)
    parameters = sum(value.numel() for value in load_file(folder / "model.safetensors").values())
    replace_text(folder / "README.md", card(seed, pretrain.STAGES, parameters, rows))
    say(f"the model is in {folder}, its card in {folder / 'README.md'}")
    return 0
