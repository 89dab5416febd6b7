#!/usr/bin/env python3
"""Scraping: a real node exporter goes up, then down and stale; a malformed page is an error that can be read."""
import time
import unittest

import harness

CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
scrape_configs:
  - job_name: {job}
    static_configs: [{{targets: ["{target}"]}}]
"""


def serve(test, job, target):
    folder = harness.temp_dir()
    config = harness.write_file(folder, "prometheus.yml", CONFIG.format(job=job, target=target))
    server = harness.Slowburn(folder, f"--config.file={config}").start()
    test.addCleanup(server.kill)
    return server


class ScrapeTest(unittest.TestCase):
    def test_node_exporter_up_down_stale(self):
        program = harness.peer("prometheus-node-exporter", "node_exporter")
        if not program:
            self.skipTest("no node exporter on PATH nor in --peers DIR")
        address = f"127.0.0.1:{harness.free_port()}"
        exporter = harness.Process([program, f"--web.listen-address={address}"], harness.temp_dir(), "exporter")
        self.addCleanup(exporter.kill)
        server = serve(self, "node", address)
        harness.wait_for("up 1", lambda: server.value('up{job="node"}') == 1)
        self.assertGreater(server.value("count({job='node'})"), 200)
        self.assertGreater(server.value("node_time_seconds"), time.time() - 60)
        types = harness.api(server.url + "/api/v1/metadata?metric=node_cpu_seconds_total")
        self.assertEqual(types["node_cpu_seconds_total"][0]["type"], "counter")
        exporter.kill()
        harness.wait_for("up 0", lambda: server.value('up{job="node"}') == 0)
        # Stale with the scrape that failed, not after the lookback of five minutes.
        self.assertIsNone(server.value("node_time_seconds"))
        target = harness.api(server.url + "/api/v1/targets")["activeTargets"][0]
        self.assertEqual(target["health"], "down")
        self.assertIn("refused", target["lastError"])

    def test_malformed_page(self):
        target = harness.Target("good 1\nbad{ 2\n")
        self.addCleanup(target.close)
        server = serve(self, "broken", target.address)
        harness.wait_for("up 0", lambda: server.value('up{job="broken"}') == 0)
        shown = harness.api(server.url + "/api/v1/targets")["activeTargets"][0]
        self.assertIn("2", shown["lastError"], "the line")
        self.assertIsNone(server.value("good"))
        target.text = "good 1\n"
        harness.wait_for("up 1", lambda: server.value('up{job="broken"}') == 1)
        self.assertEqual(server.value("good"), 1)


if __name__ == "__main__":
    unittest.main()
