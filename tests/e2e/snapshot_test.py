#!/usr/bin/env python3
"""Snapshots under load: samples, budgets, alert state, silences and the notification log, all of one moment.

A writer sends as fast as it is answered, an SLO counts what it sends, an alert fires and is delivered, a silence is made.
Then snapshots are taken, through the HTTP API and through the command line (the second time into a directory that holds
the first), and each is restored and started: everything acknowledged before the call is there, and nothing in part.
"""
import datetime
import json
import os
import re
import subprocess
import threading
import time
import unittest
import urllib.error

import harness

SERIES = 100
CONFIG = """
global: {evaluation_interval: 1s}
rule_files: [rules.yml]
"""
RULES = """
groups:
  - name: always
    rules:
      - alert: Always
        expr: vector(1)
        labels: {severity: page}
"""
ROUTES = """
route: {{receiver: oncall, group_by: [alertname], group_wait: 1s, group_interval: 1m, repeat_interval: 12h}}
receivers:
  - name: oncall
    webhook_configs: [{{url: "{url}"}}]
"""
SLO = """
kind: SLO
name: availability
service: shop
sli: {events: {bad: 'requests_total{code="500"}', total: 'requests_total'}}
objective: {target: "99.9", period: 30d}
alerting: {preset: google-30d}
"""


class Writer(threading.Thread):
    """Rows of SERIES samples and two counters of requests, a second of sample time apart."""

    def __init__(self, url, start_ms):
        super().__init__(daemon=True)
        self.url, self.start_ms = url, start_ms
        self.acknowledged, self.running = 0, True

    def run(self):
        while self.running:
            row = self.acknowledged
            t = self.start_ms + row * 1000
            series = [({"__name__": "load", "series": str(i)}, [(t, float(row * SERIES + i))]) for i in range(SERIES)]
            series.append(({"__name__": "requests_total", "code": "200"}, [(t, float(row * 1000))]))
            series.append(({"__name__": "requests_total", "code": "500"}, [(t, float(row))]))
            try:
                status, text = harness.remote_write(self.url, series, timeout=20)
            except (OSError, urllib.error.URLError):
                if not self.running:
                    return
                raise
            if status // 100 != 2:
                raise AssertionError(f"row {row}: {status} {text}")
            self.acknowledged = row + 1


def post(url, value):
    status, body, _ = harness.fetch(url, json.dumps(value).encode(), {"Content-Type": "application/json"}, "POST")
    if status != 200:
        raise AssertionError(f"{url}: {status} {body}")
    return json.loads(body)


def iso(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def slowburn(*args):
    done = subprocess.run([harness.BINARY, *args], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


class SnapshotTest(unittest.TestCase):
    def serve(self, folder, *flags):
        """With the same files: state of alerts belongs to a file's name."""
        harness.write_file(self.folder, "rules.yml", RULES)
        config = harness.write_file(self.folder, "prometheus.yml", CONFIG)
        routes = harness.write_file(self.folder, "alertmanager.yml", ROUTES.format(url=self.sink.url))
        slo = harness.write_file(self.folder, "slo.yml", SLO)
        server = harness.Slowburn(folder, f"--config.file={config}", f"--alertmanager.config.file={routes}",
                                  f"--slo.files={slo}", *flags).start()
        self.addCleanup(server.kill)
        return server

    def setUp(self):
        self.sink = harness.WebhookSink()
        self.addCleanup(self.sink.close)
        self.folder = harness.temp_dir()
        self.server = self.serve(self.folder, "--web.enable-admin-api")
        self.writer = Writer(self.server.url, int(time.time() - 3 * 3600) * 1000)
        self.writer.start()
        self.addCleanup(setattr, self.writer, "running", False)

    def slo(self, server, at_ms):
        """What was counted up to a time that the ledger has passed."""
        answer = harness.api(f"{server.url}/api/slo/v1/slos/shop-availability?time={at_ms // 1000}")
        return {k: answer["sli"][k] for k in ("good", "bad", "total", "from", "to")}

    def state(self, server, rows):
        """What must be the same after a restore."""
        alerts = harness.api(server.url + "/api/v1/alerts")["alerts"]
        silences = json.loads(harness.fetch(server.url + "/api/v2/silences")[1])
        deliveries = harness.api(server.url + "/api/notify/v1/deliveries")["deliveries"]
        return {"alerts": [(a["labels"], a["state"], a["activeAt"]) for a in alerts],
                "silences": [(s["id"], s["comment"], s["status"]["state"]) for s in silences],
                "deliveries": [(d["id"], d["time"], d["status"], d["outcome"]) for d in deliveries],
                "slo": self.slo(server, self.writer.start_ms + (rows // 10 - 1) * 10_000)}

    def check(self, snapshot, rows, state):
        """Restores, starts, and compares with what was there after so many rows."""
        folder = harness.temp_dir()
        code, text = slowburn("tsdb", "restore", "--from", snapshot, f"--storage.path={folder}/data")
        self.assertEqual(code, 0, text)
        server = self.serve(folder)
        end = self.writer.start_ms + 6 * 3600 * 1000 - 1000  # a range has its end, and not its begin
        data = server.query("count_over_time(load[6h])", at=end / 1000)["result"]
        counts = {float(series["value"][1]) for series in data}
        self.assertEqual(len(data), SERIES)
        self.assertEqual(len(counts), 1, "a row is there in part")
        have = int(counts.pop())
        self.assertGreaterEqual(have, rows, "acknowledged rows are missing")
        series = server.query('load{series="7"}[6h]', at=end / 1000)["result"][0]["values"]
        self.assertEqual([(round(t * 1000), float(v)) for t, v in series],
                         [(self.writer.start_ms + row * 1000, float(row * SERIES + 7)) for row in range(have)])
        harness.wait_for("alert state", lambda: harness.api(server.url + "/api/v1/alerts")["alerts"])
        self.assertEqual(self.state(server, rows), state)
        self.assertEqual(server.stop(), 0)
        return have

    def test_everything_acknowledged_is_in_it(self):
        harness.wait_for("the page", lambda: self.sink.statuses("Always") == ["firing"])
        silence = post(self.server.url + "/api/v2/silences", {
            "matchers": [{"name": "alertname", "value": "Other", "isRegex": False, "isEqual": True}],
            "startsAt": iso(time.time() - 60), "endsAt": iso(time.time() + 3600), "createdBy": "test", "comment": "quiet"})
        harness.wait_for("rows", lambda: self.writer.acknowledged >= 200)
        harness.wait_for("the outcome", lambda: [d for d in harness.api(
            self.server.url + "/api/notify/v1/deliveries")["deliveries"] if d["outcome"] == "delivered"])

        rows = self.writer.acknowledged
        state = self.state(self.server, rows)
        self.assertEqual([s[0] for s in state["silences"]], [silence["silenceID"]])
        self.assertEqual(len(state["alerts"]), 1)
        self.assertEqual(len(state["deliveries"]), 1)
        self.assertGreater(state["slo"]["bad"], 0)
        status, body, _ = harness.fetch(self.server.url + "/api/v1/admin/tsdb/snapshot", b"", method="POST", timeout=60)
        self.assertEqual(status, 200, body)
        name = json.loads(body)["data"]["name"]
        self.assertRegex(name, r"^\d{8}T\d{6}Z-[0-9a-f]{16}$")
        have = self.check(f"{self.folder}/data/snapshots/{name}", rows, state)
        print(f"HTTP: {rows} rows acknowledged before the call, {have} in the snapshot")

        kept, new = os.path.join(self.folder, "kept"), []
        for _ in range(2):
            rows = self.writer.acknowledged
            state = self.state(self.server, rows)
            code, text = slowburn("tsdb", "snapshot", f"--storage.path={self.folder}/data", "--to", kept,
                                  "--url", self.server.url)
            self.assertEqual(code, 0, text)
            total, copied = re.search(r" (\d+) bytes; new: \d+ files, (\d+) bytes", text).groups()
            new.append((int(total), int(copied)))
            have = self.check(kept, rows, state)
            print(f"command line: {rows} rows before the call, {have} in the snapshot; {text.strip()}")
            harness.wait_for("more rows", lambda: self.writer.acknowledged >= rows + 100)
        self.assertEqual(new[0][0], new[0][1])
        self.assertLess(new[1][1], new[1][0])
        self.assertEqual(os.listdir(f"{self.folder}/data/snapshots"), [name], "the command line's are gone again")

        code, text = slowburn("tsdb", "snapshot", f"--storage.path={self.folder}/data", "--to", kept + "2")
        self.assertEqual(code, 1)
        self.assertIn("--url", text)
        self.writer.running = False
        self.writer.join(20)
        self.assertEqual(self.server.stop(), 0)
        code, text = slowburn("tsdb", "snapshot", f"--storage.path={self.folder}/data", "--to", kept + "2")
        self.assertEqual(code, 0, text)
        code, text = slowburn("tsdb", "restore", "--from", kept, f"--storage.path={self.folder}/data")
        self.assertEqual(code, 1)
        self.assertIn("is not empty", text)

    def test_a_damaged_snapshot_is_refused(self):
        harness.wait_for("rows", lambda: self.writer.acknowledged >= 20)
        kept = os.path.join(self.folder, "kept")
        code, text = slowburn("tsdb", "snapshot", f"--storage.path={self.folder}/data", "--to", kept,
                              "--url", self.server.url)
        self.assertEqual(code, 0, text)
        logs = os.path.join(kept, "log")
        path = os.path.join(logs, os.listdir(logs)[0])
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        target = os.path.join(self.folder, "restored")
        code, text = slowburn("tsdb", "restore", "--from", kept, f"--storage.path={target}")
        self.assertEqual(code, 1)
        self.assertIn(os.path.basename(path), text)
        self.assertFalse(os.path.exists(target))

    def test_an_interrupted_snapshot_is_refused(self):
        harness.wait_for("rows", lambda: self.writer.acknowledged >= 20)
        kept = os.path.join(self.folder, "kept")
        argv = [harness.BINARY, "tsdb", "snapshot", f"--storage.path={self.folder}/data", "--to", kept, "--url",
                self.server.url]
        refused = 0
        for tenths in range(20):
            child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                child.wait(tenths / 100)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(20)
            target = harness.temp_dir()
            code, text = slowburn("tsdb", "restore", "--from", kept, f"--storage.path={target}")
            if code != 0:
                refused += 1
                self.assertIn("not a snapshot", text)
                self.assertEqual(os.listdir(target), [])
                continue
            code, text = slowburn("tsdb", "verify", f"--storage.path={target}")
            self.assertEqual(code, 0, text)
        self.assertGreater(refused, 0)
        self.assertIsNone(self.server.process.child.poll())


if __name__ == "__main__":
    unittest.main()
