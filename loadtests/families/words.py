"""Counts the words of a text, after waiting as a function waits for a store."""

import time
from collections import Counter


def main(args: dict) -> dict:
    time.sleep(args.get("wait_ms", 0) / 1000)
    seed = args.get("seed", 1)
    text = " ".join(f"word{(seed + n * n) % 97}" for n in range(2000))
    return {"words": dict(Counter(text.split()).most_common(5))}
