"""Whether a model's name names anything here, told without torch: loading that takes seconds."""

from pathlib import Path

from abzero.errors import ConfigError


def nothing(name: str) -> ConfigError:
    """What to say of a name that is no folder's, and by its form none that a hub is asked for."""
    return ConfigError(
        f"there is no run or model '{name}': name a folder, tiny, or a Hugging Face name such as owner/{name}"
    )


def check_named(name: str) -> None:
    """Raise `ConfigError` if nothing here has this name, nor may a hub have; of any other, loading knows more."""
    if name == "tiny" or "/" in name or Path(name).suffix == ".gguf" or Path(name).expanduser().exists():
        return
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        if isinstance(try_to_load_from_cache(name, "config.json"), str):
            return
    except HFValidationError:
        return
    raise nothing(name)
