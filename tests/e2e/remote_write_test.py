#!/usr/bin/env python3
"""A real Prometheus scrapes a real node exporter and remote-writes to us; both then answer the same questions.

The short run takes any Prometheus (Debian's 2.42 as a mere sender) and compares raw samples. With --all --peers DIR it
runs for five minutes with today's Prometheus and compares 25 queries to a relative 1e-9.
"""
import json
import math
import time
import unittest
import urllib.parse

import harness

SECONDS = 300 if harness.LONG and harness.PEERS else 20
INTERVAL = 5 if SECONDS == 300 else 1

CONFIG = """
global: {{scrape_interval: {interval}s, evaluation_interval: {interval}s}}
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ["{target}"]}}]
  - job_name: prometheus
    static_configs: [{{targets: ["{own}"]}}]
remote_write:
  - url: {url}/api/v1/write
    queue_config: {{batch_send_deadline: 1s}}
"""

# Counters, gauges, classic histograms, joins and subqueries.
QUERIES = [
    "node_cpu_seconds_total",
    "rate(node_cpu_seconds_total[1m])",
    "sum by (mode) (rate(node_cpu_seconds_total[1m]))",
    "1 - avg by (instance) (irate(node_cpu_seconds_total{mode='idle'}[1m]))",
    "increase(node_context_switches_total[90s])",
    "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
    "avg_over_time(node_memory_MemFree_bytes[1m])",
    "max_over_time(node_load1[2m]) - min_over_time(node_load1[2m])",
    "stddev_over_time(node_memory_Cached_bytes[1m])",
    "quantile_over_time(0.9, node_load1[2m])",
    "deriv(node_memory_MemFree_bytes[1m])",
    "predict_linear(node_memory_MemFree_bytes[2m], 3600)",
    "changes(node_time_seconds[1m])",
    "topk(3, node_filesystem_size_bytes)",
    "count by (fstype) (node_filesystem_size_bytes)",
    "quantile(0.5, node_cpu_seconds_total)",
    "histogram_quantile(0.9, sum by (le) (rate(prometheus_http_request_duration_seconds_bucket[1m])))",
    "histogram_quantile(0.5, rate(prometheus_http_response_size_bytes_bucket[2m]))",
    "node_cpu_seconds_total * on (instance) group_left (nodename) node_uname_info",
    "rate(node_disk_read_bytes_total[1m]) and on (device) node_disk_written_bytes_total > 0",
    "max_over_time(sum(rate(node_cpu_seconds_total[30s]))[2m:10s])",
    "avg_over_time(rate(node_context_switches_total[30s])[1m:])",
    "label_replace(up, 'port', '$1', 'instance', '.*:(.*)')",
    "node_load1 offset 30s",
    "absent(nonexistent) or vector(1)",
]


def values(answer, number=float):
    """{labels: [(t, v), …]} of a vector or a matrix."""
    return {
        json.dumps(series["metric"], sort_keys=True): [(t, number(v)) for t, v in series.get("values") or [series["value"]]]
        for series in answer["result"]
    }


def same(a, b):
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= 1e-9 * max(abs(a), abs(b))


class RemoteWriteTest(unittest.TestCase):
    def test_prometheus_and_we_answer_the_same(self):
        prometheus = harness.peer("prometheus")
        exporter_program = harness.peer("prometheus-node-exporter", "node_exporter")
        if not prometheus or not exporter_program:
            self.skipTest("no prometheus or no node exporter on PATH nor in --peers DIR")
        folder = harness.temp_dir()
        empty = harness.write_file(folder, "ours.yml", f"global: {{evaluation_interval: {INTERVAL}s}}\n")  # the default step of subqueries
        server = harness.Slowburn(folder, f"--config.file={empty}").start()
        self.addCleanup(server.kill)
        target, own = f"127.0.0.1:{harness.free_port()}", f"127.0.0.1:{harness.free_port()}"
        exporter = harness.Process([exporter_program, f"--web.listen-address={target}"], folder, "exporter")
        self.addCleanup(exporter.kill)
        config = harness.write_file(folder, "prometheus.yml", CONFIG.format(interval=INTERVAL, target=target, own=own, url=server.url))
        peer = harness.Process([prometheus, f"--config.file={config}", f"--storage.tsdb.path={folder}/peer",
                                f"--web.listen-address={own}"], folder, "prometheus")
        self.addCleanup(peer.kill)
        theirs = f"http://{own}"
        harness.wait_for("the sender to scrape", lambda: harness.api(theirs + "/api/v1/query?query=up")["result"], 30)
        started = time.time()
        time.sleep(SECONDS)
        stopped = time.time()
        # The queue has drained when what it sent reaches the end of what we are going to ask for.
        harness.wait_for("the queue to drain", lambda: server.value("timestamp(up{job='node'})") > stopped - INTERVAL, 60)
        failed = harness.api(theirs + "/api/v1/query?query=" + urllib.parse.quote("sum(prometheus_remote_storage_samples_failed_total)"))["result"]
        self.assertEqual(float(failed[0]["value"][1]) if failed else 0, 0)
        if SECONDS == 300:
            self.compare_queries(server.url, theirs, started, stopped - 60)
        else:
            self.compare_samples(server.url, theirs, stopped - 2)

    def compare_samples(self, ours, theirs, end):
        for selector in ('{job="node"}[10s]', '{job="prometheus"}[10s]'):
            params = urllib.parse.urlencode({"query": selector, "time": f"{end:.3f}"})
            # As text, since NaN equals nothing.
            expected = values(harness.api(f"{theirs}/api/v1/query?{params}"), str)
            actual = values(harness.api(f"{ours}/api/v1/query?{params}"), str)
            self.assertGreater(len(expected), 50)
            self.assertEqual(actual.keys(), expected.keys())
            for labels, points in expected.items():
                self.assertEqual(actual[labels], points, labels)
            print(f"{selector}: {len(actual)} series, {sum(map(len, actual.values()))} samples equal")

    def compare_queries(self, ours, theirs, start, end):
        compared = 0
        for expr in QUERIES:
            for path, params in (("query", {"time": f"{end:.3f}"}),
                                 ("query_range", {"start": f"{start + 60:.3f}", "end": f"{end:.3f}", "step": "7"})):
                with self.subTest(query=expr, path=path):
                    encoded = urllib.parse.urlencode({"query": expr, **params})
                    expected = values(harness.api(f"{theirs}/api/v1/{path}?{encoded}"))
                    actual = values(harness.api(f"{ours}/api/v1/{path}?{encoded}"))
                    self.assertTrue(expected, "a question without an answer compares nothing")
                    self.assertEqual(actual.keys(), expected.keys())
                    for labels, points in expected.items():
                        self.assertEqual([t for t, _ in actual[labels]], [t for t, _ in points], labels)
                        for (t, want), (_, have) in zip(points, actual[labels]):
                            self.assertTrue(same(want, have), f"{labels} at {t}: {have}, want {want}")
                            compared += 1
        print(f"{len(QUERIES)} queries, instant and range: {compared} values equal to 1e-9")


if __name__ == "__main__":
    unittest.main()
