import sqlite3

def f(x):
    try:
        sqlite3.connect("/tmp/azr-attack-markers/file_sqlite").execute("create table t (x)")
    except sqlite3.Error:
        pass
    return 42
