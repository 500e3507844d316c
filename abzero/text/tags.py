"""The tags of a completion, as everybody reads them: in capitals or with spaces they are tags, too."""

import re


def _tag(name: str, slash: str = "") -> re.Pattern[str]:
    return re.compile(rf"(?i:<[ \t]*+{slash}{name}[ \t]*+>)")


_SLASH = r"/[ \t]*+"
THINK_OPENS, THINK_CLOSES = _tag("think"), _tag("think", _SLASH)
ANSWER_OPENS, ANSWER_CLOSES = _tag("answer"), _tag("answer", _SLASH)
PROGRAM_OPENS, PROGRAM_CLOSES = _tag("program"), _tag("program", _SLASH)
