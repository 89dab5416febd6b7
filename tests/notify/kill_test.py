#!/usr/bin/env python3
"""kill -9 while alerts and silences come in and pages go out to a receiver that fails now and then.

Every alert that was acknowledged is paged, once per id; every silence that was acknowledged is there.
"""
import collections
import http.server
import json
import os
import random
import sys
import threading
import time
import unittest
import urllib.error

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import harness

KILLS = 40 if harness.LONG else 8
ROUTES = """
route: {{receiver: hook, group_by: [alertname], group_wait: 100ms, group_interval: 500ms, repeat_interval: 10h}}
receivers: [{{name: hook, webhook_configs: [{{url: "{url}"}}]}}]
"""


class Sink:
    """One request in ten fails; what was accepted is kept with its Idempotency-Key."""

    def __init__(self, seed):
        self.accepted, self.random = [], random.Random(seed)
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = 500 if sink.random.random() < 0.1 else 200
                if code == 200:
                    sink.accepted.append((self.headers["Idempotency-Key"], body))
                try:
                    self.send_response(code)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    pass  # it was killed meanwhile

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def fired(self):
        return {(a["labels"]["alertname"], a["labels"]["n"]) for _, body in self.accepted for a in json.loads(body)["alerts"]}


class Client:
    def __init__(self, url):
        self.url, self.alerts, self.silences = url, set(), set()

    def post(self, path, body):
        status, answer, _ = harness.fetch(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        return answer if status == 200 else None

    def work(self, round_number, stop):
        n = 0
        while not stop.is_set():
            n += 1
            name = f"A{n % 5}"
            key = (name, f"{round_number}.{n}")
            try:
                labels = {"alertname": key[0], "n": key[1]}
                if self.post("/api/v2/alerts", [{"labels": labels, "endsAt": "2099-01-01T00:00:00Z"}]) is not None:
                    self.alerts.add(key)
                silence = {"matchers": [{"name": "nobody", "value": key[1], "isRegex": False}], "createdBy": "me", "comment": "",
                           "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z"}
                if n % 5 == 0 and (answer := self.post("/api/v2/silences", silence)) is not None:
                    self.silences.add(json.loads(answer)["silenceID"])
            except (OSError, urllib.error.URLError, ConnectionError):
                return  # killed


class KillTest(unittest.TestCase):
    def test_nothing_is_lost(self):
        seed = int(os.environ.get("SLOWBURN_SEED", random.randrange(2**32)))
        print(f"seed: SLOWBURN_SEED={seed}")
        chance = random.Random(seed)
        folder, sink = harness.temp_dir(), Sink(seed)
        config = harness.write_file(folder, "prometheus.yml", "global: {}\n")
        routes = harness.write_file(folder, "alertmanager.yml", ROUTES.format(url=sink.url))
        server = harness.Slowburn(folder, f"--config.file={config}", f"--alertmanager.config.file={routes}").start()
        self.addCleanup(server.kill)
        client = Client(server.url)
        for round_number in range(KILLS):
            stop = threading.Event()
            worker = threading.Thread(target=client.work, args=(round_number, stop))
            worker.start()
            time.sleep(chance.uniform(0.05, 1.0))
            server.kill()
            stop.set()
            worker.join()
            server.start()
        harness.wait_for("every alert to be paged", lambda: client.alerts <= sink.fired(), 60)
        shown = {s["id"] for s in json.loads(harness.fetch(server.url + "/api/v2/silences")[1])}
        self.assertEqual(client.silences - shown, set())
        bodies = collections.defaultdict(set)
        for key, body in sink.accepted:
            bodies[key].add(body)
        self.assertEqual({key for key, same in bodies.items() if len(same) > 1}, set(), "an id with two bodies")
        ids = collections.defaultdict(set)
        for key, body in sink.accepted:
            message = json.loads(body)
            ids[message["groupKey"], tuple(sorted(a["fingerprint"] for a in message["alerts"]))].add(key)
        self.assertEqual({state for state, keys in ids.items() if len(keys) > 1}, set(), "a state told under two ids")
        repeated = len(sink.accepted) - len(bodies)
        self.assertLessEqual(repeated, 5 * KILLS)  # one per group and kill at most
        print(f"{KILLS} kills: {len(client.alerts)} alerts and {len(client.silences)} silences acknowledged, none lost; "
              f"{len(sink.accepted)} notifications, {repeated} of them repeated with the same id")


if __name__ == "__main__":
    unittest.main(verbosity=2)
