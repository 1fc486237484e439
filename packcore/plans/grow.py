"""Make a plan from a delta forest computed elsewhere: lines of child and base.

    9f0c5e…                      an object written whole (may be left out if it is a base)
    1b2af7… 9f0c5e…              a delta and its base
    77de01… 1b2af7…  # why       blank lines and comments after # are ignored

The lines may come in any order. Objects enter the pack in the order in which the lines first name them,
except that each comes after its base and close to it. This makes a pack from bases computed elsewhere (by
another program, an experiment, or by hand) without the code of a strategy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

from packcore.errors import CorruptData, InvalidPlan, MissingObject
from packcore.limits import DEFAULT_LIMITS, Limits
from packcore.plans.file import LINE_BYTES_MAX, SUPPLIED, PlanRow, SavedPlan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore

__all__ = ["plan_from_forest"]


class _Node(NamedTuple):
    base: ObjectId | None
    line: int
    is_child: bool
    """Whether it has a line of its own; otherwise it is only named as a base."""


def plan_from_forest(
    lines: Iterable[bytes], store: ObjectStore, *, limits: Limits = DEFAULT_LIMITS, name: str = "forest"
) -> SavedPlan:
    """Return the plan that the lines describe, with types and sizes from `store` and depth from `limits`.

    `limits` also sets the compression. Raises CorruptData for a line without one or two ids, InvalidPlan for
    an object with two bases, a cycle, a chain that is too deep or a base of another type, and MissingObject.
    All name the line.
    """
    nodes = _read(lines, store, name)
    if not nodes:
        raise CorruptData(f"{name}: names no object", hint="each line has an object, and perhaps its base")
    order = _bases_first(nodes, name)
    rows: dict[ObjectId, PlanRow] = {}
    depths: dict[ObjectId, int] = {}
    for oid in order:
        base, line, _ = nodes[oid]
        try:
            type_, size = store.header(oid)
        except MissingObject as error:
            raise MissingObject(error.oid, context=f"{name}, line {line}", hint=error.hint) from None
        depths[oid] = 0 if base is None else depths[base] + 1
        if depths[oid] > limits.depth:
            _refuse(
                name, line, f"object {oid.hex()[:12]} is at depth {depths[oid]}, more than {limits.depth}"
            )
        if base is not None and rows[base].type != type_:
            kinds = f"a {type_.name.lower()}, and its base a {rows[base].type.name.lower()}"
            _refuse(name, line, f"object {oid.hex()[:12]} is {kinds}")
        rows[oid] = PlanRow(oid, type_, size, "whole" if base is None else "delta", base, line=line)
    return SavedPlan(
        store.object_format, SUPPLIED, limits.depth, limits.compression, tuple(rows.values()), name=name
    )


def _refuse(name: str, line: int, reason: str) -> NoReturn:
    raise InvalidPlan(f"{name}, line {line}: {reason}")


def _read(lines: Iterable[bytes], store: ObjectStore, name: str) -> dict[ObjectId, _Node]:
    nodes: dict[ObjectId, _Node] = {}
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_BYTES_MAX:
            raise CorruptData(f"{name}, line {number}: is longer than {LINE_BYTES_MAX} bytes")
        words = line.partition(b"#")[0].split()
        if not words:
            continue
        try:
            ids = [store.object_format.from_hex(word) for word in words]
        except ValueError as error:
            raise CorruptData(f"{name}, line {number}: {error}") from None
        if len(ids) > 2:
            raise CorruptData(f"{name}, line {number}: a line has an object and perhaps its base, no more")
        child, base = ids[0], ids[1] if len(ids) == 2 else None
        known = nodes.get(child)
        if known is not None and known.is_child:
            _refuse(name, number, f"object {child.hex()[:12]} was there before, on line {known.line}")
        if base is not None and base != child:
            nodes.setdefault(base, _Node(None, number, is_child=False))
        # If it was named as a base before, it keeps that place.
        nodes[child] = _Node(base, number, is_child=True)
    return nodes


def _bases_first(nodes: dict[ObjectId, _Node], name: str) -> list[ObjectId]:
    """Return all objects: roots in the order they were first named, each followed by its subtree."""
    children: dict[ObjectId, list[ObjectId]] = {}
    for oid, node in nodes.items():
        if node.base is not None:
            children.setdefault(node.base, []).append(oid)
    order: list[ObjectId] = []
    stack = [oid for oid, node in nodes.items() if node.base is None]
    stack.reverse()
    while stack:
        oid = stack.pop()
        order.append(oid)
        stack.extend(reversed(children.get(oid, ())))
    if len(order) < len(nodes):
        reached = set(order)
        oid = next(oid for oid in nodes if oid not in reached)
        _refuse(name, *_ring(nodes, oid))
    return order


def _ring(nodes: dict[ObjectId, _Node], oid: ObjectId) -> tuple[int, str]:
    """Return line and message for the cycle that the chain of an object ends in."""
    passed: set[ObjectId] = set()
    while oid not in passed:
        passed.add(oid)
        base = nodes[oid].base
        assert base is not None  # an object that no root reaches has a base
        oid = base
    return nodes[oid].line, f"object {oid.hex()[:12]} depends on itself: its bases form a cycle"
