"""bench/side_by_side on a small scale: the command that makes the tables runs, and ours keeps what it acknowledged."""
import json
import os
import subprocess
import sys
import unittest

import harness

COMMAND = os.path.join(harness.ROOT, "bench/side_by_side")
LOAD = os.environ.get("SLOWBURN_LOAD", os.path.join(harness.ROOT, "build/release/bench/load"))


def side_by_side(*flags):
    run = subprocess.run([sys.executable, COMMAND, *flags], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


class SideBySide(unittest.TestCase):
    def test_measures_and_updates(self):
        folder = harness.temp_dir()
        figures = os.path.join(folder, "figures.json")
        page = harness.write_file(folder, "README.md", "before\n<!-- side_by_side begin -->\nold\n<!-- side_by_side end -->\nafter\n")
        printed = side_by_side("--systems", "slowburn", "--sets", "100k,churn100", "--scale", "0.005", "--settle", "5", "--binary",
                               harness.BINARY, "--load", LOAD, "--work", folder, "--json", figures)
        with open(figures, encoding="utf-8") as file:
            sets = json.load(file)["sets"]
        self.assertEqual(["100k", "churn100"], list(sets))
        for entry in sets.values():
            data, ours = entry["data"], entry["systems"]["slowburn"]
            self.assertEqual(ours["send"]["accepted_samples"], data["samples"] + data["stale_markers"])
            self.assertEqual([data["samples"]] * 2, [ours["readable"], ours["readable_after_kill"]])
            self.assertEqual(data["recent"], ours["recent"])
            self.assertIsNotNone(ours["restart_seconds"])
            self.assertIsNotNone(ours["visible_seconds"])
            self.assertEqual(0, ours["lost_at_once"])
            self.assertGreater(ours["cpu"], 0)
            self.assertGreater(sum(ours["disk"]["folders"].values()), data["samples"])
        self.assertGreater(sets["churn100"]["data"]["stale_markers"], 0)

        self.assertEqual(printed, side_by_side("--render", figures, "--update", page))
        with open(page, encoding="utf-8") as file:
            text = file.read()
        self.assertIn("| 100k | all |", text)
        self.assertTrue(text.startswith("before\n") and text.endswith("\nafter\n"))
        self.assertNotIn("old", text)


if __name__ == "__main__":
    unittest.main()
