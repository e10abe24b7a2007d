r"""DIMACS minimum-cost flow instances, as orders and links.

The layout is that of the first DIMACS implementation challenge (*The First DIMACS International Algorithm
Implementation Challenge: Problem Definitions and Specifications*, 1991; also
lpsolve.sourceforge.net/5.5/DIMACS_mcf.htm). Each line begins with one letter, and blanks separate its fields:

- `c` and any text: a comment;
- `p min NODES ARCS`: the problem line, once, before all that follows;
- `n ID FLOW`: a node with supply (above zero) or demand (below zero), before all arcs; other nodes have neither;
- `a SRC DST LOW CAP COST`: an arc, the least and the most that it may carry, and the cost of each unit.

>>> import io, naryq
>>> lines = b"p min 4 5\nn 1 4\nn 4 -4\na 1 2 0 4 2\na 1 3 0 2 2\na 2 3 0 2 1\na 2 4 0 3 3\na 3 4 0 5 1\n"
>>> instance = read_instance(io.BytesIO(lines))
>>> problem = instance.as_market()
>>> solution = problem.solution(naryq.clear(problem.orders, problem.links))
>>> solution.cost, solution.flow.tolist(), solution.unserved
(14, [2, 2, 2, 0, 4], {})
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from naryq.datasets.numbers import shown
from naryq.datasets.source import Source, at_line, line_blocks, opened
from naryq.market.clearing import Clearing
from naryq.market.intake import HIGHEST_PRICE, HIGHEST_QUANTITY
from naryq.market.kernels import Flags, Integers
from naryq.messages import Code, Refusal
from naryq.units import grouped

FIELDS: Final = {b"p": ("min", "NODES", "ARCS"), b"n": ("ID", "FLOW"), b"a": ("SRC", "DST", "LOW", "CAP", "COST")}
"""What follows the letter of each kind of line but comments."""
WHOLE_NUMBER: Final = re.compile(rb"-?[0-9]{1,20}")
COUNT_MAX: Final = 4_000_000
"""The most nodes and arcs: sums over all of them fit 64 bits."""


class Instance(NamedTuple):
    """A minimum-cost flow instance as it is written: nodes count from 1, arcs stand in the order of their lines.

    Attributes:
        name: Of the file, for refusals.
        supply: Of each node; demand is below zero.
        source: Where each arc begins.
        target: Where it ends.
        low: The least that it must carry.
        capacity: The most that it may carry.
        cost: Of each unit that it carries.
    """

    name: str
    supply: Integers
    source: Integers
    target: Integers
    low: Integers
    capacity: Integers
    cost: Integers

    def as_market(self) -> "FlowMarket":
        """Put the instance as orders and links, so that its clearing is a flow of least cost.

        What an arc must carry is sent in advance; an arc of negative cost is filled in advance, and its link brings
        back, from its end to its begin, what it should not carry. What a node has over after that is an offer at
        price 0, what it lacks a bid at a price above the cost of any path, which is therefore served wherever that
        is possible.

        Raises:
            Refusal: `out_of_range` when supply and demand differ, or when the costs or the amounts at a node are
                beyond what `naryq.clear` takes.
        """
        turned = self.cost < 0
        sent = np.where(turned, self.capacity, self.low)
        over = self.supply.copy()
        np.subtract.at(over, self.source - 1, sent)
        np.add.at(over, self.target - 1, sent)
        self._refuse_beyond_limits(over)
        begin, end = np.where(turned, self.target, self.source), np.where(turned, self.source, self.target)
        nodes = np.flatnonzero(over)
        orders = {
            "order_id": nodes + 1,
            "place": [str(node) for node in (nodes + 1).tolist()],
            "side": ["sell" if lots > 0 else "buy" for lots in over[nodes].tolist()],
            "price": np.where(over[nodes] > 0, 0, self._must_be_served()),
            "quantity": np.abs(over[nodes]),
        }
        links = {
            "source": [str(node) for node in begin.tolist()],
            "target": [str(node) for node in end.tolist()],
            "capacity": self.capacity - self.low,
            "tariff": np.abs(self.cost),
        }
        return FlowMarket(self, orders, links, turned)

    def _must_be_served(self) -> int:
        """Return a price above the cost of any path: it has at most as many arcs as there are nodes less one."""
        costs: list[int] = sorted(np.abs(self.cost).tolist())
        return 1 + sum(costs[max(0, len(costs) - self.supply.size + 1) :])

    def _refuse_beyond_limits(self, over: Integers) -> None:
        total = int(self.supply.sum())
        if total:
            what = f"supply exceeds demand by {total}" if total > 0 else f"demand exceeds supply by {-total}"
            raise self._refusal(what, "Supply and demand of all nodes must be equal.")
        if (np.abs(over) > HIGHEST_QUANTITY).any():
            node = int(np.argmax(np.abs(over) > HIGHEST_QUANTITY))
            what = f"node {node + 1} sends on or takes in {grouped(abs(int(over[node])))}"
            raise self._refusal(what, "At most 10**12 can; arcs of negative cost count with their whole capacity.")
        if self._must_be_served() > HIGHEST_PRICE:
            what = f"a path can cost {grouped(self._must_be_served() - 1)}"
            raise self._refusal(what, "At most 10**12 - 1 fits; use a larger unit of cost.")

    def _refusal(self, what: str, remedy: str) -> Refusal:
        return Refusal(Code.OUT_OF_RANGE, what, where=self.name, remedy=remedy)


class Solution(NamedTuple):
    """What a clearing says of its instance.

    Attributes:
        cost: The least cost, exact; None where there is no feasible flow.
        flow: What each arc carries, in the order of their lines.
        unserved: The units that cannot be brought where they are needed, by node; no flow within the bounds
            leaves fewer in all.
    """

    cost: int | None
    flow: Integers
    unserved: dict[int, int]


class FlowMarket(NamedTuple):
    """An instance put as orders and links for `naryq.clear`; `turned` marks the arcs whose links run the other way."""

    instance: Instance
    orders: dict[str, Any]
    links: dict[str, Any]
    turned: Flags

    def solution(self, clearing: Clearing) -> Solution:
        """Read the solution of the instance from the clearing of its market."""
        carried: Integers = clearing.flows["quantity"]
        instance = self.instance
        flow: Integers = np.where(self.turned, instance.capacity - carried, instance.low + carried)
        left = self.orders["quantity"] - clearing.fills["quantity"]
        rows = zip(self.orders["order_id"].tolist(), self.orders["side"], left.tolist(), strict=True)
        unserved = {node: lots for node, side, lots in rows if side == "buy" and lots}
        cost: list[int] = [units * each for units, each in zip(flow.tolist(), instance.cost.tolist(), strict=True)]
        return Solution(None if unserved else sum(cost), flow, unserved)


def read_instance(source: Source) -> Instance:
    """Read a minimum-cost flow instance.

    Parallel arcs are taken, though the challenge had none. A bound below zero or above the other is refused: no
    published rule makes it mean anything else.

    Raises:
        Refusal: with the line, for anything that the published layout does not allow.
    """
    with opened(source) as file:
        reading = _Reading(file.name)
        for block in line_blocks(file):
            for line, text in enumerate(block.content.split(b"\n")[:-1], block.first_line):
                reading.take(line, text)
        return reading.instance()


class _Reading:
    """An instance while it is read, line by line."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._line, self._text = 0, b""
        self._nodes, self._arcs_said = 0, 0
        self._supply: dict[int, int] = {}
        self._arcs: list[tuple[int, ...]] = []

    def take(self, line: int, text: bytes) -> None:
        """Take the next line."""
        self._line, self._text = line, text
        letter, *fields = text.split() or [b"c"]
        if letter[:1] == b"c":
            return
        if letter not in FIELDS:
            raise self._refusal(Code.UNREADABLE, "it begins with neither c, p, n nor a")
        if len(fields) != len(FIELDS[letter]):
            raise self._refusal(Code.UNREADABLE, f"a line {letter.decode()} has {len(FIELDS[letter])} fields after it")
        if (letter == b"p") != (self._nodes == 0):
            what = "there is a problem line already" if self._nodes else "no problem line stands before it"
            raise self._refusal(Code.UNREADABLE, what)
        if letter == b"p":
            self._problem(fields)
        elif letter == b"n":
            self._node(*self._numbers(fields))
        else:
            self._arc(*self._numbers(fields))

    def instance(self) -> Instance:
        """Return the instance, all lines being read."""
        if not self._nodes:
            raise Refusal(Code.EMPTY, "there is no problem line", where=self._name, remedy="Write: p min NODES ARCS")
        if len(self._arcs) != self._arcs_said:
            what = f"the problem line says {self._arcs_said} arcs, and {len(self._arcs)} are there"
            raise Refusal(Code.UNREADABLE, what, where=self._name, remedy="Check that the file is complete.")
        supply = np.zeros(self._nodes, np.int64)
        supply[[node - 1 for node in self._supply]] = list(self._supply.values())
        columns = np.array(self._arcs, np.int64).reshape(-1, 5).T.copy()
        return Instance(self._name, supply, *columns)

    def _problem(self, fields: list[bytes]) -> None:
        if fields[0] != b"min":
            raise self._refusal(Code.NOT_SUPPORTED, "the problem is not min")
        self._nodes, self._arcs_said = self._numbers(fields[1:])
        if not (1 <= self._nodes <= COUNT_MAX and 0 <= self._arcs_said <= COUNT_MAX):
            raise self._refusal(Code.OUT_OF_RANGE, f"there are 1 to {COUNT_MAX:,} nodes and up to as many arcs")

    def _node(self, node: int, flow: int) -> None:
        if self._arcs:
            raise self._refusal(Code.UNREADABLE, "nodes stand before all arcs")
        self._known(node)
        if node in self._supply:
            raise self._refusal(Code.DUPLICATE_ID, f"node {node} has a line already")
        self._bounded("FLOW", flow, -HIGHEST_QUANTITY, HIGHEST_QUANTITY)
        self._supply[node] = flow

    def _arc(self, *arc: int) -> None:
        begin, end, low, capacity, cost = arc
        self._known(begin, end)
        if begin == end:
            raise self._refusal(Code.SELF_LOOP, f"the arc runs from node {begin} to itself")
        self._bounded("LOW", low, 0, HIGHEST_QUANTITY)
        self._bounded("CAP", capacity, low, HIGHEST_QUANTITY)
        self._bounded("COST", cost, -HIGHEST_PRICE, HIGHEST_PRICE)
        self._arcs.append(arc)

    def _known(self, *nodes: int) -> None:
        if not all(1 <= node <= self._nodes for node in nodes):
            raise self._refusal(Code.OUT_OF_RANGE, f"nodes have the numbers 1 to {self._nodes}")

    def _bounded(self, field: str, number: int, lowest: int, highest: int) -> None:
        if not lowest <= number <= highest:
            raise self._refusal(Code.OUT_OF_RANGE, f"{field} is from {lowest} to {highest} here")

    def _numbers(self, fields: list[bytes]) -> Iterator[int]:
        for field in fields:
            if not WHOLE_NUMBER.fullmatch(field):
                raise self._refusal(Code.WRONG_TYPE, f"{shown(field)} is no whole number in plain digits")
            yield int(field)

    def _refusal(self, code: Code, what: str) -> Refusal:
        forms = "; ".join(f"{letter.decode()} {' '.join(names)}" for letter, names in FIELDS.items())
        where = at_line(self._name, self._line)
        return Refusal(code, f"{what}: {shown(self._text)}", where=where, remedy=f"The lines are: {forms}.")
