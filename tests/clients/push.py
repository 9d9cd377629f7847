"""Pushes with the official Python client as it is: push.py ADDRESS STEP.

A step is one call of the client, so that the test can look at the page between two steps.
"""

import sys

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    Summary,
    delete_from_gateway,
    push_to_gateway,
    pushadd_to_gateway,
)
from prometheus_client.exposition import basic_auth_handler
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as text

JOB = "nightly/backup"
# A slash and a space are sent as base64, the empty value as "=".
GROUPING = {"instance": "db 1", "volume": "/var/lib", "zone": ""}


def everything(value):
    """One metric of each kind."""
    registry = CollectorRegistry()
    Counter("python_files", "Files copied.", ["kind"], registry=registry).labels("wal").inc(value)
    Gauge("python_size_bytes", 'Size: "all"\nof it.', ["path"], registry=registry).labels(
        'C:\\dir\n"ü"'
    ).set(value * 1.5)
    histogram = Histogram("python_seconds", "Duration.", buckets=[0.5, 2], registry=registry)
    histogram.observe(1)
    histogram.observe(5)
    Summary("python_wait_seconds", "Waiting.", registry=registry).observe(value)
    Info("python_version", "Version.", registry=registry).info({"version": "1.2"})
    return registry


def one_gauge(value):
    registry = CollectorRegistry()
    Gauge("python_added", "Added later.", registry=registry).set(value)
    return registry


def authenticated(password):
    def handler(url, method, timeout, headers, data):
        return basic_auth_handler(url, method, timeout, headers, data, "pusher", password)

    return handler


def main(address, step):
    key = {"grouping_key": GROUPING}
    match step:
        case "push":
            push_to_gateway(address, JOB, everything(3), **key)
        case "push-gzip":
            push_to_gateway(address, JOB, everything(4), **key, compression="gzip")
        case "pushadd":
            pushadd_to_gateway(address, JOB, one_gauge(7), **key)
        case "replace":
            push_to_gateway(address, JOB, one_gauge(8), **key)
        case "delete":
            delete_from_gateway(address, JOB, **key)
        case "push-plain":
            push_to_gateway(address, "plain", everything(3))
        case "push-authenticated":
            push_to_gateway(address, "plain", one_gauge(1), handler=authenticated("secret"))
        case "push-wrong-password":
            push_to_gateway(address, "plain", one_gauge(2), handler=authenticated("guess"))
        case "delete-authenticated":
            delete_from_gateway(address, "plain", handler=authenticated("secret"))
        case "parse-text":
            list(text.text_string_to_metric_families(sys.stdin.read()))
        case "parse-openmetrics":
            list(openmetrics.text_string_to_metric_families(sys.stdin.read()))
        case _:
            sys.exit(f"no such step: {step}")


main(*sys.argv[1:])
