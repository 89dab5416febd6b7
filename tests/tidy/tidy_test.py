#!/usr/bin/env python3
"""Each rule of tidy.py fails on a small bad tree and passes on its mended twin."""
import os
import subprocess
import sys
import tempfile
import unittest

TIDY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tidy.py")
ALLOW = 'set(ALLOW_base   "")\nset(ALLOW_tsdb   base)\nset(ALLOW_query  base tsdb)\n'


def run(rule, files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {"CMakeLists.txt": ALLOW, **files}.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        return subprocess.run([sys.executable, TIDY, "--root", root, "--only", rule], capture_output=True, text=True)


class TidyTest(unittest.TestCase):
    def check(self, rule, bad, good, message):
        result = run(rule, bad)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn(message, result.stdout)
        result = run(rule, good)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_upward_include(self):
        tsdb = {"tsdb/CMakeLists.txt": "slowburn_module(tsdb PUBLIC db.h SRCS db.cc)"}
        query = {"query/CMakeLists.txt": "slowburn_module(query PUBLIC engine.h SRCS e.cc)"}
        self.check("includes", {**tsdb, **query, "tsdb/db.cc": '#include "query/engine.h"\n'},
                   {**tsdb, **query, "query/e.cc": '#include "tsdb/db.h"\n'}, "tsdb may not use query")

    def test_pruned_lock(self):
        lock = '{"packages": {"": {"dependencies": {"a": "1"}}, "node_modules/a": {"optionalDependencies": {"b": "1"}}%s}}'
        self.check("lock", {"web/package-lock.json": lock % ""},
                   {"web/package-lock.json": lock % ', "node_modules/a/node_modules/b": {}'}, "node_modules/a wants b")

    def test_private_header(self):
        tsdb = {"tsdb/CMakeLists.txt": "slowburn_module(tsdb PUBLIC db.h SRCS db.cc)"}
        self.check("includes", {**tsdb, "query/e.cc": '#include "tsdb/head.h"\n'},
                   {**tsdb, "tsdb/db.cc": '#include "tsdb/head.h"\n'}, "is private")

    def test_relative_include(self):
        self.check("includes", {"tsdb/a.cc": '#include "../base/log.h"\n'}, {"tsdb/a.cc": "#include <string>\n"},
                   "from the top of the tree")

    def test_product_does_not_use_tests(self):
        self.check("includes", {"tsdb/a.cc": '#include "tests/testing/random.h"\n'},
                   {"tests/a.cc": '#include "tests/testing/random.h"\n'}, "nothing uses tests")

    def test_door(self):
        self.check("doors", {"query/a.cc": "#include <rocksdb/db.h>\n"}, {"tsdb/rocks_log.cc": "#include <rocksdb/db.h>\n"},
                   "go through its door")

    def test_banned_call(self):
        self.check("banned", {"tsdb/a.h": "std::mutex mu;\n"}, {"tsdb/a.h": '// std::mutex in words\nauto s = "std::mutex";\n'},
                   "base/mutex.h")

    def test_long_comment(self):
        words = "a table of which one row is a line " * 3
        raw = 'auto s = R"(https://%s)";\n' % ("x" * 100)
        self.check("comments", {"tsdb/a.h": f"// {words}\n"}, {"tsdb/a.h": f"// {words[:60]}\n// {words[60:]}\n{raw}"},
                   "break the comment by hand")
        self.check("comments", {"tsdb/a.h": f"int a = 0;  // {words}\n"}, {"tsdb/a.h": f'auto s = "http://{words}";\n'},
                   "the line above")

    def test_header(self):
        self.check("headers", {"tsdb/a.h": "#ifndef A_H\n#define A_H\n#endif\n"},
                   {"tsdb/a.h": "// What it is.\n#ifndef SLOWBURN_TSDB_A_H_\n#define SLOWBURN_TSDB_A_H_\n#endif\n"}, "include guard")

    def test_unregistered_test(self):
        source = {"tests/tsdb/a_test.cc": "TEST(A, B) {}\n"}
        self.check("tests", {**source, "tests/tsdb/CMakeLists.txt": "\n"}, {**source, "tests/tsdb/CMakeLists.txt": "a_test.cc\n"},
                   "not built")

    def test_disabled_test(self):
        cmake = {"tests/tsdb/CMakeLists.txt": "a_test.cc\n"}
        self.check("tests", {**cmake, "tests/tsdb/a_test.cc": "TEST(A, DISABLED_B) {}\n"},
                   {**cmake, "tests/tsdb/a_test.cc": "TEST(A, B) {}\n"}, "disabled test")

    def test_document_path(self):
        self.check("documents", {"README.md": "see `tsdb/nowhere.h`\n"}, {"README.md": "see `tsdb/a.h`\n", "tsdb/a.h": ""},
                   "does not exist")


if __name__ == "__main__":
    unittest.main()
