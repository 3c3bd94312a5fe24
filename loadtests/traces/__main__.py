"""Writes a generated day as the data set's CSV files: python -m traces --out FOLDER [--functions N] [--seed N]."""

from __future__ import annotations

import argparse
from pathlib import Path

from traces.azure import write
from traces.generate import Shape, generate


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m traces", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the three files")
    parser.add_argument("--functions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most-per-day", type=float, default=1e8, help="cap on one function's invocations")
    options = parser.parse_args()
    trace = generate(Shape(options.functions, options.seed, options.most_per_day))
    write(trace, options.out)
    print(f"{len(trace.functions)} functions, {sum(each.total for each in trace.functions)} invocations: {options.out}")


if __name__ == "__main__":
    main()
