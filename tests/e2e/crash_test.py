#!/usr/bin/env python3
"""kill -9 again and again under a mixed load: after each restart what was acknowledged is there, and nothing else.

Rows of samples come in order and quickly through time, so that partitions are sealed every second or two; late rows come
in random order; series are written and deleted again, and tombstones cleaned, which rewrites blocks; queries run; snapshots
are taken, and restored now and then. SLOWBURN_LONG=1: 200 kills; after some of them the server runs for a minute, so that
the background rewrites blocks. The seed is printed; SLOWBURN_SEED=n repeats the times between kills.
"""
import http.client
import json
import os
import random
import shutil
import subprocess
import threading
import time
import unittest
import urllib.parse

import harness

KILLS = 200 if harness.LONG else 5
MINUTES_OF_REST = 4 if harness.LONG else 0  # so often the server is left alone for a minute
RESTORES = 10 if harness.LONG else 1
SERIES = 20
STEP_MS = 60_000  # between rows
DOOMED = 50  # samples of a series that is deleted
LATE = 100  # late rows come in blocks of so many
DAYS = 60

CONFIG = """
storage: {tsdb: {out_of_order_time_window: 2d}}
scrape_configs: []
"""


class Gate:
    """Loads go through it before each request. Closed while the server is dead, it says when all of them wait."""

    def __init__(self):
        self.changed, self.closed, self.waiting = threading.Condition(), False, 0

    def enter(self):
        with self.changed:
            self.waiting += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: not self.closed)
            self.waiting -= 1

    def close(self, loads):
        with self.changed:
            self.closed = True
            while not self.changed.wait_for(lambda: self.waiting >= sum(load.is_alive() for load in loads), 1):
                pass

    def open(self):
        with self.changed:
            self.closed = False
            self.changed.notify_all()


class Load(threading.Thread):
    """Does one thing after the other, each again until the server has answered it."""
    done = 0

    def __init__(self, test):
        super().__init__(daemon=True)
        self.test, self.url = test, test.server.url
        self.running, self.error = True, None

    def run(self):
        try:
            while self.running:
                self.step()
        except Exception as error:  # told by the test
            self.error = error

    def again(self, call):
        """The status, once there is one below 500; None when the test ends before."""
        while self.running:
            self.test.gate.enter()
            try:
                status, text = call()
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)  # it was killed
                continue
            if status // 100 == 5:
                continue
            if status // 100 != 2:
                raise AssertionError(f"{type(self).__name__}: {status} {text}")
            return status
        return None

    def write(self, series):
        return self.again(lambda: harness.remote_write(self.url, series, timeout=20))

    def post(self, path, params=()):
        def call():
            status, body, _ = harness.fetch(f"{self.url}{path}?{urllib.parse.urlencode(params)}", b"", method="POST", timeout=90)
            self.answer = body
            return status, body
        return self.again(call)


class InOrder(Load):
    """Row after row, SERIES samples each."""

    def step(self):
        t = self.test.start_ms + self.done * STEP_MS
        if self.write([({"__name__": "load", "series": str(i)}, [(t, float(self.done * SERIES + i))]) for i in range(SERIES)]):
            self.done += 1


class Late(Load):
    """Rows in blocks of LATE, in random order within a block, of two series."""

    def __init__(self, test):
        super().__init__(test)
        self.acknowledged, self.order, self.flying = set(), [], None

    def step(self):
        if not self.order:
            first = self.done
            self.order = random.Random(first).sample(range(first, first + LATE), LATE)
        self.flying = self.order[-1]
        t = self.test.start_ms + self.flying * 10_000
        if self.write([({"__name__": "late", "series": str(i)}, [(t, float(self.flying + i))]) for i in range(2)]):
            self.acknowledged.add(self.order.pop())
            self.done, self.flying = self.done + 1, None


class Deleter(Load):
    """Writes a series, deletes it, and goes on to the next; every few times it cleans tombstones."""

    def step(self):
        name, first = str(self.done), self.test.start_ms + self.done * DOOMED * 1000
        if not self.write([({"__name__": "doomed", "gen": name}, [(first + i * 1000, float(i)) for i in range(DOOMED)])]):
            return
        if not self.post("/api/v1/admin/tsdb/delete_series", [("match[]", f'doomed{{gen="{name}"}}')]):
            return
        self.done += 1
        if self.done % 3 == 0:
            self.post("/api/v1/admin/tsdb/clean_tombstones")


class Reader(Load):
    """Reads the newest rows: there are no holes between them and no other values."""

    def step(self):
        params = {"query": 'load{series="3"}[12h]', "time": self.test.start_ms / 1000 + self.test.orders.done * STEP_MS / 1000}

        def call():
            status, body, _ = harness.fetch(self.url + "/api/v1/query?" + urllib.parse.urlencode(params), timeout=20)
            if status == 200:
                result = json.loads(body)["data"]["result"]
                values = [(round(t * 1000), float(v)) for t, v in result[0]["values"]] if result else []
                first = (values[0][0] - self.test.start_ms) // STEP_MS if values else 0
                self.test.assertEqual(values, self.test.rows(3, first, len(values)), "read under load")
            return status, body
        if self.again(call):
            self.done += 1


class Snapshotter(Load):
    """Takes snapshots; keeps the last one, with what was acknowledged before it."""
    last = None

    def step(self):
        rows = self.test.orders.done
        if not self.post("/api/v1/admin/tsdb/snapshot"):
            return
        path = os.path.join(self.test.folder, "data/snapshots", json.loads(self.answer)["data"]["name"])
        with self.test.snapshot_lock:
            if self.last:
                shutil.rmtree(self.last[0])
            self.last = (path, rows)
        self.done += 1
        time.sleep(0.2)  # rather more of the other things


class CrashTest(unittest.TestCase):
    def setUp(self):
        seed = int(os.environ.get("SLOWBURN_SEED") or int.from_bytes(os.urandom(4), "big"))
        print(f"seed: SLOWBURN_SEED={seed}")
        self.random = random.Random(seed)
        self.folder = harness.temp_dir()
        self.snapshot_lock, self.gate = threading.Lock(), Gate()
        self.start_ms = int(time.time() - 50 * 86400) // 7200 * 7200 * 1000
        self.server = self.serve(self.folder)
        self.orders, self.late, self.deleter = InOrder(self), Late(self), Deleter(self)
        self.reader, self.snapshots = Reader(self), Snapshotter(self)
        self.loads = [self.orders, self.late, self.deleter, self.reader, self.snapshots]
        self.addCleanup(self.end)

    def serve(self, folder):
        config = harness.write_file(folder, "prometheus.yml", CONFIG)
        return harness.Slowburn(folder, f"--config.file={config}", "--web.enable-admin-api",
                                f"--storage.tsdb.retention.time={DAYS}d")

    def end(self):
        for load in self.loads:
            load.running = False
        self.gate.open()
        self.server.kill()

    def test_what_was_acknowledged_survives(self):
        self.server.start()
        for load in self.loads:
            load.start()
        restores = 0
        rests = {(i + 1) * KILLS // (MINUTES_OF_REST + 1) for i in range(MINUTES_OF_REST)}
        for kill in range(KILLS):
            time.sleep(self.random.uniform(0.05, 1.5) + (61 if kill in rests else 0))
            self.server.kill()
            self.gate.close(self.loads)
            self.assertEqual([load.error for load in self.loads if load.error], [], f"before kill {kill}")
            self.server.start()
            snapshots = f"{self.folder}/data/snapshots"
            for name in os.listdir(snapshots) if os.path.exists(snapshots) else []:
                self.assertNotIn("unfinished", name)
            self.check(f"after kill {kill}", everything=kill % 25 == 0)
            if kill % max(KILLS // RESTORES, 1) == 0 and self.snapshots.last:
                self.restore(f"after kill {kill}")
                restores += 1
            self.gate.open()
        harness.wait_for("each load to do something", lambda: all(load.done > KILLS // 10 for load in self.loads), 120)
        for load in self.loads:
            load.running = False
        for load in self.loads:
            load.join(100)
        self.check("at the end", everything=True)
        print(f"{KILLS} kills; {self.orders.done} rows of {SERIES} samples, {self.late.done} late ones, "
              f"{self.deleter.done} deletions, {self.reader.done} reads, {self.snapshots.done} snapshots, {restores} "
              f"restores, {self.metric('prometheus_tsdb_blocks_loaded'):.0f} blocks: all there, and nothing else")
        self.assertEqual(self.server.stop(), 0)

    def metric(self, name):
        text = harness.fetch(self.server.url + "/metrics")[1].decode()
        return [float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + " ")][0]

    def rows(self, series, first, count):
        return [(self.start_ms + row * STEP_MS, float(row * SERIES + series)) for row in range(first, first + count)]

    def samples(self, selector, first_ms):
        """(time, value) of one series from a time on."""
        end = self.start_ms / 1000 + 55 * 86400
        result = self.server.query(f"{selector}[{int(end - first_ms / 1000) + 1}s]", at=end)["result"]
        return [(round(t * 1000), float(v)) for t, v in result[0]["values"]] if result else []

    def sums(self, server, name):
        """{value of the only label: (count, sum)}"""
        end = self.start_ms / 1000 + 55 * 86400
        found = {}
        for function in ("count_over_time", "sum_over_time"):
            for one in server.query(f"{function}({name}[{DAYS}d])", at=end)["result"]:
                [label] = one["metric"].values()
                found.setdefault(label, []).append(float(one["value"][1]))
        return {label: tuple(values) for label, values in found.items()}

    def check_rows(self, server, rows, when):
        """Returns how many there are: the acknowledged ones, and maybe one more."""
        load = self.sums(server, "load")
        counts = {count for count, _ in load.values()} or {0}
        self.assertEqual(len(counts), 1, f"a row is there in part {when}")
        count = int(counts.pop())
        self.assertGreaterEqual(count, rows, f"rows {when}")
        self.assertEqual(load, {str(i): (count, SERIES * count * (count - 1) / 2 + i * count) for i in range(SERIES)} if count else {}, when)
        return count

    def check(self, when, everything=False):
        """Nothing else goes on. What was being sent at the kill may be there: all of it, or nothing."""
        rows = self.orders.done
        count = self.check_rows(self.server, rows, when)
        self.assertLessEqual(count, rows + 1, f"rows {when}")
        series = self.random.randrange(SERIES)
        first = 0 if everything else max(count - 500, 0)
        self.assertEqual(self.samples(f'load{{series="{series}"}}', self.start_ms + first * STEP_MS),
                         self.rows(series, first, count - first), when)

        for i in range(2):
            have = {(t - self.start_ms) // 10_000: v for t, v in self.samples(f'late{{series="{i}"}}', self.start_ms)}
            self.assertEqual(set(have) - {self.late.flying}, self.late.acknowledged - {self.late.flying}, f"late rows {when}")
            self.assertEqual([row for row, v in have.items() if v != float(row + i)], [], f"late rows {when}")

        doomed = self.sums(self.server, "doomed")
        self.assertLessEqual(set(doomed), {str(self.deleter.done)}, f"a deleted series is back {when}")
        for sums in doomed.values():
            self.assertEqual(sums, (DOOMED, DOOMED * (DOOMED - 1) / 2), f"generation {self.deleter.done} {when}")

    def restore(self, when):
        with self.snapshot_lock:
            path, rows = self.snapshots.last
            folder = harness.temp_dir()
            done = subprocess.run([harness.BINARY, "tsdb", "restore", "--from", path, f"--storage.path={folder}/data"],
                                  capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        server = self.serve(folder).start()
        with harness.closing(server):
            self.check_rows(server, rows, f"in a snapshot {when}")
        shutil.rmtree(folder)


if __name__ == "__main__":
    unittest.main()
