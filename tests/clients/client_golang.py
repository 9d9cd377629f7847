"""Writes client_golang.bin: what the pusher of Go's client library sends for a few metrics.

The library marshals each metric family with its length in front, families sorted by name,
labels by name, fields in the order of their numbers, and writes proto2 fields that are set
even where they are zero. It leaves the +Inf bucket out and states when a series began.
"""

import struct
from pathlib import Path

COUNTER, GAUGE, SUMMARY, HISTOGRAM = 0, 1, 2, 4
# 2023-11-14 22:13:20 UTC, in seconds and nanoseconds.
CREATED = (1_700_000_000, 250_000_000)


def varint(number):
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def integer(field, number):
    return varint(field << 3) + varint(number)


def double(field, number):
    return varint(field << 3 | 1) + struct.pack("<d", number)


def message(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def created(field):
    return message(field, integer(1, CREATED[0]) + integer(2, CREATED[1]))


def labels(**pairs):
    return b"".join(message(1, message(1, n) + message(2, v)) for n, v in sorted(pairs.items()))


def family(name, help_text, kind, *metrics):
    content = message(1, name) + message(2, help_text) + integer(3, kind)
    content += b"".join(message(4, metric) for metric in metrics)
    return varint(len(content)) + content


def bucket(cumulative_count, upper_bound):
    return message(3, integer(1, cumulative_count) + double(2, upper_bound))


def quantile(q, value):
    return message(3, double(1, q) + double(2, value))


FAMILIES = [
    family(
        "go_backup_duration_seconds",
        "Duration of a backup.",
        HISTOGRAM,
        message(7, integer(1, 3) + double(2, 7.5) + bucket(1, 0.5) + bucket(2, 2.5) + created(15)),
    ),
    family(
        "go_backup_last_completion_timestamp_seconds",
        "When the last backup was completed.",
        GAUGE,
        message(2, double(1, 1_700_000_100.25)),
    ),
    family(
        "go_backup_records_total",
        'Records, "all" of them.',
        COUNTER,
        labels(kind="index", shard="ü") + message(3, double(1, 42) + created(3)),
        labels(kind="table", shard="a\nb") + message(3, double(1, 0) + created(3)),
    ),
    family(
        "go_backup_wait_seconds",
        "Waiting for a lock.",
        SUMMARY,
        message(4, integer(1, 4) + double(2, 2.5) + quantile(0.5, 0.25) + quantile(0.99, 1) + created(4)),
    ),
]

Path(__file__).with_suffix(".bin").write_bytes(b"".join(FAMILIES))
