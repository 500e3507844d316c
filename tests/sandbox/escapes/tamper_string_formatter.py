import string

def f(x):
    math = string.Formatter().get_field("0.__globals__", [string.capwords], {})[0]
    math["whitespace"] = "forged"
    return 42
