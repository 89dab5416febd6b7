#!/usr/bin/env python3
"""tidy.py --root DIR [--only RULE] [--folder NAME]: the rules of the house that a compiler does not check.

Each rule is a function that yields (path, line, message); every message says what to do instead. `tidy_test.py` shows
each rule failing on a small bad tree. The folder graph is read from CMakeLists.txt, so it is written down only once.
"""
import argparse
import json
import os
import re
import sys

FOLDERS = ["base", "proto", "tsdb", "ingest", "query", "rules", "slo", "notify", "api", "app"]
SOURCE = (".h", ".cc")

# One door per outside thing: (include pattern, files that may have it).
DOORS = [
    (r"rocksdb/", r"^tsdb/(rocks_|wal)[a-z_]*\.(h|cc)$|^tests/tsdb/|^bench/"),
    (r"boost/(asio|beast)", r"^api/http_server[a-z_]*\.(h|cc)$|^tests/"),
    (r"boost/json", r"^base/json\.cc$"),
    (r"(grpcpp|grpc)/|\.grpc\.pb\.h", r"^api/grpc_[a-z_]*\.(h|cc)$|^tests/"),
    (r"\.pb\.h", r"^api/grpc_[a-z_]*\.(h|cc)$|^tests/|^bench/"),
    (r"curl/", r"^base/curl_http_client\.cc$"),
    (r"snappy", r"^ingest/compression\.cc$|^tsdb/prometheus/record_compression\.cc$|^tests/|^bench/"),
    (r"zstd\.h", r"^ingest/compression\.cc$|^tsdb/|^tests/|^bench/"),
    (r"yaml\.h>", r"^base/yaml[a-z_]*\.cc$"),
    (r"CLI/", r"^app/|^tests/app/flags_cli_test\.cc$"),
]

# (pattern, what to use instead, files that are exempt).
BANNED = [
    (r"\bstd::(shared_|recursive_)?mutex\b|\babsl::Mutex\b|\bstd::condition_variable\b", "base/mutex.h", r"^base/mutex\.h$"),
    (r"\bthrow\b(?! \()", "absl::Status", None),
    (r"\bstd::c(out|err)\b", "base/log.h, or a FILE* that is passed in", None),
    (r"\b(rand|srand)\(", "tests/testing/random.h, or <random>", None),
    (r"\bsleep_for\b|\busleep\(|\bsleep\(", "a Clock and an Executor", r"^tests/(e2e|api|base|tsdb)/|^tests/ingest/node_exporter_test\.cc$|^app/"),
    (r"system_clock::now|\btime\(nullptr\)|gettimeofday", "base::Clock", r"^base/(clock\.cc|mutex\.h)$"),
    (r"\busing namespace\b", "qualified names or single using-declarations", r"^tests/|^bench/"),
    (r"^#pragma once", "include guards", None),
    (r"\b(TODO|FIXME|XXX)\b", "an issue, or the work itself", None),
    (r"\bassert\(", "CHECK or DCHECK of base/check.h", r"static_assert"),
    (r"#include <(iostream|regex)>", "base/log.h, base/regex.h", None),
]


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def sources(root):
    for top in FOLDERS + ["tests", "bench"]:
        for folder, dirs, names in os.walk(os.path.join(root, top)):
            dirs[:] = [d for d in dirs if d not in ("node_modules", "dist", "__pycache__")]
            for name in sorted(names):
                if name.endswith(SOURCE):
                    yield os.path.relpath(os.path.join(folder, name), root)


def allowed(root):
    table = {}
    for name, uses in re.findall(r'^set\(ALLOW_(\w+)\s+"?([^)"]*)"?\)', read(os.path.join(root, "CMakeLists.txt")), re.M):
        table[name] = set(uses.split())
    return table


def code_lines(text):
    """Lines with strings and comments blanked, so that words in them do not count."""
    text = re.sub(r'R"([A-Za-z]*)\((.*?)\)\1"', lambda m: '""' + "\n" * m.group(0).count("\n"), text, flags=re.S)
    text = re.sub(r'"(\\.|[^"\\\n])*"', '""', text)
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    return text.split("\n")


def rule_includes(root):
    """A folder includes only what stands in its line of the ALLOW table, and only public headers of it."""
    table = allowed(root)
    public = {}
    for folder in FOLDERS:
        cmake = os.path.join(root, folder, "CMakeLists.txt")
        if os.path.exists(cmake):
            match = re.search(r"\bPUBLIC\b(.*?)\b(SRCS|USES|LIBS)\b", read(cmake), re.S)
            public[folder] = set(match.group(1).split()) if match else set()
    for path in sources(root):
        top = path.split("/")[0]
        for number, line in enumerate(read(os.path.join(root, path)).split("\n"), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            header = match.group(1)
            target = header.split("/")[0]
            if ".." in header.split("/") or "/" not in header and not header.endswith((".pb.h",)):
                yield path, number, f'"{header}": write the path from the top of the tree'
            elif top in FOLDERS and target in ("tests", "bench"):
                yield path, number, f'"{header}": nothing uses {target}'
            elif top in FOLDERS and target in FOLDERS and target != top:
                if target not in table.get(top, set()):
                    yield path, number, f'"{header}": {top} may not use {target} (ALLOW table in CMakeLists.txt)'
                elif target != "proto" and header.split("/", 1)[1] not in public.get(target, set()):
                    yield path, number, f'"{header}" is private: list it as PUBLIC in {target}/CMakeLists.txt or do without it'


def rule_doors(root):
    """Outside libraries are included from a few named files."""
    for path in sources(root):
        for number, line in enumerate(read(os.path.join(root, path)).split("\n"), 1):
            match = re.match(r'\s*#\s*include\s+([<"][^>"]+[>"])', line)
            if not match:
                continue
            for pattern, files in DOORS:
                if re.search(r'[<"/]' + pattern if not pattern.startswith("\\.") else pattern, match.group(1)) and not re.search(files, path):
                    yield path, number, f"{match.group(1)}: only {files} may include this; go through its door"


def rule_banned(root):
    """Calls with a better replacement."""
    for path in sources(root):
        for number, line in enumerate(code_lines(read(os.path.join(root, path))), 1):
            for pattern, instead, exempt in BANNED:
                if re.search(pattern, line) and not (exempt and (re.search(exempt, path) or re.search(exempt, line))):
                    yield path, number, f"{re.search(pattern, line).group(0)!r}: use {instead}"


def rule_comments(root):
    """A line with a comment has at most 100 columns: clang-format leaves comments as they were laid out by hand."""
    for path in sources(root):
        text = read(os.path.join(root, path))
        text = re.sub(r'R"([A-Za-z]*)\((.*?)\)\1"', lambda m: re.sub(r"[^\n]", "_", m.group(0)), text, flags=re.S)
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > 100 and "//" in re.sub(r'"(\\.|[^"\\])*"', "", line):
                yield path, number, f"{len(line)} columns: break the comment by hand, or put it on the line above"


def rule_headers(root):
    """A header has a guard named after its path, and begins by saying what it is."""
    for path in sources(root):
        if not path.endswith(".h"):
            continue
        text = read(os.path.join(root, path))
        guard = "SLOWBURN_" + re.sub(r"[/.]", "_", path).upper() + "_"
        if f"#ifndef {guard}\n#define {guard}" not in text:
            yield path, 1, f"the include guard is {guard}"
        if not text.startswith("//"):
            yield path, 1, "begin with a comment that says what this is, and its threads, lifetimes and errors"


def rule_tests(root):
    """Each *_test.cc is built, and no test is switched off."""
    for path in sources(root):
        if not path.startswith("tests/"):
            continue
        text = read(os.path.join(root, path))
        for number, line in enumerate(code_lines(text), 1):
            if "DISABLED_" in line and "(CrashChild," not in line:  # a child that the crash test runs and kills
                yield path, number, "a disabled test: mend it or delete it"
        if path.endswith("_test.cc"):
            folder, name = os.path.split(path)
            cmake = os.path.join(root, folder, "CMakeLists.txt")
            while not os.path.exists(cmake) and folder != "tests":
                folder, name = os.path.dirname(folder), os.path.join(os.path.basename(folder), name)
                cmake = os.path.join(root, folder, "CMakeLists.txt")
            if name not in read(cmake):
                yield path, 1, f"not built: name it in {os.path.relpath(cmake, root)}"


def rule_documents(root):
    """Paths that documents name in backquotes exist."""
    tops = "|".join(FOLDERS + ["tests", "bench", "web", "docs", "deploy", "examples", "cmake"])
    documents = [name for name in os.listdir(root) if name.endswith(".md")]
    for folder in ["docs", "tsdb", "bench", "web", "examples"]:
        for top, dirs, names in os.walk(os.path.join(root, folder)):
            dirs[:] = [d for d in dirs if d != "node_modules"]
            documents += [os.path.relpath(os.path.join(top, name), root) for name in names if name.endswith(".md")]
    for document in sorted(documents):
        for number, line in enumerate(read(os.path.join(root, document)).split("\n"), 1):
            for path in re.findall(rf"`((?:{tops})/[\w./-]*)`", line):
                if not os.path.exists(os.path.join(root, path)):
                    yield document, number, f"`{path}` does not exist"


def rule_lock(root):
    """The page's lock file lists every package that its packages ask for, those of other platforms too.

    npm 9 writes and accepts a lock that the platform at hand pruned; later ones refuse it, and with it a clean set-up.
    """
    path = os.path.join("web", "package-lock.json")
    if not os.path.exists(os.path.join(root, path)):
        return
    packages = json.loads(read(os.path.join(root, path)))["packages"]
    for name, package in sorted(packages.items()):
        for wanted in {**package.get("dependencies", {}), **package.get("optionalDependencies", {})}:
            parts = name.split("/node_modules/") if name else []
            places = ["/node_modules/".join(parts[:n] + [wanted]) for n in range(1, len(parts) + 1)]
            if not any(place in packages for place in places + [f"node_modules/{wanted}"]):
                yield path, 1, f"{name or 'the page'} wants {wanted}, which is not listed: make the lock anew without node_modules"


RULES = {name[5:]: rule for name, rule in list(globals().items()) if name.startswith("rule_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True)
    parser.add_argument("--only", choices=sorted(RULES))
    parser.add_argument("--folder", help="report only what lies in this folder")
    options = parser.parse_args()
    found = 0
    for name, rule in sorted(RULES.items()):
        if options.only in (None, name):
            for path, line, message in rule(options.root):
                if options.folder and not path.startswith(options.folder + "/"):
                    continue
                print(f"{path}:{line}: [{name}] {message}")
                found += 1
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
