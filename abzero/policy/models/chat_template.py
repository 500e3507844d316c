"""The chat template of a trained model, by which one message becomes the prompt that it was trained on."""

import re
from collections.abc import Iterator
from copy import copy

from jinja2 import TemplateError

from abzero.errors import ConfigError
from abzero.policy.models import chat
from abzero.policy.models.tokenizer import Codec
from abzero.types import Prompt

PROBE = "What is 6 * 7?"
_NAMES_DAY = re.compile(r"strftime_now\(\s*(['\"])(.*?)\1\s*\)")


def trained(codec: Codec, prompt: Prompt, system: str | None) -> str | None:
    """A template that puts around a message of the user what stands around the insertion of `prompt`.

    Where the model was asked in its own template, with the message `system`, it is that template with what training
    fixed: system message, thinking, day, and the beginning of the reply; or, if `system` is None, or its own template
    cannot be made to give just that, one that gives the prompt alone. `None` where the tokenizer reads a text behind a
    start token in another way than by itself, so that no template can give the tokens that training sent.
    """
    before, after = prompt[: prompt.begin], prompt[prompt.end :]
    own = () if system is None else _variants(codec, system, after)
    for template in own:
        if _gives(codec, template, before, after):
            return template
    start = codec.start_text
    template = _alone(start, before.removeprefix(start), after)
    return template if _gives(codec, template, before, after) else None


def write(codec: Codec, template: str) -> None:
    """Make `template` the default one of the tokenizer; others that it has stay."""
    now = codec.tokenizer.chat_template
    codec.tokenizer.chat_template = {**now, "default": template} if isinstance(now, dict) else template


def _variants(codec: Codec, system: str, after: str) -> Iterator[str]:
    """The model's own template with what training fixed; the system's message as such, or before the user's."""
    own = codec.tokenizer.get_chat_template().removesuffix("\n")
    own = _NAMES_DAY.sub(lambda call: _literal(chat.DAY.strftime(call[2])), own)
    message = f"[{{'role': 'system', 'content': {_literal(system)}}}] + messages"
    joined = f"[{{'role': 'user', 'content': {_literal(system)} + '\\n\\n' + messages[0].content}}] + messages[1:]"
    for rest, thinks in sorted(_rests(codec, system, after), key=lambda one: len(one[0])):
        defaults = f"{{% if enable_thinking is not defined %}}{{% set enable_thinking = {str(thinks).lower()} %}}"
        defaults += f"{{% endif %}}{{% set date_string = {_literal(chat.DAY.strftime(chat.DATE))} %}}"
        ending = f"{{% if add_generation_prompt %}}{{{{ {_literal(rest)} }}}}{{% endif %}}"
        for put in (message, joined) if system else ("messages",):
            first = f"{{% if messages and messages[0].role == 'user' %}}{{% set messages = {put} %}}{{% endif %}}"
            yield f'{first}{defaults}{{{{ "" }}}}{own}{ending}'


def _rests(codec: Codec, system: str, after: str) -> Iterator[tuple[str, bool]]:
    """What of `after` the model's own template lacks, and whether it is told to think."""
    for thinks in (True, False):
        try:
            _, bare = chat.frame(codec, system, thinks)
        except ConfigError:
            return
        if after.startswith(bare):
            yield after[len(bare) :], thinks


def _alone(start: str, before: str, after: str) -> str:
    """A template of single turns: each message of the user inside the prompt, all others as they are, a line each."""
    return (
        f"{{{{ {_literal(start)} }}}}{{% for message in messages %}}{{% if message.role == 'user' %}}"
        f"{{{{ {_literal(before)} + message.content }}}}"
        f"{{% if add_generation_prompt or not loop.last %}}{{{{ {_literal(after)} }}}}{{% endif %}}"
        "{% else %}{{ message.content + '\\n' }}{% endif %}{% endfor %}"
    )


def _gives(codec: Codec, template: str, before: str, after: str) -> bool:
    """Whether a plain user of `template` sends just the tokens that training sent."""
    tokenizer = copy(codec.tokenizer)
    tokenizer.chat_template = template
    try:
        messages = [{"role": "user", "content": PROBE}]
        sent = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except (TemplateError, ValueError, TypeError, KeyError):
        return False
    tokens: list[int] = tokenizer.encode(str(sent), add_special_tokens=False)
    return tokens == codec.encode(Prompt.of(before, PROBE, after))


def _literal(text: str) -> str:
    """`text` as a literal of Jinja, which reads strings as Python does."""
    return repr(text)
