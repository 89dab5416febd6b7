#!/usr/bin/env python3
"""A full disk: writes get 503, reads go on, and when there is space again it goes on without a restart.

The disk is a small tmpfs, which only root can mount. SLOWBURN_LONG=1 runs it."""
import os
import subprocess
import time
import unittest

import harness

SERIES = 500
DISK_BYTES = 48 << 20


def why_not():
    if not harness.LONG:
        return "SLOWBURN_LONG is not set"
    if os.geteuid() != 0:
        return "only root can mount a tmpfs"
    return None


@unittest.skipIf(why_not(), f"a small disk was NOT tested: {why_not()}")
class DiskFullTest(unittest.TestCase):
    def setUp(self):
        self.folder = harness.temp_dir()
        self.disk = os.path.join(self.folder, "data")
        os.mkdir(self.disk)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", self.disk],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"a small disk was NOT tested: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=False)
        self.start_ms = int(time.time() - 3 * 3600) * 1000
        self.rows = []  # that were acknowledged
        self.next_row = 0

    def write(self, server):
        """One row; returns the status. A refused one is written again, as a sender does."""
        t = self.start_ms + self.next_row * 1000
        series = [({"__name__": "load", "series": str(i)}, [(t, self.next_row + i / 7)]) for i in range(SERIES)]
        status, text = harness.remote_write(server.url, series, timeout=30)
        if status // 100 == 2:
            self.rows.append(self.next_row)
            self.next_row += 1
        else:
            self.assertEqual(status, 503, text)
        return status

    def check(self, server):
        at = (self.start_ms + self.next_row * 1000) / 1000
        window = f"[{self.next_row + 2}s]"
        self.assertEqual(server.value(f"sum(count_over_time(load{window}))", at), SERIES * len(self.rows))
        self.assertEqual(server.value('max_over_time(load{series="0"}' + window + ")", at), self.rows[-1])

    def fill_up(self, name, leave):
        """Takes the space that is free, but for `leave` bytes."""
        stats = os.statvfs(self.disk)
        path = os.path.join(self.disk, name)
        with open(path, "wb") as file:
            file.write(b"x" * max(0, stats.f_bavail * stats.f_frsize - leave))
        return path

    def run_with(self, min_free):
        config = harness.write_file(self.folder, "prometheus.yml", "scrape_configs: []\n")
        own = harness.write_file(self.folder, "slowburn.yml", "limits: {min_free_bytes: %s}\n" % min_free)
        server = harness.Slowburn(self.folder, f"--config.file={config}", f"--slowburn.config.file={own}").start()
        for _ in range(5):
            self.assertEqual(self.write(server) // 100, 2)
        for round_number in range(3):
            ballast = self.fill_up("ballast", 200_000)
            refused = 0
            while refused < 10:
                refused += self.write(server) == 503
            self.check(server)
            os.remove(ballast)
            # Free space is looked at a few times a second.
            harness.wait_for("writes to be accepted again", lambda: self.write(server) // 100 == 2, 30)
            for _ in range(5):
                self.assertEqual(self.write(server) // 100, 2, f"round {round_number}")
            self.check(server)
        server.kill()
        server.start()
        self.check(server)
        self.assertEqual(self.write(server) // 100, 2)
        self.assertEqual(server.stop(), 0)

    def test_writes_stop_before_it_is_full(self):
        self.run_with("4MB")

    def test_writes_stop_when_it_is_full(self):
        self.run_with("0")


if __name__ == "__main__":
    unittest.main()
