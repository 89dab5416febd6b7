#!/usr/bin/env python3
"""The demo: within two minutes of its URL a budget burns and a page is delivered, in the page and on the terminal."""
import os
import re
import shutil
import subprocess
import time
import unittest

import harness


class DemoTest(unittest.TestCase):
    def setUp(self):
        self.folder = harness.temp_dir()
        self.demo = harness.Slowburn(self.folder, command="demo").start()
        self.addCleanup(self.demo.kill)
        harness.wait_for("the URL on the terminal", lambda: self.demo.url in self.demo.process.log(), 60)
        self.started = time.monotonic()

    def test_page_within_two_minutes(self):
        def burn_page():
            deliveries = harness.api(self.demo.url + "/api/notify/v1/deliveries")["deliveries"]
            return [d for d in deliveries if "ErrorBudgetBurn" in d["alert_names"] and d["outcome"] == "delivered"]

        harness.wait_for("the page about the burning budget", burn_page, 120)
        print(f"delivered {time.monotonic() - self.started:.0f} s after the URL")
        self.assertRegex(self.demo.process.log(), re.compile("PAGE.*checkout.*ErrorBudgetBurn"))
        slos = {slo["id"]: slo for slo in harness.api(self.demo.url + "/api/slo/v1/slos")["slos"]}
        self.assertEqual(slos["checkout-availability"]["state"], "burning")
        self.check_by_hand(slos["checkout-availability"])
        self.check_metrics()
        self.check_browser()
        self.assertEqual(self.demo.stop(), 0)

    def check_by_hand(self, slo):
        """Good, bad and budget left equal the same computed from the raw counters."""
        at = int(time.time()) // 10 * 10
        slo = harness.api(f"{self.demo.url}/api/slo/v1/slos/checkout-availability?time={at}")
        counts = {"bad": 0, "total": 0}
        for series in self.demo.query('http_requests_total{service="checkout"}[2d]', at)["result"]:
            samples = [float(v) for _, v in series["values"]]
            grown = sum(b - a if b >= a else b for a, b in zip(samples, samples[1:]))
            counts["total"] += grown
            counts["bad"] += grown if series["metric"]["code"].startswith("5") else 0
        self.assertEqual(slo["sli"]["bad"], counts["bad"])
        self.assertEqual(slo["sli"]["total"], counts["total"])
        self.assertEqual(slo["sli"]["good"], counts["total"] - counts["bad"])
        allowed = counts["total"] * 0.001
        self.assertAlmostEqual(slo["budget"]["allowed_bad"], allowed, places=6)
        self.assertAlmostEqual(slo["budget"]["remaining_ratio"], 1 - counts["bad"] / allowed, places=9)
        self.assertTrue(0 < slo["budget"]["remaining_ratio"] < 1)
        print(f"by hand: {counts}, budget left {slo['budget']['remaining_ratio']:.4f}")

    def check_metrics(self):
        promtool = harness.peer("promtool")
        _, text, _ = harness.fetch(self.demo.url + "/metrics")
        self.assertIn(b"slowburn_build_info", text)
        if promtool:
            result = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, timeout=30)
            self.assertEqual((result.returncode, result.stdout + result.stderr), (0, b""))

    def check_browser(self):
        node, chromium = shutil.which("node"), os.environ.get("CHROMIUM", "/usr/bin/chromium")
        if not node or not os.path.exists(chromium):
            print("skipped: no node or no chromium")
            return
        screenshot = os.path.join(os.path.dirname(harness.BINARY), "demo.png")
        script = os.path.join(harness.ROOT, "tests/e2e/browser_test.mjs")
        result = subprocess.run([node, script, self.demo.url, screenshot], capture_output=True, text=True, timeout=300)
        print(result.stdout)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
