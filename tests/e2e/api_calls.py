"""The recorded calls of api_shape_test: what clients send to /api/v1 and around it, good and bad.

A call says how its answers are compared:
  same    the JSON is equal; results of queries and lists of groups as sets
  shape   keys and types are equal: of a list the shapes of its elements, as a set
  status  status and content type are equal
  bytes   the body is equal, after its content encoding is undone
Errors are always compared with their type and text. `start` and `end` are seconds; the fed data lies between them.
"""
import dataclasses
import struct
import urllib.parse

import harness
from random_series import integer

FORM = "application/x-www-form-urlencoded"


@dataclasses.dataclass
class Call:
    path: str
    params: tuple = ()
    method: str = "GET"
    compare: str = "same"
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = None  # else POST sends the parameters as a form
    note: str = ""

    def name(self):
        extra = " ".join(f"{k}={v}" for k, v in self.headers.items() if not self.note)
        return f"{self.method} {self.path}?{urllib.parse.unquote(urllib.parse.urlencode(self.params))} {extra}{self.note}".rstrip(" ?")[:300]

    def send(self, url):
        encoded, headers, body = urllib.parse.urlencode(self.params), dict(self.headers), self.body
        target = url + self.path
        if self.method == "POST" and body is None:
            body = encoded.encode()
            headers.setdefault("Content-Type", FORM)
        elif encoded:
            target += "?" + encoded
        return harness.fetch(target, body, headers, self.method)


def both(path, params=(), compare="same"):
    """By GET and by POST."""
    return [Call(path, tuple(params), method, compare) for method in ("GET", "POST")]


def rfc3339(seconds, fraction=""):
    import datetime
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def query_calls(start, end):
    path, at = "/api/v1/query", (("time", end),)
    expressions = [
        "1", "1.5e300 * 1e300", "-Inf", "NaN", "'text'", '"\\u00e9\\n<&>"', "up{job='nothing'}", "shape_gauge", "shape_gauge[2m]", "sum(shape_gauge)",
        "sum by (zone) (shape_gauge)", "rate(shape_requests_total[5m])", "shape_histogram", "shape_histogram[1m]", "histogram_quantile(0.5, shape_histogram)",
        "rate(shape_gauge[5m])", "absent(nothing{a='b'})", "topk(2, shape_gauge)", "sort_desc(shape_gauge)", "shape_gauge @ %d" % start,
        "sum_over_time(shape_gauge[5m:1m])", "time()", "vector(7)", '{"shape.utf8", "a label"="x"}', "shape_gauge and shape_gauge", "shape_special",
    ]
    calls = [Call(path, (("query", e),) + at) for e in expressions]
    calls += both(path, (("query", "count(shape_gauge)"),) + at)
    for t in (f"{end}.123", f"{end}.9996", f"{end}e0", rfc3339(end), rfc3339(end, ".25"), rfc3339(end, ".123456789"), "0", "-1", "1e3", "0x10", "1_000",
              "9223372036854775807", "-9e18", "NaN", "Inf", "yesterday", "2020-01-01", " 1", "292277025-08-18T07:12:54.999999999Z"):
        calls.append(Call(path, (("query", "vector(1)"), ("time", t))))
    bad = ["", "sum(", "foo{", "1 +", "sum(1, 2)", "nosuch(1)", "up{a='b'", "{}", "{a=~'.*'}", "rate(up)", "up[5m] + 1", "'a' + 1", "up and 1", "foo[5]s", "sum by (a",
           "up offset", "up @ x", "a{b=~'('}", "-'a'", "1 == 2", "abs('x')", "label_replace(up, 'a')", "limitk(1, up)", "up[1d1]", "count_values(1, up)", "up{a='\xff'}",
           "mad_over_time(up[1m])", "1 == bool", "up[0s]", "foo bar", "\\", "up{a!b}", "99999999999y", "sum(up) by (1)", "(((((1)"]
    calls += [Call(path, (("query", e),) + at) for e in bad]
    failing = ["shape_gauge + on() shape_gauge", "shape_gauge * on(zone) group_left() shape_gauge", "topk(NaN, shape_gauge)", "topk(1e30, shape_gauge)",
               "label_replace(shape_gauge, 'n', '$1', 'n', '(')", "count_values('', shape_gauge)", "quantile(2, shape_gauge)",
               "label_replace(shape_gauge, 'n', 'x', 'n', '.*')", "label_join(shape_gauge, 'zone', '', 'none')", 'rate({__name__=~"shape_gauge|shape_other"}[5m])',
               "shape_gauge % on(nothing) group_right shape_gauge"]
    calls += [Call(path, (("query", e),) + at) for e in failing]
    for name, values in {"timeout": ["1s", "0", "-1", "5", "1x", "", "1h1h", "1e30"], "limit": ["1", "0", "-1", "x", "1.5", "99999999999999999999", "+2", "100"],
                         "lookback_delta": ["1s", "60", "0", "-5", "x", "1h30m"], "stats": ["true", "all", "1", "false"]}.items():
        for value in values:
            calls.append(Call(path, (("query", "shape_gauge"), (name, value)) + at, compare="shape" if name == "stats" else "same"))
    calls += [Call(path), Call(path, method="POST"), Call(path, (("query", "1"), ("query", "2")) + at), Call(path, (("query", "1"), ("nonsense", "x")) + at),
              Call(path, (("query", "1"),), "PUT", "status"), Call(path, (("query", "1"),), "DELETE", "status"), Call(path, (("query", "1"),), "HEAD", "status"),
              Call(path, (("query", "1"),) + at, headers={"Accept": "text/html"}), Call(path, (("query", "1"),) + at, headers={"Origin": "http://example.test"}),
              Call(path, (), "POST", body=b"query=1%", headers={"Content-Type": FORM}), Call(path + "?query=%zz"),
              Call(path + "?query=vector(2)&time=%d" % end, (), "POST", body=b"time=5", headers={"Content-Type": FORM}),
              Call(path + "?query=1&time=%d" % end, (), "POST", body=b"{}", headers={"Content-Type": "application/json"}),
              Call(path + "/", (("query", "1"),), compare="status"), Call("/api/v1//query", (("query", "1"),), compare="status")]
    return calls


def range_calls(start, end):
    path, times = "/api/v1/query_range", (("start", start), ("end", end))
    calls = both(path, (("query", "shape_gauge"),) + times + (("step", "60"),))
    for query in ("1", "sum by (zone) (rate(shape_requests_total[2m]))", "shape_histogram", "nothing", "shape_gauge > 3", "shape_gauge @ start()", "sort(shape_gauge)",
                  "shape_special", "shape_gauge[1m]", "'text'", "sum(", "shape_gauge + on() shape_gauge", "rate(shape_gauge[2m])", "time()", "absent(nothing)"):
        calls.append(Call(path, (("query", query),) + times + (("step", "60"),)))
    for step in ("15", "15.5", "1m", "1m30s", "0.001", "0", "-1", "x", "", "1h", "1e-9", "1e20", "1d1h", "m", "60s60s"):
        calls.append(Call(path, (("query", "vector(1)"), ("start", end - 10), ("end", end), ("step", step))))
    for pair in ((end, start), ("x", end), (start, "x"), ("", end), (start, ""), (end, end), (rfc3339(start), rfc3339(end, ".5")), (f"{start}.5", f"{end}.25"),
                 (start - 11_000 * 60, start), (start - 11_001 * 60, start), ("-1", "1"), (0, 0), ("-292273086-05-16T16:47:06Z", "292277025-08-18T07:12:54.999999999Z")):
        calls.append(Call(path, (("query", "vector(1)"), ("start", pair[0]), ("end", pair[1]), ("step", "60"))))
    for name, value in (("limit", "1"), ("limit", "-1"), ("timeout", "10"), ("timeout", "x"), ("lookback_delta", "1s"), ("lookback_delta", "x"), ("stats", "all"),
                        ("stats", "true"), ("stats", "yes")):
        calls.append(Call(path, (("query", "shape_gauge"),) + times + (("step", "60"), (name, value)), compare="shape" if name == "stats" else "same"))
    return calls + [Call(path), Call(path, (("query", "1"), ("start", "1"))), Call(path, compare="status", method="HEAD")]


def label_calls(start, end):
    times, calls = (("start", start), ("end", end)), []
    for path in ("/api/v1/labels", "/api/v1/label/zone/values", "/api/v1/label/__name__/values", "/api/v1/series"):
        must = (("match[]", "{__name__=~'shape_(gauge|other|requests_total|special)'}"),)
        calls.append(Call(path, must + times))
        for extra in ((("match[]", "shape_gauge"),), (("match[]", "nothing"),), (("match[]", "shape_gauge{zone='z1'}"), ("match[]", "shape_other")),
                      (("match[]", "shape_gauge{"),), (("match[]", "{}"),), (("match[]", "rate(x[1m])"),), (("match[]", ""),), (("match[]", "x[5m]"),)):
            calls.append(Call(path, extra + times))
        for limit in ("1", "2", "0", "-1", "x", "1000"):
            calls.append(Call(path, must + times + (("limit", limit),), compare="shape"))  # which ones is not said
        for pair in (("x", end), (start, "x"), (end, start), (rfc3339(start), rfc3339(end)), ("", ""), ("1", "2")):
            calls.append(Call(path, must + (("start", pair[0]), ("end", pair[1]))))
        calls += [Call(path, times, compare="same" if path.endswith("series") else "shape"), Call(path, must, "HEAD", "status"),
                  Call(path, must + times, "POST", "status" if "/label/" in path else "same")]
    for name in ("le", "a%20label", "U__shape_2e_x", "U__", "%ff", "a%2Fb", "nothing", "U__a__b", "U__1_zz_"):
        calls.append(Call(f"/api/v1/label/{name}/values", times))
    return calls + [Call("/api/v1/series", (("match[]", "shape_gauge"),), "DELETE", "status"), Call("/api/v1/label//values", compare="status"),
                    Call("/api/v1/label/zone", compare="status")]


def language_calls():
    calls = []
    queries = ["sum by(a)(rate(x_total{a='b'}[5m]))", "1+2*3", "", "sum(", "foo # comment", "a and on(b) group_left c", "{\"utf.8\"}", "x[5m:1m] offset 3m",
               "max_over_time(sum(rate(a[1m]))[1h:5m] @ end())", "histogram_quantile(0.9,sum by(le)(rate(b[5m])))", "-a^2", "a == bool 1", "topk(5,a)",
               "label_replace(a,'b','$1','c','(.*)')", "a offset -1m", "1h30m", "'str\\n'", "quantile without(x)(0.5, a)", "a unless ignoring(b) c", "a @ 5.5", "Inf",
               "((a))", "+a", "rate(a)", "a[1m]", "time()", "a atan2 b"]
    for path in ("/api/v1/format_query", "/api/v1/parse_query"):
        calls += [Call(path, (("query", q),)) for q in queries]
        calls += [Call(path, (("query", "a+b"),), "POST"), Call(path), Call(path, (("query", "a"),), "HEAD", "status")]
    return calls


def exemplar_calls(start, end):
    path = "/api/v1/query_exemplars"
    now = (("start", start), ("end", end + 100_000))
    return both(path, (("query", "shape_scraped_total"),) + now, "shape") + [
        Call(path, (("query", "rate(shape_scraped_total[1m]) + nothing"),) + now, compare="shape"), Call(path, (("query", "nothing"),) + now), Call(path, (("query", "1"),) + now),
        Call(path, (("query", "sum("),) + now), Call(path, (("query", "shape_scraped_total"), ("start", end), ("end", start))), Call(path, (("query", ""),) + now),
        Call(path, (("query", "x"), ("start", "x"), ("end", end))), Call(path, (("query", "x"), ("start", start), ("end", "x"))), Call(path, (("query", "nothing"),))]


def status_calls():
    calls = [Call(f"/api/v1/status/{what}", compare="shape") for what in ("config", "flags", "runtimeinfo", "buildinfo", "tsdb", "walreplay")]
    calls += [Call("/api/v1/status/tsdb", (("limit", n),), compare="shape") for n in ("1", "0", "-1", "x", "10000", "10001")]
    calls += [Call("/api/v1/status/nothing", compare="status"), Call("/api/v1/status/flags", method="POST", compare="status"), Call("/api/v1/status/buildinfo", method="HEAD", compare="status")]
    return calls


def scrape_calls():
    calls = [Call("/api/v1/targets", params, compare="shape") for params in
             ((), (("state", "active"),), (("state", "dropped"),), (("state", "any"),), (("state", "x"),), (("scrapePool", "shape"),), (("scrapePool", "none"),))]
    metadata = ((), (("metric", "shape_scraped"),), (("metric", "nothing"),), (("limit", "1"),), (("limit", "0"),), (("limit", "-1"),), (("limit", "x"),),
                (("limit_per_metric", "1"),), (("limit_per_metric", "x"),), (("metric", "shape_scraped_total"), ("limit", "5")))
    calls += [Call("/api/v1/metadata", params) for params in metadata]
    calls += [Call("/api/v1/targets/metadata", params) for params in
              ((("match_target", "{job='shape'}"),), (("match_target", "{"),), (("metric", "shape_scraped"),), (("limit", "1"),), (("limit", "x"),), (("match_target", "{job='none'}"),))]
    return calls + [Call("/api/v1/targets/metadata", compare="shape"), Call("/api/v1/scrape_pools"), Call("/api/v1/targets", method="POST", compare="status"),
                    Call("/api/v1/metadata", method="POST", compare="status"), Call("/api/v1/targets", method="HEAD", compare="status")]


def rule_calls():
    params = ((), (("type", "alert"),), (("type", "record"),), (("type", "x"),), (("rule_name[]", "ShapeFiring"),), (("rule_name[]", "none"),), (("rule_group[]", "shape"),),
              (("rule_group[]", "none"),), (("file[]", "none"),), (("exclude_alerts", "true"),), (("exclude_alerts", "x"),), (("match[]", "{severity='P0'}"),),
              (("match[]", "{severity='none'}"),), (("match[]", "{"),), (("group_limit", "1"),), (("group_limit", "0"),), (("group_limit", "-1"),), (("group_limit", "x"),),
              (("group_next_token", "abc"),), (("group_limit", "1"), ("group_next_token", "abc")), (("type", "alert"), ("rule_name[]", "ShapePending")))
    return [Call("/api/v1/rules", p, compare="shape") for p in params] + [
        Call("/api/v1/alerts", compare="shape"), Call("/api/v1/alertmanagers", compare="shape"), Call("/api/v1/rules", method="POST", compare="status"),
        Call("/api/v1/alerts", method="HEAD", compare="status")]


def read_request(selectors, start, end, chunks=False):
    """selectors: [[(type, name, value), …], …]; 0 is =, 1 !=, 2 =~, 3 !~."""
    out = b""
    for matchers in selectors:
        query = integer(1, start * 1000) + integer(2, end * 1000)
        for kind, name, value in matchers:
            query += harness.field(3, (integer(1, kind) if kind else b"") + harness.field(2, name.encode()) + harness.field(3, value.encode()))
        out += harness.field(1, query)
    return harness.snappy(out + (integer(2, 1) if chunks else b""))


def read_calls(start, end):
    path = "/api/v1/read"
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Read-Version": "0.1.0"}
    gauge = [(0, "__name__", "shape_gauge")]
    calls = [Call(path, method="POST", compare="bytes", headers=headers, body=read_request(selectors, start, end), note=str(selectors)) for selectors in
             ([gauge], [gauge, [(0, "__name__", "shape_other")]], [[(0, "__name__", "nothing")]], [[(2, "__name__", "shape_(gauge|other)"), (1, "zone", "z1")]], [],
              [[(2, "a", "(")]], [[(7, "a", "b")]], [[(0, "__name__", "shape_gauge"), (0, "region", "shape")]])]
    return calls + [Call(path, method="POST", compare="status", headers=headers, body=read_request([gauge], start, end, True)),
                    Call(path, method="POST", headers=headers, body=b"not snappy", compare="status"), Call(path, method="POST", headers=headers, body=harness.snappy(b"\xff\xff"), compare="status"),
                    Call(path, method="POST", body=b"", compare="status"), Call(path, compare="status")]


def other_calls(start, end):
    gzip, deflate = {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "deflate"}
    long = (("query", "shape_gauge[30m]"), ("time", end))
    calls = [Call("/api/v1/query", long, headers=h) for h in (gzip, deflate, {"Accept-Encoding": "gzip;q=0"}, {"Accept-Encoding": "br"}, {"Accept-Encoding": "gzip, deflate"})]
    calls += [Call("/api/v1/query", long, "POST", headers=gzip), Call("/federate", (("match[]", "shape_gauge"),), compare="bytes", headers=gzip)]
    for selectors in (["shape_gauge"], ["{__name__=~'shape_(gauge|other)'}", "shape_gauge{zone='z1'}"], ["nothing"], ["{"], [], ["{}"], ["shape_special"], ["rate(a[1m])"]):
        calls.append(Call("/federate", tuple(("match[]", s) for s in selectors), compare="bytes"))
    calls += [Call("/federate", (("match[]", "shape_gauge"),), "POST", "status"), Call("/federate", (("match[]", "shape_gauge"),), "HEAD", "status")]
    calls += [Call(path, method=method, compare="status") for method, path in (
        ("GET", "/-/healthy"), ("HEAD", "/-/healthy"), ("POST", "/-/healthy"), ("GET", "/-/ready"), ("HEAD", "/-/ready"), ("POST", "/-/reload"), ("GET", "/-/reload"),
        ("PUT", "/-/quit"), ("GET", "/-/quit"), ("GET", "/metrics"), ("GET", "/version"), ("GET", "/api/v1"), ("GET", "/api/v1/"), ("GET", "/api/v1/nothing"),
        ("POST", "/api/v1/nothing"), ("GET", "/api/v2/query"), ("OPTIONS", "/api/v1/query"), ("OPTIONS", "/api/v1/nothing"), ("GET", "/nothing"), ("GET", "/api/v1/write"),
        ("GET", "/api/v1/notifications"))]
    calls += [Call("/version", compare="shape"), Call("/api/v1/write", method="POST", body=b"x", headers={"Content-Type": "application/json"}, compare="status"),
              Call("/api/v1/write", method="POST", body=b"x", headers={"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}, compare="status")]
    return calls


def admin_calls(start):
    """The same with the admin API off and on. Nothing that is deleted is looked at later."""
    path = "/api/v1/admin/tsdb/"
    doomed = (("match[]", "shape_doomed"),)
    return [Call(path + "delete_series", doomed, "POST"), Call(path + "delete_series", doomed, "PUT"), Call(path + "delete_series", (), "POST"),
            Call(path + "delete_series", (("match[]", "{"),), "POST"), Call(path + "delete_series", doomed + (("start", "x"),), "POST"),
            Call(path + "delete_series", doomed + (("start", start), ("end", start + 1)), "POST"), Call(path + "delete_series", doomed + (("end", "x"),), "PUT"),
            Call(path + "delete_series", doomed, "GET", "status"), Call(path + "clean_tombstones", (), "POST"), Call(path + "clean_tombstones", (), "PUT"),
            Call(path + "clean_tombstones", (), "GET", "status"), Call(path + "nothing", (), "POST", "status")]


def all_calls(start, end):
    return (query_calls(start, end) + range_calls(start, end) + label_calls(start, end) + language_calls() + exemplar_calls(start, end) + status_calls() +
            scrape_calls() + rule_calls() + read_calls(start, end) + other_calls(start, end) + admin_calls(start))
