"""Fits a line through measurements."""

import time


def main(args: dict) -> dict:
    time.sleep(args.get("wait_ms", 0) / 1000)
    seed = args.get("seed", 1)
    points = [(n, 3 * n + (seed * 7919 + n * n) % 13) for n in range(1000)]
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    above = sum((x - mean_x) * (y - mean_y) for x, y in points)
    below = sum((x - mean_x) ** 2 for x, _ in points)
    return {"slope": round(above / below, 6), "start": round(mean_y - above / below * mean_x, 6)}
