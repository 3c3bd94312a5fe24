"""Charts as SVG: horizontal bars and curves, on a logarithmic axis where values differ by orders of magnitude."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

WIDTH = 720
_COLOURS = ("#0b7285", "#c92a2a", "#5f3dc4", "#2b8a3e", "#e67700", "#495057")
_TEXT = 'font-family="system-ui, sans-serif" font-size="12" fill="#343a40"'
_LABELS = 230  # pixels left of the bars
_VALUES = 90  # and right of them
_ROW = 26
_TOP = 40


def bars(title: str, values: Mapping[str, float], unit: str) -> str:
    """A bar a value; those of a NIUk in one colour, all others in another. Logarithmic beyond a factor of 30."""
    least, most = min(values.values()), max(values.values())
    logarithmic = most / least > 30
    room = WIDTH - _LABELS - _VALUES
    body = []
    for row, (name, value) in enumerate(values.items()):
        share = _log_share(value, least / 2, most) if logarithmic else value / most
        top = _TOP + row * _ROW
        colour = _COLOURS[0] if name.startswith(("niuk", "isolate")) else _COLOURS[1]
        body += [
            f'<text x="{_LABELS - 8}" y="{top + 15}" text-anchor="end" {_TEXT}>{escape(name.replace("_", " "))}</text>',
            f'<rect x="{_LABELS}" y="{top}" width="{max(2.0, share * room):.1f}" height="18" fill="{colour}"/>',
            f'<text x="{_LABELS + share * room + 6:.1f}" y="{top + 14}" {_TEXT}>{value:.3g} {escape(unit)}</text>',
        ]
    note = ", logarithmic axis" if logarithmic else ""
    return _picture(title + note, _TOP + len(values) * _ROW + 10, body)


def curves(
    title: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    across: str,
    up: str,
    log_across: bool = True,
    log_up: bool = True,
) -> str:
    """A line a series of (x, y)."""
    height, left, bottom = 400, 70, 340
    right = WIDTH - 20
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    place_x = _scale(min(xs), max(xs), left, right, log_across)
    place_y = _scale(0 if not log_up else min(ys), max(ys), bottom, _TOP + 10, log_up)
    body = _axes(left, right, bottom, across, up)
    for value in _ticks(min(xs), max(xs), log_across):
        body.append(
            f'<text x="{place_x(value):.0f}" y="{bottom + 16}" text-anchor="middle" {_TEXT}>{_short(value)}</text>'
        )
    for value in _ticks(0 if not log_up else min(ys), max(ys), log_up):
        at = place_y(value)
        body.append(f'<line x1="{left}" y1="{at:.0f}" x2="{right}" y2="{at:.0f}" stroke="#e9ecef"/>')
        body.append(f'<text x="{left - 6}" y="{at + 4:.0f}" text-anchor="end" {_TEXT}>{_short(value)}</text>')
    for number, (name, points) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{place_x(x):.1f},{place_y(y):.1f}" for x, y in points)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        body.append(_text(left + 12, _TOP + 18 + number * 16, name, colour))
    return _picture(title, height, body)


def cumulative(title: str, series: Mapping[str, Sequence[float]], *, across: str) -> str:
    """The distribution of each series' values."""
    lines = {
        name: [(value, (rank + 1) / len(values)) for rank, value in enumerate(sorted(values))]
        for name, values in series.items()
    }
    return curves(title, lines, across=across, up="share of functions", log_up=False)


def _axes(left: int, right: int, bottom: int, across: str, up: str) -> list[str]:
    middle = (_TOP + bottom) / 2
    return [
        f'<line x1="{left}" y1="{bottom}" x2="{right}" y2="{bottom}" stroke="#868e96"/>',
        f'<line x1="{left}" y1="{_TOP}" x2="{left}" y2="{bottom}" stroke="#868e96"/>',
        f'<text x="{(left + right) / 2}" y="{bottom + 40}" text-anchor="middle" {_TEXT}>{escape(across)}</text>',
        f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle" {_TEXT}>{escape(up)}</text>',
    ]


def _log_share(value: float, least: float, most: float) -> float:
    return math.log(value / least) / math.log(most / least)


def _scale(least: float, most: float, start: float, end: float, logarithmic: bool) -> Callable[[float], float]:
    if logarithmic:
        span = math.log(most / least) or 1.0
        return lambda value: start + (end - start) * math.log(value / least) / span
    return lambda value: start + (end - start) * (value - least) / ((most - least) or 1.0)


def _ticks(least: float, most: float, logarithmic: bool) -> list[float]:
    if logarithmic:
        return [10.0**power for power in range(math.ceil(math.log10(least)), math.floor(math.log10(most)) + 1)]
    if most <= 0:
        return [0.0]
    step = 10 ** math.floor(math.log10(most)) / (2 if most / 10 ** math.floor(math.log10(most)) < 3 else 1)
    return [step * number for number in range(int(most / step) + 1)]


def _short(value: float) -> str:
    return f"{value:g}" if 0.001 <= value < 100_000 else f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-")


def _picture(title: str, height: int, body: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">'
    ground = f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
    words = f'<text x="16" y="24" {_TEXT} style="font-size:15px;font-weight:600">{escape(title)}</text>'
    return "\n".join([head, ground, words, *body, "</svg>"]) + "\n"


def _text(x: float, y: float, words: str, colour: str) -> str:
    return f'<text x="{x}" y="{y}" {_TEXT} style="fill:{colour}">{escape(words)}</text>'
