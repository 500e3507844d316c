"""A model's own chat template, as what stands before and after one message of the user."""

from datetime import datetime

from jinja2 import TemplateError

from abzero.errors import ConfigError
from abzero.policy.models.tokenizer import Codec

_USER, _MODEL = "what-the-user-says", "what-the-model-says"
DAY, DATE = datetime(2024, 7, 26), "%d %b %Y"
"""What templates that name the day are told it is: prompts are the same whenever a run is resumed."""


def tuned(codec: Codec) -> bool:
    """Whether the model was tuned on its template: the token that closes a turn in it is one that the model ends with.

    Base models may come with the template of their tuned sister, but end with the end of a document alone.
    """
    return any(token in codec.ends for token in _closing(codec))


def reason(codec: Codec) -> str:
    """Why the model counts as `tuned`, or does not."""
    if not codec.tokenizer.chat_template:
        return "it has no chat template"
    if tuned(codec):
        return "it ends with the token that closes a turn in its chat template"
    return "it does not end with what closes a turn in its chat template"


def closer(codec: Codec) -> int | None:
    """The control token that closes the model's turn in its template, if one does."""
    return next((token for token in _closing(codec) if token in codec.tokenizer.added_tokens_decoder), None)


def _closing(codec: Codec) -> list[int]:
    if not codec.tokenizer.chat_template:
        return []
    messages = [{"role": "user", "content": _USER}, {"role": "assistant", "content": _MODEL}]
    _, found, closing = _render(codec, messages, opens=False, thinks=False).rpartition(_MODEL)
    tokens: list[int] = codec.tokenizer.encode(closing.strip(), add_special_tokens=False) if found else []
    return tokens


def frame(codec: Codec, system: str, thinks: bool) -> tuple[str, str]:
    """What the template puts before the user's message, and after it up to where the model's turn begins.

    Where the template has no place for `system`, it stands before the message. A template that can switch thinking on
    and off is told whether the model `thinks`. Raises `ConfigError` for a template that shows no message.
    """
    if not codec.tokenizer.chat_template:
        raise ConfigError("model.chat 'template': the model's tokenizer has no chat template; set --model.chat plain")
    user = {"role": "user", "content": _USER}
    if system:
        try:
            text = _render(codec, [{"role": "system", "content": system}, user], opens=True, thinks=thinks)
        except ConfigError:
            text = ""
        if system.strip() in text:
            return _around(text)
    before, after = _around(_render(codec, [user], opens=True, thinks=thinks))
    says_it = system.strip() in before  # an export's template does, of itself
    return before if says_it else f"{before}{system}\n\n", after


def _around(text: str) -> tuple[str, str]:
    if text.count(_USER) != 1:
        raise ConfigError(
            "model.chat 'template': the chat template does not show a message once; set --model.chat plain"
        )
    before, _, after = text.partition(_USER)
    return before, after


def _render(codec: Codec, messages: list[dict[str, str]], opens: bool, thinks: bool) -> str:
    try:
        return str(
            codec.tokenizer.apply_chat_template(
                messages,
                tokenize=False,
                add_generation_prompt=opens,
                enable_thinking=thinks,
                thinking=thinks,
                date_string=DAY.strftime(DATE),
                strftime_now=DAY.strftime,
            )
        )
    except (TemplateError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"model.chat: the chat template cannot be used ({error}); set --model.chat plain") from error
