#!/usr/bin/env python3
"""The same alerts at the same time to a real Alertmanager and to us: both must send the same bytes, group by group.

Needs Alertmanager 0.33 in SLOWBURN_PEERS; without it this is skipped aloud (exit 77). Repetitions and ends of muted alerts,
where we differ on purpose (notify/notifier.h), stay out of the timeline.
"""
import collections
import datetime
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import harness

EXTERNAL_URL = "http://alerts.example.org/am"
ROUTES = """
route:
  receiver: web.hook
  group_by: [alertname]
  group_wait: 1s
  group_interval: 2s
  repeat_interval: 1h
  routes:
  - matchers: ['severity="page"', 'cluster=~"a|b<>&"']
    receiver: page
    group_by: ['...']
    continue: true
  - match: {team: db}
    match_re: {severity: 'pa.e|ticket'}
    group_by: []
    receiver: db
  - matchers: [alertname=Never]
    mute_time_intervals: [always]
inhibit_rules:
- source_matchers: [alertname=Down]
  target_matchers: ['alertname=~"Slow.*"']
  equal: [cluster]
receivers:
- name: web.hook
  webhook_configs: [{url: "SINK/hook"}, {url: "SINK/quiet", send_resolved: false}]
- name: page
  webhook_configs: [{url: "SINK/page"}]
- name: db
  webhook_configs: [{url: "SINK/db", max_alerts: 2}]
time_intervals:
- {name: always, time_intervals: [{years: ['2000:2999']}]}
"""


class RawSink:
    """Keeps the bytes of every body, by path and group key, in order."""

    def __init__(self):
        self.bodies = collections.defaultdict(list)
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.bodies[self.path, json.loads(body)["groupKey"]].append(body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def timestamp(seconds):
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class Timeline:
    """Posts to several servers at once, at whole steps of time."""

    def __init__(self, urls):
        self.urls, self.start, self.began = urls, time.time(), {}

    def at(self, seconds):
        time.sleep(max(0.0, self.start + seconds - time.time()))

    def everywhere(self, path, body):
        answers = []
        for url in self.urls:
            status, answer, _ = harness.fetch(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
            assert status == 200, f"{url}{path}: {status} {answer}"
            answers.append(answer)
        return answers

    def fire(self, *alerts):
        self.post([(a, None) for a in alerts])

    def resolve(self, *alerts):
        self.post([(a, timestamp(time.time())) for a in alerts])

    def post(self, alerts):
        body = []
        for labels, ends in alerts:
            key = json.dumps(labels, sort_keys=True)
            start = self.began.setdefault(key, timestamp(time.time()))
            alert = {"labels": labels, "startsAt": start, "generatorURL": "http://here/graph?a=1&b=<x>",
                     "annotations": {"summary": f"{labels['alertname']} of {labels.get('n', '?')}", "runbook": "http://r/?x&y"}}
            if ends:
                alert["endsAt"] = ends
                self.began.pop(key)
            body.append(alert)
        self.everywhere("/api/v2/alerts", body)


def alert(name, **labels):
    return {"alertname": name, **labels}


class ComparisonTest(unittest.TestCase):
    def test_same_bytes(self):
        folder = harness.temp_dir()
        sinks = [RawSink(), RawSink()]
        files = [harness.write_file(folder, f"{i}.yml", ROUTES.replace("SINK", sink.url)) for i, sink in enumerate(sinks)]
        config = harness.write_file(folder, "prometheus.yml", "global: {}\n")
        ours = harness.Slowburn(folder, f"--config.file={config}", f"--alertmanager.config.file={files[0]}",
                                f"--web.external-url={EXTERNAL_URL}", "--web.route-prefix=/").start()
        self.addCleanup(ours.kill)
        port = harness.free_port()
        theirs = harness.Process(
            [harness.peer("prometheus-alertmanager", "alertmanager"), f"--config.file={files[1]}", f"--storage.path={folder}/am",
             f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", f"--web.external-url={EXTERNAL_URL}",
             "--web.route-prefix=/"], folder, "alertmanager")
        self.addCleanup(theirs.kill)
        url = f"http://127.0.0.1:{port}"
        harness.wait_for("Alertmanager", lambda: harness.fetch(url + "/-/ready")[0] == 200)
        self.play(Timeline([ours.url, url]))
        for key in sorted(set(sinks[0].bodies) | set(sinks[1].bodies)):
            with self.subTest(group=key):
                self.assertEqual([b.decode() for b in sinks[0].bodies[key]], [b.decode() for b in sinks[1].bodies[key]])
        count = sum(map(len, sinks[1].bodies.values()))
        print(f"{count} notifications of {len(sinks[1].bodies)} groups are the same, byte for byte")
        self.assertGreater(count, 20)

    def play(self, t):
        many = [alert("Many", n=str(n), job="j%d" % (n % 3), instance="i%d" % (n % 2)) for n in range(12)]
        t.fire(alert("A", n="1"), alert("A", n="2"), alert("B", n="1", severity="page", cluster="b<>&", é="\u2028"), *many)
        t.at(0.4)
        t.fire(alert("A", n="3"))
        t.fire(alert("Down", cluster="x"), alert("Slow", cluster="x", n="1"), alert("Slow", cluster="y", n="2"))
        t.fire(alert("Never", n="1"))
        t.fire(*[alert("Disk", team="db", severity="ticket", n=str(n)) for n in range(3)])
        t.at(2.2)  # between two flushes of everything
        t.resolve(alert("A", n="1"))
        t.fire(alert("A", n="4"))
        t.fire(alert("P", team="db", severity="page", cluster="a"))
        t.at(6.2)
        t.resolve(alert("A", n="2"), alert("A", n="3"), alert("A", n="4"), alert("Disk", team="db", severity="ticket", n="0"))
        t.resolve(*many[:5])
        t.resolve(alert("Down", cluster="x"))
        t.everywhere("/api/v2/silences", {"matchers": [{"name": "alertname", "value": "Z.*", "isRegex": True}], "createdBy": "me",
                                          "comment": "", "startsAt": timestamp(time.time()), "endsAt": timestamp(time.time() + 7)})
        t.fire(alert("Zebra", n="1"), alert("Zebra", n="2"))
        t.at(10.2)
        t.fire(alert("A", n="1"))
        t.resolve(alert("B", n="1", severity="page", cluster="b<>&", é="\u2028"), *many[5:])
        t.resolve(alert("P", team="db", severity="page", cluster="a"))
        t.at(16.2)
        t.resolve(alert("Zebra", n="1"), alert("Zebra", n="2"), alert("A", n="1"), alert("Slow", cluster="x", n="1"),
                  alert("Slow", cluster="y", n="2"))
        t.resolve(*[alert("Disk", team="db", severity="ticket", n=str(n)) for n in (1, 2)])
        t.at(21)


if __name__ == "__main__":
    program = harness.peer("prometheus-alertmanager", "alertmanager") if harness.PEERS else None
    if program is None or " 0.33." not in subprocess.getoutput(f"{program} --version"):
        print("SKIPPED: no Alertmanager 0.33 in SLOWBURN_PEERS to compare with")
        sys.exit(77)
    unittest.main(verbosity=2)
