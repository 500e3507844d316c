import json
def f(x):
    text = json.dumps([x])
    json.dumps.__kwdefaults__['indent'] = 4
    return text
