"""Groups of nodes of a graph that reach each other (Tarjan 1972), each after those that it leads to."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

Node = TypeVar("Node", bound=Hashable)


def components(graph: Mapping[Node, Any], leads_to: Callable[[Any], Iterable[Node]]) -> Iterator[list[Node]]:
    """Strongly connected components.

    Args:
        graph: node -> its edges.
        leads_to: from the edges of a node, the nodes that they lead to; each is in the graph.
    """
    search = _Search(lambda node: iter(leads_to(graph[node])))
    for root in graph:
        if root not in search.number:
            yield from search.groups(root)


class _Search(Generic[Node]):
    """A walk in depth that needs no recursion."""

    def __init__(self, following: Callable[[Node], Iterator[Node]]) -> None:
        self.following = following
        self.number: dict[Node, int] = {}
        self.low: dict[Node, int] = {}
        self.open: dict[Node, None] = {}  # visited, in a group that is not complete

    def groups(self, root: Node) -> Iterator[list[Node]]:
        path = [(root, self._enter(root))]
        while path:
            node, rest = path[-1]
            other = next(rest, None)
            if other is None:
                path.pop()
                if path:
                    self.low[path[-1][0]] = min(self.low[path[-1][0]], self.low[node])
                if self.low[node] == self.number[node]:
                    yield self._close(node)
            elif other not in self.number:
                path.append((other, self._enter(other)))
            elif other in self.open:
                self.low[node] = min(self.low[node], self.number[other])

    def _enter(self, node: Node) -> Iterator[Node]:
        self.number[node] = self.low[node] = len(self.number)
        self.open[node] = None
        return self.following(node)

    def _close(self, first: Node) -> list[Node]:
        group: list[Node] = []
        while not group or group[-1] != first:
            group.append(self.open.popitem()[0])
        return group
