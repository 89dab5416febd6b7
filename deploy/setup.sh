# Sourced by run.sh and test.sh: installs what is missing from packages.txt, and the web page's npm packages.
# Asks for nothing; does nothing, quickly, when everything is there.

say() { printf '\033[1m%s\033[0m\n' "$*"; }

# setup_packages GROUP…: installs the packages of these groups that dpkg does not know yet.
setup_packages() {
  local group package missing=() groups=" $* "
  while read -r group package; do
    [[ -z $group || $group == \#* || $groups != *" $group "* ]] && continue
    [[ $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) == "install ok installed" ]] || missing+=("$package")
  done <deploy/packages.txt
  [[ ${#missing[@]} == 0 ]] && return 0
  local as_root=()
  if [[ $(id -u) != 0 ]]; then
    command -v sudo >/dev/null || {
      echo "These packages are missing and there is neither root nor sudo. As root, run:" >&2
      echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
      return 1
    }
    as_root=(sudo)
  fi
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  # Services that packages bring stay off while they are installed, and are not enabled for the next boot.
  local policy=/usr/sbin/policy-rc.d made_policy=
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod +x "$policy"
    made_policy=1
  fi
  local status=0
  "${as_root[@]}" apt-get -qq update || status=$?
  if [[ $status == 0 ]]; then
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends \
      "${missing[@]}" >/dev/null || status=$?
  fi
  [[ -z $made_policy ]] || "${as_root[@]}" rm -f "$policy"
  if command -v systemctl >/dev/null; then
    for package in "${missing[@]}"; do
      case $package in prometheus*) "${as_root[@]}" systemctl disable "$package" >/dev/null 2>&1 || true ;; esac
    done
  fi
  [[ $status == 0 ]] || echo "apt-get failed (exit $status); see above" >&2
  return "$status"
}

# setup_web: npm, then the page's packages from web/package-lock.json when they changed.
setup_web() {
  command -v npm >/dev/null || setup_packages npm || return 1
  local stamp=web/node_modules/.installed
  if [[ ! -e $stamp ]] || ! cmp -s web/package-lock.json "$stamp"; then
    say "Installing the web page's npm packages"
    (cd web && npm ci --no-audit --no-fund --loglevel=error) && cp web/package-lock.json "$stamp"
  fi
}

# build PRESET [TARGET…]: configures once, then builds.
build() {
  local preset=$1
  shift
  if [[ ! -e build/$preset/build.ninja ]]; then
    cmake --preset "$preset" >"build-$preset.log" 2>&1 || { cat "build-$preset.log" >&2; rm -f "build-$preset.log"; return 1; }
    rm -f "build-$preset.log"
  fi
  say "Building $preset"
  cmake --build "build/$preset" ${1:+--target "$@"}
}
