"""The tables of bench/side_by_side, in Markdown."""

BEGIN, END = "<!-- side_by_side begin -->", "<!-- side_by_side end -->"
ORDER = [("slowburn", "Slowburn"), ("victoriametrics", "VictoriaMetrics"), ("prometheus", "Prometheus")]


def thousands(number):
    return f"{number / 1e6:.2f} M" if number >= 1e6 else f"{number / 1e3:.0f} k" if number >= 1e3 else f"{number:.0f}"


def megabytes(number):
    return f"{number / 1e6:,.0f} MB"


def seconds(number):
    return "none" if number is None else f"{number:.2f} s"


def rate(result, data):
    return data["samples"] / max(result["cpu"], 0.01)


def line(name, result, data):
    refused = {status: count for status, count in result["send"]["statuses"].items() if status[0] != "2"}
    return (f"{name}: {thousands(rate(result, data))} samples a CPU-second, peak {megabytes(result['peak_rss'])}, "
            f"{result['rss'] / data['series']:.0f} B a series, {all_files(result, data):.2f} B a sample on disk, right after "
            f"{seconds(result['restart_seconds'])}, readable {result['readable']} and then {result['readable_after_kill']} "
            f"of {data['samples']}" + (f"; REFUSED {refused} {result['send']['first_refusal']}" if refused else ""))


class Table:
    def __init__(self, title, results, note=""):
        self.title, self.results, self.note, self.rows = title, results, note, []
        present = {key for entry in results["sets"].values() for key in entry["systems"]}
        self.systems = [(key, name) for key, name in ORDER if key in present]

    def add(self, cell, number=None):
        """A row for each data set: cell(result, data) for each system, and ours as a multiple of each peer's number."""
        head = ["data set"] + [name for _, name in self.systems]
        peers = [key for key, _ in self.systems if key != "slowburn"] if number else []
        head += ["ours ÷ " + dict(ORDER)[key] for key in peers]
        self.rows = [head, ["---"] + ["---:"] * (len(head) - 1)]
        for name, entry in self.results["sets"].items():
            data, found = entry["data"], entry["systems"]
            row = [name] + [cell(found[key], data) if key in found else "" for key, _ in self.systems]
            for key in peers:
                ours = number(found["slowburn"], data) if "slowburn" in found else None
                other = number(found[key], data) if key in found else None
                row.append(f"{ours / other:.2f}" if ours and other else "")
            self.rows.append(row)
        return self

    def text(self):
        lines = ["| " + " | ".join(row) + " |" for row in self.rows]
        return f"**{self.title}**" + (f" {self.note}" if self.note else "") + "\n\n" + "\n".join(lines) + "\n"


def disk_cell(result, data):
    disk = result["disk"]
    parts = [f"{disk[kind] / data['samples']:.2f}" for kind in ("data", "index", "log")]
    blocks = result.get("blocks_bytes")
    return f"**{all_files(result, data):.2f}** ({' + '.join(parts)})" + (f"; blocks {blocks / data['samples']:.2f}" if blocks else "")


def disk_number(result, data):
    """What stays: blocks where the system made them, else all files."""
    blocks = result.get("blocks_bytes")
    return blocks / data["samples"] if blocks else all_files(result, data)


def whole(result, data):
    """Whether everything acknowledged can be read, before and after the crash."""
    accepted = result["send"]["accepted_samples"] - data["stale_markers"]
    found = [result["readable"] - accepted, result["readable_after_kill"] - accepted]
    refused = sum(count for status, count in result["send"]["statuses"].items() if status[0] == "4")
    notes = []
    if found[0]:
        notes.append(f"{found[0]:+d}")
    if found[1] != found[0]:
        notes.append(f"{found[1]:+d} after the crash")
    if refused:
        notes.append(f"{refused} requests refused")
    return ", ".join(notes) or "all"


def all_files(result, data):
    return sum(result["disk"][kind] for kind in ("data", "index", "log")) / data["samples"]


def targets(results):
    """What the project wants to reach, and what was measured; lines for which the figures are there."""
    def ratio(name, peer, number):
        entry = results["sets"].get(name)
        if not entry or not {"slowburn", peer} <= set(entry["systems"]):
            return None
        return number(entry["systems"]["slowburn"], entry["data"]) / number(entry["systems"][peer], entry["data"])

    def ours(name, number):
        entry = results["sets"].get(name)
        return number(entry["systems"]["slowburn"], entry["data"]) if entry and "slowburn" in entry["systems"] else None

    wanted = [
        ("samples a CPU-second, 100k, against VictoriaMetrics", "≥ 4", ratio("100k", "victoriametrics", rate), 4, 1),
        ("samples a CPU-second, 100k, against Prometheus", "≥ 10", ratio("100k", "prometheus", rate), 10, 1),
        ("memory after the load, 1m, bytes a series", "≤ 450", ours("1m", lambda r, d: r["rss"] / d["series"]), 450, -1),
        ("bytes of blocks on disk, node, against VictoriaMetrics", "≤ 0.9", ratio("node", "victoriametrics", disk_number), 0.9, -1),
        ("bytes of blocks on disk, node-jitter5, against VictoriaMetrics", "≤ 0.6", ratio("node-jitter5", "victoriametrics", disk_number),
         0.6, -1),
        ("bytes of blocks on disk, node-jitter200, against VictoriaMetrics", "≤ 0.6",
         ratio("node-jitter200", "victoriametrics", disk_number), 0.6, -1),
        ("SIGKILL to the first right answer, 1m, seconds", "≤ 1.5", ours("1m", lambda r, d: r["restart_seconds"]), 1.5, -1),
        ("2xx to visible, 1m, seconds", "at once", ours("1m", lambda r, d: r.get("visible_seconds")), 0.1, -1),
    ]
    lines = [f"| {what} | {goal} | {found:.2f} | {'met' if (found - limit) * sign >= 0 else '**missed**'} |"
             for what, goal, found, limit, sign in wanted if found is not None]
    return "**Targets:**\n\n| | target | measured | |\n|---|---:|---:|---|\n" + "\n".join(lines) + "\n" if lines else ""


def tables(results):
    out = []
    entries = [entry["systems"] for entry in results["sets"].values()]
    versions = {key: entry[key]["version"] for entry in entries for key in entry}
    out.append("Versions: " + " · ".join(f"{name}: `{versions[key]}`" for key, name in ORDER if key in versions) + "\n")
    load = results["loadavg"]
    out.append(f"{results['date']}, {results['cores']} cores, load average while it ran {min(load):.1f} to {max(load):.1f}; "
               f"runs: {results['runs']}\n")
    out.append(targets(results))
    head = "| data set | series | samples | wire B a sample | decoded B a sample | scale |\n|---|---:|---:|---:|---:|---:|\n"
    out.append(head + "\n".join(
        f"| {name} | {entry['data']['series']:,} | {entry['data']['samples']:,} | "
        f"{entry['data']['wire_bytes'] / entry['data']['samples']:.1f} | "
        f"{entry['data']['raw_bytes'] / entry['data']['samples']:.0f} | {entry['data'].get('scale', 1):g} |" for name, entry in results["sets"].items()) + "\n")
    out.append(Table("Samples per CPU-second of the server,", results, "background work after the load included.").add(
        lambda r, d: thousands(rate(r, d)) + ("" if r["settled"] else " (still busy)"), rate).text())
    out.append(Table("Memory after the load, bytes a series:", results, "all (anonymous + files).").add(
        lambda r, d: f"**{r['rss'] / d['series']:,.0f}** ({r['anon'] / d['series']:,.0f} + {r['file'] / d['series']:,.0f})",
        lambda r, d: r["rss"] / d["series"]).text())
    out.append(Table("Peak memory while loading:", results).add(
        lambda r, d: megabytes(r["peak_rss"]), lambda r, d: r["peak_rss"]).text())
    out.append(Table("Disk, bytes a sample:", results, "all files (data + index + log); ratios take what stays: blocks where "
                     "given, else all files.").add(disk_cell, disk_number).text())
    out.append(Table("SIGKILL to the first right answer", results,
                     "of `count(last_over_time({__name__=~\"…\"}[1h]))`; peak memory from then on.").add(
        lambda r, d: f"{seconds(r['restart_seconds'])} ({megabytes(r['restart_peak_rss'])})",
        lambda r, d: r["restart_seconds"]).text())
    out.append(Table("Written to files, bytes a sample", results,
                     "(÷ received bytes), after the load and before any flush that was asked for.").add(
        lambda r, d: f"{r['written'] / d['samples']:.2f} ({r['written'] / d['wire_bytes']:.2f})",
        lambda r, d: r["written"]).text())
    out.append(Table("From 2xx to visible:", results, "a sample of a new series, asked for without a pause.").add(
        lambda r, d: seconds(r["visible_seconds"]) if "visible_seconds" in r else "").text())
    out.append(Table("Killed the moment that it acknowledged 2,000 samples:", results, "how many are gone.").add(
        lambda r, d: f"{r['lost_at_once']:.0f}" if "lost_at_once" in r else "").text())
    out.append(Table("Acknowledged samples that can be read,", results, "before and after the crash.").add(whole).text())
    return "\n".join(out)


def update(path, text):
    with open(path, encoding="utf-8") as file:
        old = file.read()
    before, rest = old.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{text}\n{END}{after}")
