#!/usr/bin/env python3
"""A rule fires on scraped data, a webhook gets the page, amtool works, and kill -9 changes nothing but a short gap."""
import subprocess
import time
import unittest

import harness

FOR = 30 if harness.LONG else 6  # seconds, of the rule that is killed while pending and while firing

CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: app
    static_configs: [{{targets: ["{target}"]}}]
"""
RULES = """
groups:
  - name: app
    rules:
      - alert: QueueLong
        expr: queue_length > 10
        for: {wait}s
        labels: {{severity: page}}
        annotations: {{summary: "{{{{ $labels.job }}}} has {{{{ $value }}}} waiting"}}
"""
ROUTES = """
route: {{receiver: oncall, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: oncall
    webhook_configs: [{{url: "{url}", send_resolved: true}}]
"""


class AlertingTest(unittest.TestCase):
    def setUp(self):
        self.sink, self.target = harness.WebhookSink(), harness.Target("queue_length 3\n")
        self.addCleanup(self.sink.close)
        self.addCleanup(self.target.close)

    def serve(self, wait):
        folder = harness.temp_dir()
        harness.write_file(folder, "rules.yml", RULES.format(wait=wait))
        config = harness.write_file(folder, "prometheus.yml", CONFIG.format(target=self.target.address))
        routes = harness.write_file(folder, "alertmanager.yml", ROUTES.format(url=self.sink.url))
        server = harness.Slowburn(folder, f"--config.file={config}", f"--alertmanager.config.file={routes}").start()
        self.addCleanup(server.kill)
        return server

    def alert_state(self, server):
        alerts = harness.api(server.url + "/api/v1/alerts")["alerts"]
        return alerts[0]["state"] if alerts else "inactive"

    def outcomes(self, server):
        deliveries = harness.api(server.url + "/api/notify/v1/deliveries")["deliveries"]
        return [(d["status"], d["outcome"]) for d in deliveries]

    def test_page_and_resolve(self):
        server = self.serve(wait=2)
        harness.wait_for("the first scrape", lambda: server.value("queue_length") == 3)
        self.target.text = "queue_length 42\n"
        page = harness.wait_for("the page", lambda: self.sink.received and self.sink.received[0], 20)
        self.assertEqual(page["version"], "4")
        self.assertEqual(page["status"], "firing")
        self.assertEqual(page["receiver"], "oncall")
        self.assertEqual(page["groupKey"], '{}:{alertname="QueueLong"}')
        alert = page["alerts"][0]
        self.assertEqual(alert["labels"], {"alertname": "QueueLong", "instance": self.target.address, "job": "app", "severity": "page"})
        self.assertEqual(alert["annotations"], {"summary": "app has 42 waiting"})
        self.assertEqual(alert["endsAt"], "0001-01-01T00:00:00Z")
        self.target.text = "queue_length 1\n"
        harness.wait_for("the resolve", lambda: self.sink.statuses("QueueLong") == ["firing", "resolved"], 20)
        harness.wait_for("the outcomes", lambda: self.outcomes(server) == [("resolved", "delivered"), ("firing", "delivered")])
        self.assertEqual(server.stop(), 0)

    def test_kill_while_pending_and_while_firing(self):
        server = self.serve(wait=FOR)
        self.target.text = "queue_length 42\n"
        harness.wait_for("pending", lambda: self.alert_state(server) == "pending")
        since = harness.api(server.url + "/api/v1/alerts")["alerts"][0]["activeAt"]
        server.kill()
        server.start()
        alert = harness.wait_for("the alert after the restart", lambda: harness.api(server.url + "/api/v1/alerts")["alerts"])[0]
        self.assertEqual(alert["activeAt"], since)
        harness.wait_for("the page", lambda: self.sink.statuses("QueueLong") == ["firing"], FOR + 20)
        # Killed before it knew the outcome, it would have to send again: better twice than never.
        harness.wait_for("its outcome", lambda: self.outcomes(server) == [("firing", "delivered")])
        server.kill()
        server.start()
        harness.wait_for("firing after the restart", lambda: self.alert_state(server) == "firing")
        self.assertEqual(harness.api(server.url + "/api/v1/alerts")["alerts"][0]["activeAt"], since)
        time.sleep(3)  # Several flushes of the group: a page that repeats itself would show here.
        self.assertEqual(self.sink.statuses("QueueLong"), ["firing"])
        self.target.text = "queue_length 1\n"
        harness.wait_for("the resolve", lambda: self.sink.statuses("QueueLong") == ["firing", "resolved"], 20)

    def test_amtool(self):
        amtool = harness.peer("amtool")
        if not amtool:
            self.skipTest("no amtool on PATH nor in --peers DIR")
        server = self.serve(wait=1)

        def run(*arguments):
            result = subprocess.run([amtool, f"--alertmanager.url={server.url}", *arguments], capture_output=True, text=True, timeout=30)
            self.assertEqual(result.returncode, 0, f"{arguments}: {result.stdout}{result.stderr}")
            return result.stdout

        run("alert", "add", "Handmade", "severity=page", "team=pay", "--annotation=summary=by hand")
        harness.wait_for("the page", lambda: self.sink.statuses("Handmade") == ["firing"], 20)
        self.assertIn("Handmade", run("alert", "query"))
        silence = run("silence", "add", "team=pay", "--comment=planned", "--author=test", "--duration=1h").strip()
        self.assertNotIn("Handmade", run("alert", "query"))
        self.assertIn("Handmade", run("alert", "query", "--silenced"))
        run("alert", "add", "Other", "severity=page", "team=pay")
        server.kill()
        server.start()
        self.assertIn(silence, run("silence", "query", "-q"))
        self.assertEqual(self.sink.statuses("Other"), [], "muted by the silence")
        run("silence", "expire", silence)
        harness.wait_for("the page after the silence", lambda: self.sink.statuses("Other") == ["firing"], 20)
        self.assertIn("oncall", run("config", "show"))


if __name__ == "__main__":
    unittest.main()
