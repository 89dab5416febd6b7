#!/usr/bin/env python3
"""kill -9 again and again under a remote-write load: after each restart every sample that got a 2xx is read back."""
import random
import threading
import time
import unittest
import urllib.error

import harness

KILLS = 20 if harness.LONG else 5
SERIES = 200


class Writer(threading.Thread):
    """Writes rows of SERIES samples, one second apart, and remembers which were acknowledged."""

    def __init__(self, url, start_ms, first_row):
        super().__init__(daemon=True)
        self.url, self.start_ms, self.row = url, start_ms, first_row
        self.acknowledged = []
        self.running = True

    def run(self):
        while self.running:
            row = self.row
            t = self.start_ms + row * 1000
            series = [({"__name__": "load", "series": str(i)}, [(t, float(row * SERIES + i))]) for i in range(SERIES)]
            try:
                status, text = harness.remote_write(self.url, series, timeout=5)
            except (OSError, urllib.error.URLError):
                continue  # killed: write the same row again, as a sender does
            if status // 100 == 2:
                self.acknowledged.append(row)
                self.row += 1
            elif status // 100 != 5:
                raise AssertionError(f"row {row}: {status} {text}")


class CrashTest(unittest.TestCase):
    def test_every_acknowledged_sample_survives(self):
        seed = int.from_bytes(random.randbytes(4), "big")
        print(f"seed: {seed}")
        random.seed(seed)
        folder = harness.temp_dir()
        config = harness.write_file(folder, "prometheus.yml", "scrape_configs: []\n")
        server = harness.Slowburn(folder, f"--config.file={config}")
        start_ms = int(time.time() - 3 * 3600) * 1000
        rows = []
        writer = Writer(server.url, start_ms, 0)
        server.start()
        writer.start()
        for kill in range(KILLS):
            time.sleep(random.uniform(0.1, 0.8))
            server.kill()
            rows = list(writer.acknowledged)
            server.start()
            self.check(server, start_ms, rows, kill)
        writer.running = False
        writer.join(20)
        self.check(server, start_ms, list(writer.acknowledged), KILLS)
        print(f"{KILLS} kills, {len(writer.acknowledged)} acknowledged rows of {SERIES} samples, all read back")
        self.assertGreater(len(writer.acknowledged), KILLS)
        self.assertEqual(server.stop(), 0)

    def check(self, server, start_ms, rows, kill):
        if not rows:
            return
        end = start_ms + rows[-1] * 1000
        data = server.query(f"load[{rows[-1] + 2}s]", at=(end / 1000))["result"]
        self.assertEqual(len(data), SERIES, f"after kill {kill}")
        for series in data:
            i = int(series["metric"]["series"])
            have = {round(t * 1000): float(v) for t, v in series["values"]}
            for row in rows:
                self.assertEqual(have.get(start_ms + row * 1000), float(row * SERIES + i), f"row {row}, series {i}, after kill {kill}")


if __name__ == "__main__":
    unittest.main()
