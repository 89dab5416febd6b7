#!/usr/bin/env bash
# run.sh: sets up a fresh Debian machine, builds Slowburn and runs it.
#
#   ./run.sh                 the demo: a small simulated shop, its budgets, its alerts; prints the URLs
#   ./run.sh -- FLAGS…       slowburn serve FLAGS…
#   ./run.sh --build         builds build/release/slowburn and stops
set -euo pipefail
cd "$(dirname "$0")"
source deploy/setup.sh

mode=demo
case ${1:-} in
  "") ;;
  --) mode=serve; shift ;;
  --build) mode=build; shift ;;
  *) sed -n '2,6p' "$0" >&2; exit 2 ;;
esac

setup_packages build
setup_web
build release slowburn
case $mode in
  build) echo "build/release/slowburn" ;;
  serve) exec build/release/slowburn serve "$@" ;;
  demo) exec build/release/slowburn demo ;;
esac
