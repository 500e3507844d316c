"""Whether a model's name names anything here, told without torch: loading that takes seconds."""

from pathlib import Path

from abzero.errors import ConfigError


def nothing(name: str) -> ConfigError:
    """What to say of a name that is no folder's, and by its form none that a hub is asked for."""
    return ConfigError(
        f"there is no run or model '{name}': name a folder, tiny, or a Hugging Face name such as owner/{name}"
    )


def no_place(name: str) -> ConfigError:
    """What to say of a path at which there is nothing."""
    return ConfigError(f"model {name!r} is neither a folder that exists nor a .gguf file nor a Hugging Face name")


def check_named(name: str) -> None:
    """Raise `ConfigError` if nothing here has this name, nor may a hub have; of any other, loading knows more."""
    if name == "tiny" or Path(name).suffix == ".gguf" or Path(name).expanduser().exists():
        return
    if "/" in name:
        if name.count("/") > 1 or name[0] in "/.~" or name[-1] == "/":
            raise no_place(name)
        return
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        if isinstance(try_to_load_from_cache(name, "config.json"), str):
            return
    except HFValidationError:
        return
    raise nothing(name)
