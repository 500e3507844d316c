"""How journals of older versions are read, and brought to today's version when a run goes on.

Each migration is written once: what a table of today holds, in terms of an older journal's tables. A reader, which may
not change the file, sees it as a temporary view; the writer replaces the table by it, in one transaction.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Migration:
    """From one version to today's: `prepare` fills temporary tables that the queries of `tables` may use."""

    prepare: str
    tables: Mapping[str, str]
    """The query that gives each table that changed, by its name; tables of the file are called ``main.NAME``."""
    added: frozenset[str] = frozenset()
    """Those of `tables` that the older version did not have."""
    leftovers: tuple[str, ...] = ()
    """What `prepare` made."""


# Versions 1 and 2 had no column for an exception of ours over what a model wrote: nothing is known of those.
_NO_FAULTS = "SELECT 0 AS step, '' AS role, 0 AS position, '' AS name WHERE 0"


# Version 1 said of an attempt only whether it estimated a solve rate. The estimates came first in their step, equally
# many for each proposal that became a task, in the order of the proposals: so their position tells whose they are.
_FROM_1 = Migration(
    prepare="""
CREATE TEMP TABLE _valid (step INTEGER, place INTEGER, position INTEGER, PRIMARY KEY (step, place)) WITHOUT ROWID;
INSERT INTO _valid SELECT step, row_number() OVER (PARTITION BY step ORDER BY position) - 1, position
    FROM main.proposal WHERE task IS NOT NULL;
CREATE TEMP TABLE _samples (step INTEGER PRIMARY KEY, n INTEGER);
INSERT INTO _samples SELECT step, count(*) / (SELECT count(*) FROM _valid WHERE _valid.step = attempt.step)
    FROM main.attempt WHERE estimate GROUP BY step;
""",
    tables={
        "proposal": """
SELECT step, position, mode, prompt, completion, tokens, finish, version, task, error, well_formed, solve_rate,
    NULL AS ours, NULL AS new, NULL AS repeats, NULL AS answer_share
FROM main.proposal""",
        "attempt": """
SELECT step, position, task, prompt, completion, tokens, finish, version, answer, score, well_formed,
    CASE WHEN estimate THEN (
        SELECT v.position FROM _valid AS v JOIN _samples AS s ON s.step = v.step
        WHERE v.step = a.step AND v.place = a.position / s.n) END AS proposal
FROM main.attempt AS a""",
        "finding": """
SELECT 0 AS step, 0 AS place, '' AS role, 0 AS position, '' AS part, 0 AS "begin", 0 AS "end", 0 AS tier, '' AS source,
    '' AS category, 0 AS severity, 0.0 AS score
WHERE 0""",
        "fault": _NO_FAULTS,
    },
    added=frozenset({"finding", "fault"}),
    leftovers=("_valid", "_samples"),
)
_FROM_2 = Migration(prepare="", tables={"fault": _NO_FAULTS}, added=frozenset({"fault"}))

MIGRATIONS: Mapping[int, Migration] = {1: _FROM_1, 2: _FROM_2}
"""By the version that they start from."""


def show_as_current(connection: sqlite3.Connection, version: int) -> None:
    """Let a reading `connection` to a journal of an older `version` see today's tables; the file is not changed."""
    migration = MIGRATIONS[version]
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.executescript(migration.prepare)
    for table, query in migration.tables.items():
        connection.execute(f"CREATE TEMP VIEW {table} AS {query}")


def upgrade(connection: sqlite3.Connection, version: int, current: int, schema: str) -> None:
    """Rewrite a journal of an older `version` as one of version `current`, whole or not at all.

    `schema` holds the statements that create the tables of the current version.
    """
    migration = MIGRATIONS[version]
    creating = {statement.split()[2]: statement for statement in schema.split(";") if statement.strip()}
    connection.execute("BEGIN EXCLUSIVE")
    try:
        for statement in filter(str.strip, migration.prepare.split(";")):
            connection.execute(statement)
        for table, query in migration.tables.items():
            connection.execute(f"CREATE TEMP TABLE _new_{table} AS {query}")
        for table in migration.tables:
            if table not in migration.added:
                connection.execute(f"DROP TABLE main.{table}")
            connection.execute(creating[table])
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM _new_{table}")
            connection.execute(f"DROP TABLE _new_{table}")
        for table in migration.leftovers:
            connection.execute(f"DROP TABLE {table}")
        connection.execute(f"PRAGMA user_version = {current}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
