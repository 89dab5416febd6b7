#!/usr/bin/env python3
"""What keeps queries from doing harm, over HTTP: the list of running ones, kill, deadlines, budgets, clients that leave,
and texts that are made to hurt. After each the server answers as before.

Where a real Prometheus is given (--peers DIR) its errors are compared with ours.
"""
import json
import socket
import threading
import time
import unittest
import urllib.parse

import harness

# Some seconds of work that no limit of samples or memory stops: tens of thousands of quantiles of windows of two hours.
HEAVY = "sin(vector(time()))"
for q in range(1, 21):
    HEAVY = f"quantile_over_time(0.{q:02}, {HEAVY}[2h:1s])"
HEAVY_RANGE = {"query": HEAVY, "start": 1_700_000_000, "end": 1_700_010_999, "step": 1}
MEMORY = 64 << 20


def ask(url, path="query", method="POST", **params):
    """(status, answer)"""
    body = urllib.parse.urlencode(params).encode()
    target = f"{url}/api/v1/{path}"
    if method == "GET":
        target, body = f"{target}?{body.decode()}", None
    status, text, _ = harness.fetch(target, body, {"Content-Type": "application/x-www-form-urlencoded"} if body else {}, method, 120)
    return status, json.loads(text)


class QueriesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = harness.temp_dir()
        cls.config = harness.write_file(cls.folder, "prometheus.yml", "global: {evaluation_interval: 60s}\n")
        cls.now = int(time.time()) // 60 * 60
        cls.series = [({"__name__": "queries_gauge", "n": str(n)}, [(t * 1000, float(n)) for t in range(cls.now - 600, cls.now, 15)]) for n in range(50)]
        own = harness.write_file(cls.folder, "slowburn.yml", f"limits: {{query_memory_bytes: {MEMORY}}}\n")
        cls.ours = cls.start_ours(f"--slowburn.config.file={own}")
        cls.prometheus = harness.peer("prometheus") if harness.PEERS else None

    @classmethod
    def start_ours(cls, *flags):
        server = harness.Slowburn(harness.temp_dir(), f"--config.file={cls.config}", *flags).start()
        cls.addClassCleanup(server.kill)
        status, text = harness.remote_write(server.url, cls.series)
        assert status in (200, 204), text
        return server

    def start_peer(self, *flags):
        """The URL of a Prometheus with the same data, or None."""
        if not self.prometheus:
            return None
        folder, port = harness.temp_dir(), harness.free_port()
        process = harness.Process([self.prometheus, f"--config.file={self.config}", f"--storage.tsdb.path={folder}/data", "--web.enable-remote-write-receiver",
                                   f"--web.listen-address=127.0.0.1:{port}", *flags], folder, "prometheus")
        self.addCleanup(process.kill)
        url = f"http://127.0.0.1:{port}"
        harness.wait_for("prometheus to be ready", lambda: harness.fetch(url + "/-/ready")[0] == 200, 60)
        self.assertIn(harness.remote_write(url, self.series)[0], (200, 204))
        return url

    def tearDown(self):
        """As healthy as before: nothing runs, queries are answered."""
        harness.wait_for("the queries to end", lambda: not self.running(), 30)
        self.assertEqual(ask(self.ours.url, query="count(queries_gauge)", time=self.now - 15)[1]["data"]["result"][0]["value"][1], "50")

    def running(self, url=None):
        return harness.api((url or self.ours.url) + "/api/v1/status/queries")["queries"]

    def in_background(self, url, **params):
        """Asks; the list gets the answer."""
        answers = []
        thread = threading.Thread(target=lambda: answers.append(ask(url, "query_range", **params)))
        thread.start()
        self.addCleanup(thread.join)
        return thread, answers

    def assert_error(self, answer, status, kind, text):
        self.assertEqual((answer[0], answer[1].get("errorType")), (status, kind), answer)
        self.assertIn(text, answer[1]["error"])

    def test_running_queries_are_listed_and_killed(self):
        thread, answers = self.in_background(self.ours.url, **HEAVY_RANGE)
        query = harness.wait_for("the query to run", lambda: [q for q in self.running() if q["state"] == "running"], 30, 0.01)[0]
        self.assertEqual((query["query"], query["kind"], query["path"], query["method"]), (HEAVY, "range", "/api/v1/query_range", "POST"))
        self.assertEqual((query["start"], query["end"], query["step"]), (HEAVY_RANGE["start"], HEAVY_RANGE["end"], 1))
        status, body, _ = harness.fetch(f"{self.ours.url}/api/v1/status/queries/{query['id']}", method="DELETE")
        self.assertEqual((status, json.loads(body)), (200, {"status": "success", "data": {"id": query["id"]}}))
        thread.join()
        self.assert_error(answers[0], 499, "canceled", "query was canceled in")
        status, body, _ = harness.fetch(f"{self.ours.url}/api/v1/status/queries/{query['id']}", method="DELETE")
        self.assertEqual((status, json.loads(body)["errorType"]), (404, "not_found"))
        status, body, _ = harness.fetch(f"{self.ours.url}/api/v1/status/queries/x", method="DELETE")
        self.assertEqual((status, json.loads(body)["errorType"]), (400, "bad_data"))

    def test_a_deadline_ends_a_query(self):
        ours = ask(self.ours.url, "query_range", timeout="5ms", **HEAVY_RANGE)
        self.assert_error(ours, 503, "timeout", "query timed out in")
        peer = self.start_peer()
        if peer:
            theirs = ask(peer, "query_range", timeout="5ms", **HEAVY_RANGE)
            self.assertEqual((ours[0], ours[1]["errorType"], ours[1]["error"]), (theirs[0], theirs[1]["errorType"], theirs[1]["error"]))

    def test_the_engines_timeout_is_the_upper_bound(self):
        server = self.start_ours("--query.timeout=5ms")
        self.assert_error(ask(server.url, "query_range", timeout="1h", **HEAVY_RANGE), 503, "timeout", "query timed out in")

    def test_waiting_counts_into_the_deadline(self):
        server = self.start_ours("--query.max-concurrency=1")
        thread, answers = self.in_background(server.url, timeout="5s", **HEAVY_RANGE)
        harness.wait_for("the query to run", lambda: [q for q in self.running(server.url) if q["state"] == "running"], 30, 0.01)
        self.assert_error(ask(server.url, query="1", timeout="50ms"), 503, "timeout", "query timed out in query queue")
        running = self.running(server.url)
        if running:
            harness.fetch(f"{server.url}/api/v1/status/queries/{running[0]['id']}", method="DELETE")
        thread.join()
        self.assertEqual(ask(server.url, query="1")[0], 200)

    def test_too_many_samples(self):
        server = self.start_ours("--query.max-samples=100")
        peer = self.start_peer("--query.max-samples=100")
        for query in ("queries_gauge[10m]", "sum_over_time(queries_gauge[10m:1s])"):
            params = {"query": query, "time": self.now - 15}
            ours = ask(server.url, **params)
            self.assert_error(ours, 422, "execution", "query processing would load too many samples into memory in query execution")
            if peer:
                theirs = ask(peer, **params)
                self.assertEqual((ours[0], ours[1]["errorType"], ours[1]["error"]), (theirs[0], theirs[1]["errorType"], theirs[1]["error"]))
        self.assertEqual(ask(server.url, query="queries_gauge", time=self.now - 15)[0], 200, "fifty samples are not too many")

    def test_memory_budget_of_one_query(self):
        columns = " or ".join(f'label_replace(queries_gauge, "c", "{n}", "", "")' for n in range(40))
        answer = ask(self.ours.url, "query_range", query=columns, start=self.now - 10_999, end=self.now, step=1, lookback_delta="3h")
        self.assert_error(answer, 422, "execution", "limits.query_memory_bytes")

    def test_a_client_that_leaves_ends_its_query(self):
        before = self.counter('prometheus_engine_queries')
        body = urllib.parse.urlencode(HEAVY_RANGE)
        with socket.create_connection(("127.0.0.1", self.ours.port)) as client:
            client.sendall(f"GET /api/v1/query_range?{body} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            started = harness.wait_for("the query to run", lambda: [q for q in self.running() if q["state"] == "running"], 30, 0.01)
        harness.wait_for("the query to end with its client", lambda: all(q["id"] != started[0]["id"] for q in self.running()), 30, 0.01)
        self.assertEqual(self.counter('prometheus_engine_queries'), before)

    def counter(self, name):
        for line in harness.fetch(self.ours.url + "/metrics")[1].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise AssertionError(f"no metric {name}")

    # Texts that are made to hurt.

    def test_long_chains_are_answered(self):
        for n in (1_001, 5_000, 20_000):
            self.assertEqual(ask(self.ours.url, query="+".join(["1"] * n))[1]["data"]["result"][1], str(n))
        selectors = " or ".join(f'queries_gauge{{n="{n % 60}"}}' for n in range(1_200))
        self.assertEqual(len(ask(self.ours.url, query=selectors, time=self.now - 15)[1]["data"]["result"]), 50)
        comparisons = "count(" + " and ".join(["queries_gauge >= 0"] * 800) + ")"
        answer = ask(self.ours.url, "query_range", query=comparisons, start=self.now - 300, end=self.now - 60, step=60)
        self.assertEqual({v for _, v in answer[1]["data"]["result"][0]["values"]}, {"50"})
        for path in ("format_query", "parse_query", "query_exemplars"):
            # Not read as JSON: Python's reader does not go as deep as the answer.
            body = urllib.parse.urlencode({"query": " or ".join(["a"] * 5_000), "start": 1, "end": 2}).encode()
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            self.assertEqual(harness.fetch(f"{self.ours.url}/api/v1/{path}", body, form, "POST", 120)[0], 200, path)

    def test_chains_have_an_end(self):
        self.assert_error(ask(self.ours.url, query="+".join(["1"] * 60_000)), 400, "bad_data", "chains more operators than the limit of 50000")
        self.assertEqual(ask(self.ours.url, query="+".join(["1"] * 49_990))[0], 200)

    def test_nesting_is_bounded(self):
        self.assertEqual(ask(self.ours.url, query="(" * 900 + "1" + ")" * 900)[0], 200)
        for query in ("(" * 10_000 + "1" + ")" * 10_000, "-" * 10_000 + "a", "abs(" * 10_000 + "a" + ")" * 10_000, "1^" * 10_000 + "1", "a" + "[1m:1s]" * 10_000,
                      "sum(" * 200_000, "(" * 1_000_000):
            status, answer = ask(self.ours.url, query=query)
            self.assertEqual((status, answer["errorType"]), (400, "bad_data"), query[:20])
            self.assertIn("nests deeper than the limit of 1000 levels", answer["error"])

    def test_long_texts_are_refused(self):
        self.assert_error(ask(self.ours.url, query="a" * (1 << 20) + "b"), 400, "bad_data", "the limit is 1048576")
        self.assertEqual(ask(self.ours.url, query="a" * (1 << 20))[0], 200)
        self.assertEqual(ask(self.ours.url, query="1" + " " * ((1 << 20) - 1))[0], 200)
        self.assertEqual(ask(self.ours.url, query='a{b=~"' + "|".join(f"value{n}" for n in range(50_000)) + '"}')[0], 200)

    def test_regular_expressions_are_bounded(self):
        for bomb in ("((a{1,1000}){1,1000}){1,1000}", "(((a{1,100}){1,100}){1,100}){1,100}", "(" * 2_000 + "a" + ")" * 2_000, "(x+x+)+y" * 100, "(.*)*" * 1_000 + "$"):
            begun = time.process_time()
            status, answer = ask(self.ours.url, query=f'queries_gauge{{n=~"{bomb}"}}', time=self.now - 15)
            self.assertIn((status, answer.get("errorType")), ((400, "bad_data"), (200, None)), bomb[:40])
            if status == 400:
                self.assertIn("error parsing regexp", answer["error"])
            self.assertLess(time.process_time() - begun, 60)


if __name__ == "__main__":
    unittest.main()
