#!/usr/bin/env bash
# test.sh: sets up a fresh Debian machine, builds Slowburn and tests it. Exit 0 only if every test passed.
#
#   ./test.sh                      one release build, all short tests
#   ./test.sh --all [--peers DIR]  then sanitizer builds, fuzzing, crash and soak runs, and comparisons with the
#                                  peers' binaries in DIR (prometheus, promtool, alertmanager, amtool, node exporter)
set -euo pipefail
cd "$(dirname "$0")"
source deploy/setup.sh

all= peers=
while [[ $# -gt 0 ]]; do
  case $1 in
    --all) all=1 ;;
    --peers) peers=$(realpath "$2"); shift ;;
    *) sed -n '2,6p' "$0" >&2; exit 2 ;;
  esac
  shift
done
[[ -z $peers ]] || export SLOWBURN_PEERS=$peers

setup_packages build test
setup_web
build release
# Results of the slow runs first, so that ctest's summary is the last thing printed.
status=0
if [[ -n $all ]]; then
  setup_packages all
  for sanitizer in asan-ubsan tsan; do
    build "$sanitizer"
    TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp halt_on_error=1 ignore_noninstrumented_modules=1" \
      ctest --test-dir "build/$sanitizer" --output-on-failure -j2 -LE 'e2e|peers|tidy' || status=1
  done
  build fuzz fuzzers
  printf '%s\0' build/fuzz/tests/*/fuzz_* | xargs -0 -P "$(nproc)" -I{} tests/fuzz/run {} || status=1
  [[ -n $peers ]] || say "No --peers DIR: comparisons with today's Prometheus and Alertmanager are skipped"
  export SLOWBURN_LONG=1  # of the release build alone: more operations, each byte, more kills
fi
say "Testing release"
ctest --test-dir build/release --output-on-failure -j2 || status=1
exit "$status"
