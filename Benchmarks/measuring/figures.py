"""Medians, how far they can be trusted, and tables of them."""

import math
import os
import platform
import statistics


def interval_of_median(values):
    """Where the median lies with a confidence of 95 %."""
    ordered = sorted(values)
    # The median lies between the k-th smallest and the k-th largest unless fewer than k fall on one side of it.
    count, chance, left_out = len(ordered), 0.5 ** len(ordered), 0
    below = chance
    while left_out + 1 < (count + 1) / 2 and 2 * below <= 0.05:
        left_out += 1
        chance *= (count - left_out + 1) / left_out
        below += chance
    first = max(0, left_out - 1)
    return [ordered[first], ordered[count - 1 - first]]


def median_of_pairs(ratios):
    return {"ratios": ratios, "median": statistics.median(ratios), "interval": interval_of_median(ratios)}


def with_interval(pairs):
    return f"{pairs['median']:.3f} ({pairs['interval'][0]:.3f} to {pairs['interval'][1]:.3f})"


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))


def render(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [text.ljust(width) if i == 0 else text.rjust(width) for i, (text, width) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())
    print()


def host():
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine())  # fmt: skip
    return {"processor": model, "processors": os.cpu_count(), "load_at_start": os.getloadavg()[0]}
