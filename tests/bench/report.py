"""Figures beside their aims: as a table for people, as JSON for whatever comes after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_COLUMNS = (68, 12, 22, 10, 4)


@dataclass(frozen=True, kw_only=True)
class Figure:
    key: str
    title: str
    value: float
    unit: str = ""
    #: The least and the greatest of the repetitions, where there were any.
    spread: tuple[float, float] | None = None
    #: What is aimed at; at least that, or ``at_most`` that.
    aim: float | None = None
    at_most: bool = False

    @property
    def met(self) -> bool | None:
        if self.aim is None:
            return None
        return self.value <= self.aim if self.at_most else self.value >= self.aim

    def as_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = {"title": self.title, "value": round(self.value, 4), "unit": self.unit}
        if self.spread:
            plain["least"], plain["most"] = (round(it, 4) for it in self.spread)
        if self.aim is not None:
            plain |= {"aim": self.aim, "aim_is": "at most" if self.at_most else "at least", "met": self.met}
        return plain

    def row(self) -> tuple[str, ...]:
        aim = "" if self.aim is None else f"{'<=' if self.at_most else '>='} {shown(self.aim)}"
        spread = f"{shown(self.spread[0])} .. {shown(self.spread[1])}" if self.spread else ""
        met = {None: "", True: "yes", False: "NO"}[self.met]
        return (self.title, f"{shown(self.value)} {self.unit}".strip(), spread, aim, met)


@dataclass(frozen=True, kw_only=True)
class Section:
    title: str
    figures: Sequence[Figure]
    #: What was done, how busy what was, what held it.
    words: Sequence[str] = ()


def shown(number: float) -> str:
    if abs(number) >= 100:
        return f"{number:,.0f}"
    text = f"{number:.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def table(sections: Iterable[Section]) -> str:
    lines = []
    for section in sections:
        lines += ["", section.title, "-" * len(section.title), *section.words]
        if section.figures:
            lines += ["", _line(("", "median", "least .. most", "aim", "met"))]
            lines += [_line(figure.row()) for figure in section.figures]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    first, *others = cells
    right = (cell.rjust(width) for cell, width in zip(others, _COLUMNS[1:], strict=True))
    return (first.ljust(_COLUMNS[0]) + "".join(right)).rstrip()


def as_json(sections: Iterable[Section]) -> dict[str, Any]:
    return {
        section.title: {
            "words": list(section.words),
            "figures": {figure.key: figure.as_json() for figure in section.figures},
        }
        for section in sections
    }
