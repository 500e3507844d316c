"""Where tasks come from: who was shown to whom."""

from collections.abc import Sequence
from dataclasses import dataclass

from abzero.views.journal import Journal, StoredText, share, string, whole

MOST_NODES, MOST_ANCESTORS = 400, 200
_EDGES = 3_000


@dataclass(frozen=True, slots=True)
class Node:
    """A task in the graph."""

    id: str
    step: int
    mode: str
    solve_rate: float | None
    program: str
    """Its beginning, in one line."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The tasks of the steps `first` to `last`, the ancestors they were shown, and the edges between them."""

    first: int
    last: int
    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]
    """(reference, task)."""
    left_out: int
    """Tasks of these steps that are not in it."""


@dataclass(frozen=True, slots=True)
class ReferenceUse:
    """A task that many proposals were shown, and how many of them became tasks."""

    id: str
    step: int
    mode: str
    shown: int
    children: int
    program: StoredText


def graph(journal: Journal, first: int, last: int) -> Graph:
    """The graph of a few steps; evenly thinned where it has more nodes than an eye can follow."""
    where = "FROM proposal AS p WHERE p.step BETWEEN ? AND ? AND p.task IS NOT NULL"
    [(total,)] = journal.rows(f"SELECT count(*) {where}", first, last)
    every = max(1, -(-whole(total) // MOST_NODES))
    query = f"SELECT p.step, p.position, p.task, p.mode, p.solve_rate {where} AND p.position % ? = 0 LIMIT ?"
    rows = journal.rows(query, first, last, every, MOST_NODES)
    nodes: dict[str, Node] = {}
    edges: list[tuple[str, str]] = []
    for step, position, task, mode, rate in rows:
        name = string(task)
        nodes.setdefault(name, Node(name, whole(step), string(mode), share(rate), _line(journal, name)))
        query = "SELECT reference FROM lineage WHERE step = ? AND position = ? ORDER BY place LIMIT 20"
        edges += [(string(one), name) for (one,) in journal.rows(query, whole(step), whole(position))]
    for reference, _ in edges[:_EDGES]:
        if reference not in nodes and len(nodes) < MOST_NODES + MOST_ANCESTORS:
            row = journal.row("SELECT step, mode FROM task WHERE id = ?", reference)
            if row:
                nodes[reference] = Node(reference, whole(row[0]), string(row[1]), None, _line(journal, reference))
    kept = tuple(dict.fromkeys(edge for edge in edges[:_EDGES] if edge[0] in nodes and edge[1] in nodes))
    return Graph(first, last, tuple(nodes.values()), kept, max(whole(total) - len(rows), 0))


def fertile(journal: Journal, since: int, most: int = 12) -> list[ReferenceUse]:
    """The tasks that proposals since a step were shown most often."""
    # The plus keeps SQLite from grouping by the index of references, which would read the whole run.
    query = """
SELECT l.reference, count(*), count(p.task) FROM lineage AS l
    JOIN proposal AS p ON p.step = l.step AND p.position = l.position
WHERE l.step >= ? GROUP BY +l.reference ORDER BY 3 DESC, 2 DESC, 1 LIMIT ?"""
    found = []
    for reference, shown, children in journal.rows(query, since, most):
        row = journal.row("SELECT step, mode, program FROM task WHERE id = ?", string(reference))
        if row:
            text = journal.text(row[2], 400)
            found.append(
                ReferenceUse(string(reference), whole(row[0]), string(row[1]), whole(shown), whole(children), text)
            )
    return found


@dataclass(frozen=True, slots=True)
class Descent:
    """The descent of some tasks of one step, going back from each to the first task that its proposal was shown."""

    step: int
    depths: tuple[int, ...]
    """Generations between each of them and the task that it goes back to."""
    founders: int
    """How many different tasks they go back to."""
    fertile: float | None
    """The share of them that a later task descends from; ``None`` where the journal has no index to find it by."""


_UP = """
WITH RECURSIVE up (start, task, depth) AS (
    SELECT task, task, 0 FROM (SELECT DISTINCT task FROM proposal WHERE step = ? AND task IS NOT NULL LIMIT ?)
    UNION ALL
    SELECT up.start, l.reference, up.depth + 1 FROM up
        JOIN task AS t ON t.id = up.task
        JOIN proposal AS p ON p.step = t.step AND p.task = up.task
        JOIN lineage AS l ON l.step = p.step AND l.position = p.position AND l.place = 0
    WHERE up.depth < ? AND l.reference <> up.task)
SELECT start, task, max(depth) FROM up GROUP BY start"""
_DEEPEST = 400


def descent(journal: Journal, steps: Sequence[int], tasks: int) -> list[Descent]:
    """Of `tasks` tasks in each of `steps`."""
    indexed = journal.row("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = 'lineage_reference'")
    later = """
SELECT EXISTS (SELECT 1 FROM lineage AS l JOIN proposal AS p ON p.step = l.step AND p.position = l.position
    WHERE l.reference = ? AND p.task IS NOT NULL)"""
    found = []
    for step in steps:
        rows = [(string(s), string(f), whole(d)) for s, f, d in journal.rows(_UP, step, tasks, _DEEPEST)]
        if rows:
            fertile = sum(whole(journal.rows(later, start)[0][0]) for start, _, _ in rows) if indexed else None
            share = None if fertile is None else fertile / len(rows)
            founders = len({founder for _, founder, _ in rows})
            found.append(Descent(step, tuple(depth for _, _, depth in rows), founders, share))
    return found


def _line(journal: Journal, task: str) -> str:
    row = journal.row("SELECT program FROM task WHERE id = ?", task)
    lines = journal.text(row[0], 160).text.split("\n") if row else []
    return " ; ".join(line.strip() for line in lines if line.strip())
