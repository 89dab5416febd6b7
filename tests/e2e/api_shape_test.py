#!/usr/bin/env python3
"""Every answer of the HTTP API has the shape of the real Prometheus'.

Needs a Prometheus 3 in --peers DIR (SLOWBURN_PEERS); skipped without. Both hold the same data, scrape the same targets and
evaluate the same rules; each call of api_calls.py goes to both. What may differ stands in ACCEPTED, with its reason.
SLOWBURN_CALLS=REGEX asks only the calls whose names match.
"""
import collections
import gzip
import json
import os
import re
import time
import unittest
import zlib

import api_calls
import harness
import random_series

ONLY = re.compile(os.environ.get("SLOWBURN_CALLS", ""))

# (name of the call, what differs, why): regular expressions. What differs is told as "KIND: ours | theirs". We answer as
# Prometheus 3.14 does; the peer may be as old as 3.5.
ACCEPTED = [
    ("parse_query", r"\.(anchored|smoothed|offsetExpr|rangeExpr|stepExpr|fillValues): .* \| \"absent\"", "new in the syntax tree since 3.5"),
    ("stats=", r"\.samplesRead(PerStep)?: .* \| \"absent\"", "new in the statistics since 3.5"),
    ("stats=(1|false|yes)", r"warnings: .* \| \"absent\"", "3.14 says that other values of stats are deprecated"),
    ("sort\\(", r"sort is ineffective", "3.14 warns of sort() in range queries"),
    ("", r"error: .*match group .* hand-side of the operation: .*;many-to-many .* \| ", "3.14 names the two series of a double match in order"),
    ("topk\\(NaN", r"Parameter value is NaN.*Scalar value NaN overflows int64", "the words of 3.14"),
    ("query=up\\+offset", r"expected number, duration, step\(\), or range\(\)", "the words of 3.14, which has more that may stand there"),
    ("status/tsdb\\?limit=10001", "", "3.14 has an upper limit"),
    ("", r"Access-Control-Allow-Origin: \* \| http", "3.14 answers * where any origin may come"),
    ("time=(NaN|Inf)", "", "3.14 refuses times that are no numbers; 3.5 makes some moment of them"),
    ("time=(9223372036854775807|-9e18|292277025)", r"value\[\]", "a time that no clock shows overflows in Go and is cut here"),
    ("timeout=(-1|0)", "", "a deadline in the past is a timeout like any other; Prometheus tells it by whoever notices first"),
    ("step=1e-9", r"error", "steps are counted in milliseconds, and this is none"),
    ("/(labels|label/.*/values|series)\\?.*&start=(\\d+)&end=", r"answer\.data: \[\] \| ", "a range that ends before it begins has nothing in it; Prometheus looks at whole blocks"),
    ("/series\\?.*limit=[12]$", r"shape\.data\[\]", "which series a limit leaves is not said: ours are the first in order"),
    ("/metadata\\?limit=1$", r"answer\.data", "which metric a limit leaves is not said"),
    ("status/flags", r"shape\.data\.", "each has flags that the other does not have"),
    ("/api/v1/read.*(\\(2, 'a'|\\(7, 'a')", r"(status: 400 \| 500|encoding)", "matchers that make no sense are the client's fault"),
    ("Accept-Encoding", r"encoding:  \| (gzip|deflate)", "what fits into one packet is not compressed"),
    ("federate\\?match\\[\\]={}", "", "federation of everything is refused, as everywhere else; Prometheus gives nothing"),
    ("HEAD /-/(healthy|ready)", r"type: ", "Go does not name the type of a body that it does not send"),
]

CONFIG = """
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
  external_labels: {{region: shape}}
rule_files: [{folder}/rules.yml]
scrape_configs:
  - job_name: shape
    static_configs: [{{targets: ['{up}', '{down}', 'dropped:1']}}]
    relabel_configs: [{{source_labels: [__address__], regex: 'dropped:.*', action: drop}}]
"""

RULES = """
groups:
  - name: other
    rules:
      - {record: 'shape:up:sum', expr: sum(up), labels: {kind: recorded}}
  - name: shape
    limit: 100
    rules:
      - {alert: ShapeFiring, expr: 'vector(1) > 0', labels: {severity: P0}, annotations: {summary: 'fires {{ $value }}'}}
      - {alert: ShapePending, expr: 'vector(1)', for: 1h, keep_firing_for: 5m}
      - {alert: ShapeInactive, expr: 'vector(1) > 2'}
      - {alert: ShapeBroken, expr: 'up + on() up'}
      - {record: 'shape:nothing', expr: 'nothing'}
"""

TARGET = """# HELP shape_scraped Things that were scraped.
# TYPE shape_scraped counter
shape_scraped_total{zone="z1"} 17 # {trace_id="abc"} 0.67
shape_scraped_total{zone="z2"} 4 # {trace_id="def"} 0.1 1520879607.789
# TYPE shape_up_seconds gauge
# UNIT shape_up_seconds seconds
shape_up_seconds 1
# EOF
"""


def fed(start, end):
    """Values are whole, so that sums are exact on both sides."""
    series, times = [], range(start * 1000, end * 1000 + 1, 15_000)
    for zone in ("z1", "z2", "z3"):
        n = int(zone[1])
        series.append(({"__name__": "shape_gauge", "zone": zone, "host": f"h{n}"}, [(t, float(n * (i % 5 + 1))) for i, t in enumerate(times)]))
        series.append(({"__name__": "shape_requests_total", "zone": zone}, [(t, float(n * i * 15)) for i, t in enumerate(times)]))
    series.append(({"__name__": "shape_other", "zone": "z1", "a b/c": "unusual", "U__x": "y"}, [(t, 1.0) for t in times]))
    series.append(({"__name__": "shape_doomed"}, [(t, 1.0) for t in times]))
    series.append(({"__name__": "shape.utf8", "a label": "x", "shape.x": "ü\"\\\n<>&\u2028"}, [(t, 2.0) for t in times]))
    special = [float("inf"), float("-inf"), float("nan"), 0.0, -0.0, 1e21, 1e-7, 123456789.125, 5e-324]
    series.append(({"__name__": "shape_special"}, [(t, special[i % len(special)]) for i, t in enumerate(times)]))
    histograms = [random_series.Histogram(schema=0, sum=10.0 * i, zero_count=i, positive={0: 2 * i, 1: i, 4: 3 * i}, negative={-1: i}) for i in range(1, len(times) + 1)]
    series.append(({"__name__": "shape_histogram"}, list(zip(times, histograms))))
    return series


class Servers:
    """Ours and theirs, with the same flags, configuration and data."""

    def __init__(self, test, prometheus, *flags, config=None):
        folder = harness.temp_dir()
        config = harness.write_file(folder, "prometheus.yml", config(folder) if config else "global: {evaluation_interval: 60s}\n")
        flags = (f"--config.file={config}", *flags)
        self.ours = harness.Slowburn(folder, *flags).start()
        test.addCleanup(self.ours.kill)
        port = harness.free_port()
        peer = harness.Process([prometheus, f"--storage.tsdb.path={folder}/peer", f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver", *flags],
                               folder, "prometheus")
        test.addCleanup(peer.kill)
        self.urls = (self.ours.url, f"http://127.0.0.1:{port}")
        harness.wait_for("prometheus to be ready", lambda: harness.fetch(self.urls[1] + "/-/ready")[0] == 200, 60)


def unsnappy(data):
    at, shift, size, out = 0, 0, 0, bytearray()
    while True:
        byte = data[at]
        size |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            break
    while at < len(data):
        tag, at = data[at], at + 1
        if tag & 3 == 0:
            length, extra = (tag >> 2) + 1, max(0, (tag >> 2) - 59)
            if extra:
                length = int.from_bytes(data[at:at + extra], "little") + 1
            at += extra
            out += data[at:at + length]
            at += length
            continue
        bytes_of_offset = (0, 1, 2, 4)[tag & 3]
        offset = int.from_bytes(data[at:at + bytes_of_offset], "little") | ((tag >> 5) << 8 if tag & 3 == 1 else 0)
        length = (tag >> 2 & 7) + 4 if tag & 3 == 1 else (tag >> 2) + 1
        at += bytes_of_offset
        for _ in range(length):
            out.append(out[-offset])
    assert len(out) == size, "snappy"
    return bytes(out)


class Reply:
    def __init__(self, call, url):
        self.status, self.body, self.headers = call.send(url)
        self.type = self.headers.get("Content-Type") or ""
        self.encoding = self.headers.get("Content-Encoding") or ""
        self.text = self.body
        if self.encoding == "gzip":
            self.text = gzip.decompress(self.body)
        elif self.encoding == "deflate":
            self.text = zlib.decompress(self.body)
        elif self.encoding == "snappy" and self.status == 200:
            self.text = unsnappy(self.body)
        self.json = json.loads(self.text) if self.text[:1] in (b"{", b"[") else None

    def is_error(self):
        return isinstance(self.json, dict) and self.json.get("status") == "error"


def shape(value, key=""):
    """The same with types in place of values; lists have each shape once. Maps whose keys are data have one type."""
    if isinstance(value, dict):
        if key in ("labels", "annotations", "discoveredLabels", "metric", "seriesLabels"):
            return sorted({json.dumps(shape(v)) for v in value.values()})
        return {k: shape(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [json.loads(text) for text in sorted({json.dumps(shape(v), sort_keys=True) for v in value})]
    return {str: "string", bool: "bool", type(None): "null"}.get(type(value), "number")


def unequal(path, ours, theirs):
    """(path, ours, theirs) of each place at which two JSON values differ."""
    if ours == theirs:
        return
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(set(ours) | set(theirs)):
            yield from unequal(f"{path}.{key}", ours.get(key, "absent"), theirs.get(key, "absent"))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for mine, other in zip(ours, theirs):
            yield from unequal(f"{path}[]", mine, other)
    else:
        yield path, ours, theirs


def unordered(value, key=""):
    """Results of queries, lists of series and annotations in the order of their text: they have no other."""
    if isinstance(value, dict):
        return {k: unordered(v, k) for k, v in value.items()}
    if isinstance(value, list):
        values = [unordered(v) for v in value]
        has_order = key not in ("result", "data", "warnings", "infos") or (key == "result" and not any(isinstance(v, dict) for v in values))
        return values if has_order else sorted(values, key=json.dumps)
    return value


def lines(reply):
    return b"\n".join(sorted(reply.text.split(b"\n"))) if reply.type.startswith("text/") else reply.text


def differences(call, ours, theirs):
    """Each as "KIND: ours | theirs"."""
    found = []

    def compare(kind, a, b):
        if a != b:
            found.append(f"{kind}: {a} | {b}")

    compare("status", ours.status, theirs.status)
    compare("type", ours.type, theirs.type)
    compare("encoding", ours.encoding, theirs.encoding)
    for header in ("Allow", "Access-Control-Allow-Origin", "Access-Control-Allow-Headers", "Access-Control-Expose-Headers", "X-Content-Type-Options"):
        compare(header, ours.headers.get(header), theirs.headers.get(header))
    def compare_json(kind, a, b):
        found.extend(f"{kind}{path}: {json.dumps(x)} | {json.dumps(y)}" for path, x, y in unequal("", a, b))

    if ours.is_error() or theirs.is_error():
        compare_json("error", ours.json, theirs.json)
    elif call.compare == "shape":
        compare_json("shape", shape(ours.json), shape(theirs.json))
    elif call.compare == "same":
        compare_json("answer", unordered(ours.json), unordered(theirs.json))
    elif call.compare == "bytes":
        a, b = lines(ours), lines(theirs)
        at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        if a != b:
            found.append(f"bytes from {at} of {len(a)}: {a[max(0, at - 40):at + 80]} | of {len(b)}: {b[max(0, at - 40):at + 80]}")
    return found


class ApiShapeTest(unittest.TestCase):
    def setUp(self):
        self.prometheus = harness.peer("prometheus") if harness.PEERS else None
        if not self.prometheus:
            self.skipTest("no Prometheus: --peers DIR was not given")
        self.end = int(time.time()) // 60 * 60 - 600
        self.start = self.end - 1800
        self.excused, self.unexplained = collections.Counter(), []

    def check(self, call, urls):
        ours, theirs = (Reply(call, url) for url in urls)
        for difference in differences(call, ours, theirs):
            why = next((reason for name, what, reason in ACCEPTED if re.search(name, call.name()) and re.search(what, difference, re.DOTALL)), None)
            if why:
                self.excused[why] += 1
            else:
                self.unexplained.append(f"{call.name()}\n    {difference[:600]}")

    def check_all(self, calls, urls):
        calls = [call for call in calls if ONLY.search(call.name())]
        for call in calls:
            self.check(call, urls)
        print(f"{len(calls)} calls, {len(self.unexplained)} differences without a reason")
        for reason, count in self.excused.items():
            print(f"{count} accepted: {reason}")
        self.assertEqual(self.unexplained, [], "\n" + "\n".join(self.unexplained))
        return len(calls)

    def test_all_calls(self):
        target = harness.Target(TARGET, "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.addCleanup(target.close)
        down = f"127.0.0.1:{harness.free_port()}"

        def config(folder):
            harness.write_file(folder, "rules.yml", RULES)
            return CONFIG.format(folder=folder, up=target.address, down=down)

        servers = Servers(self, self.prometheus, "--enable-feature=exemplar-storage,native-histograms,promql-per-step-stats", "--web.enable-admin-api", config=config)
        random_series.feed(fed(self.start, self.end), *servers.urls)
        for url in servers.urls:
            harness.wait_for("scrapes and rules", lambda url=url: self.settled(url), 60)
        count = self.check_all(api_calls.all_calls(self.start, self.end), servers.urls)
        self.assertGreaterEqual(count, 150 if ONLY.pattern == "" else 0)

    def settled(self, url):
        """Whether everything that takes time has happened: scrapes up and down, rules, exemplars."""
        targets = harness.api(url + "/api/v1/targets")["activeTargets"]
        rules = [rule for group in harness.api(url + "/api/v1/rules")["groups"] for rule in group["rules"]]
        exemplars = harness.api(url + f"/api/v1/query_exemplars?query=shape_scraped_total&start={self.start}&end={self.end + 100_000}")
        return ({t["health"] for t in targets} == {"up", "down"} and all(r["health"] != "unknown" for r in rules) and exemplars
                and any(r.get("state") == "firing" for r in rules) and any(r.get("lastError") for r in rules))

    def test_admin_api_off(self):
        servers = Servers(self, self.prometheus)
        self.check_all(api_calls.admin_calls(self.start), servers.urls)


if __name__ == "__main__":
    unittest.main()
