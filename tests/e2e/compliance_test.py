#!/usr/bin/env python3
"""The queries of prometheus/compliance over data of a demo service: we and the real Prometheus agree on all of them.

Needs a Prometheus 3 in --peers DIR and the query templates (../shared/conformance/promql-test-queries.yml beside the
project, or SLOWBURN_COMPLIANCE_QUERIES); skipped without. Two templates are marked as failing because of label names that
Prometheus 3 allows: they must succeed on both.
"""
import itertools
import os
import re
import unittest

import answers
import demo_exporter
import harness
import random_series

QUERIES = os.environ.get("SLOWBURN_COMPLIANCE_QUERIES") or os.path.join(harness.ROOT, "../shared/conformance/promql-test-queries.yml")
START = 1_700_000_000_000
END = START + 4_200_000

VARIANTS = {
    "range": ["1s", "15s", "1m", "5m", "15m", "1h"],
    "offset": ["1m", "5m", "10m"],
    "simpleAggrOp": ["sum", "avg", "max", "min", "count", "stddev", "stdvar"],
    "simpleTimeAggrOp": ["sum", "avg", "max", "min", "count", "stddev", "stdvar", "absent", "last"],
    "topBottomOp": ["topk", "bottomk"],
    "quantile": ["-0.5", "0.1", "0.5", "0.75", "0.95", "0.90", "0.99", "1", "1.5"],
    "arithBinOp": ["+", "-", "*", "/", "%", "^"],
    "compBinOp": ["==", "!=", "<", ">", "<=", ">="],
    "binOp": ["+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">="],
    "simpleMathFunc": ["abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "round"],
    "extrapolatedRateFunc": ["delta", "rate", "increase"],
    "clampFunc": ["clamp_min", "clamp_max"],
    "instantRateFunc": ["idelta", "irate"],
    "dateFunc": ["day_of_month", "day_of_week", "days_in_month", "hour", "minute", "month", "year"],
}


def templates(text):
    """(template, [names of its variants], whether it is to fail). Reads what of YAML the file uses."""
    out = []
    for line in text.splitlines():
        if match := re.match(r"\s*(?:- )?query: (.*)$", line):
            query = match[1].strip()
            if query[0] in "'\"":
                query = query[1:-1].replace("''", "'")
            out.append([query, [], False])
        elif match := re.match(r"\s*variant_args: \[(.*)\]", line):
            out[-1][1] = re.findall(r"\w+", match[1])
        elif re.match(r"\s*should_fail: true", line):
            out[-1][2] = True
    return out


def expand(template, names):
    for values in itertools.product(*(VARIANTS[name] for name in names)):
        query = template
        for name, value in zip(names, values):
            query = query.replace("{{." + name + "}}", value)
        yield query


class ComplianceTest(unittest.TestCase):
    def test_compliance_queries(self):
        prometheus = harness.peer("prometheus") if harness.PEERS else None
        if not prometheus:
            self.skipTest("no Prometheus: --peers DIR was not given")
        if not os.path.exists(QUERIES):
            self.skipTest("no query templates of prometheus/compliance")
        ours, theirs = self.servers(prometheus)
        random_series.feed(demo_exporter.scraped(START, END, random_series.STALE), ours, theirs)
        times = {"start": (END - 22 * 60_000) // 1000, "end": (END - 12 * 60_000) // 1000, "step": 10}
        count, failed, empty = 0, 0, 0
        with open(QUERIES, encoding="utf-8") as file:
            cases = [(query, fails) for template, names, fails in templates(file.read()) for query in expand(template, names)]
        for query, fails in cases:
            with self.subTest(query=query):
                have, want = (answers.ask(url, "query_range", {"query": query, **times}) for url in (ours, theirs))
                # Prometheus 3 allows any UTF-8 in label names.
                self.assertEqual(want.ok(), not fails or '"~invalid"' in query, want.error)
                self.assertEqual(have.error_type, want.error_type, have.error)
                bad = answers.unequal_points(have, want)
                if re.match(r"(topk|bottomk)", query):
                    bad = [] if answers.same_values(have, want) else bad
                self.assertEqual(bad, [], f"ours:\n{answers.show(have, want)}\ntheirs:\n{answers.show(want, have)}")
                count, failed, empty = count + 1, failed + (not want.ok()), empty + (want.ok() and not want.points)
        print(f"{count} of {len(cases)} compliance queries agree, {failed} of them fail and {empty} are empty on both sides")
        self.assertEqual(len(cases), 539)

    def servers(self, prometheus):
        folder = harness.temp_dir()
        config = harness.write_file(folder, "prometheus.yml", "global: {evaluation_interval: 60s}\n")
        ours = harness.Slowburn(folder, f"--config.file={config}", "--storage.tsdb.retention.time=100y", "--storage.wal-sync=os").start()
        self.addCleanup(ours.kill)
        port = harness.free_port()
        peer = harness.Process([prometheus, f"--config.file={config}", f"--storage.tsdb.path={folder}/peer", "--storage.tsdb.retention.time=100y",
                                f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver"], folder, "prometheus")
        self.addCleanup(peer.kill)
        theirs = f"http://127.0.0.1:{port}"
        harness.wait_for("prometheus to be ready", lambda: harness.fetch(theirs + "/-/ready")[0] == 200, 60)
        return ours.url, theirs


if __name__ == "__main__":
    unittest.main()
