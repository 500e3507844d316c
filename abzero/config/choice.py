"""A setting that has one of several names, or names code of the user's."""

from tyro.constructors import PrimitiveConstructorSpec


def choice(*names: str) -> PrimitiveConstructorSpec[str]:
    """Annotates a setting that has one of `names`, or names code of the user's as ``module:name``."""

    def read(given: list[str]) -> str:
        if given[0] not in names and ":" not in given[0]:
            raise ValueError(f"choose from {', '.join(names)}, or name code of your own as MODULE:NAME")
        return given[0]

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="{" + ",".join(names) + ",MODULE:NAME}",
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, str),
        str_from_instance=lambda value: [value],
    )
