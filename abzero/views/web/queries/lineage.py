"""Where tasks come from: who was shown to whom."""

from dataclasses import dataclass

from abzero.views.web.journal import Journal, Text, share, whole, words

MOST_NODES = 400
_EDGES = 3_000


@dataclass(frozen=True, slots=True)
class Node:
    """A task in the graph."""

    id: str
    step: int
    mode: str
    solve_rate: float | None
    first_line: str


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
class Ancestor:
    """A task that many proposals were shown, and how many of them became tasks."""

    id: str
    step: int
    mode: str
    shown: int
    children: int
    program: Text


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
        name = words(task)
        nodes.setdefault(name, Node(name, whole(step), words(mode), share(rate), _line(journal, name)))
        query = "SELECT reference FROM lineage WHERE step = ? AND position = ? ORDER BY place LIMIT 20"
        edges += [(words(one), name) for (one,) in journal.rows(query, whole(step), whole(position))]
    for reference, _ in edges[:_EDGES]:
        if reference not in nodes and len(nodes) < 2 * MOST_NODES:
            row = journal.row("SELECT step, mode FROM task WHERE id = ?", reference)
            if row:
                nodes[reference] = Node(reference, whole(row[0]), words(row[1]), None, _line(journal, reference))
    kept = tuple(dict.fromkeys(edge for edge in edges[:_EDGES] if edge[0] in nodes and edge[1] in nodes))
    return Graph(first, last, tuple(nodes.values()), kept, max(whole(total) - len(rows), 0))


def fertile(journal: Journal, since: int, most: int = 12) -> list[Ancestor]:
    """The tasks that proposals since a step were shown most often."""
    # The plus keeps SQLite from grouping by the index of references, which would read the whole run.
    query = """
SELECT l.reference, count(*), count(p.task) FROM lineage AS l
    JOIN proposal AS p ON p.step = l.step AND p.position = l.position
WHERE l.step >= ? GROUP BY +l.reference ORDER BY 3 DESC, 2 DESC, 1 LIMIT ?"""
    found = []
    for reference, shown, children in journal.rows(query, since, most):
        row = journal.row("SELECT step, mode, program FROM task WHERE id = ?", words(reference))
        if row:
            text = journal.text(row[2], 400)
            found.append(Ancestor(words(reference), whole(row[0]), words(row[1]), whole(shown), whole(children), text))
    return found


def _line(journal: Journal, task: str) -> str:
    row = journal.row("SELECT program FROM task WHERE id = ?", task)
    return journal.text(row[0], 300).text if row else ""
