#!/usr/bin/env bash
# Starts everything; Ctrl-C stops it. Settings: see "Configuration" in README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if ! command -v node >/dev/null; then
  echo "Node.js is not installed (or not on PATH). Version 20.19 or newer is needed: https://nodejs.org/en/download" >&2
  exit 1
fi
version=$(node --version)
IFS=. read -r major minor _ <<<"${version#v}"
if ((major < 20 || (major == 20 && minor < 19))); then
  echo "Node.js $version is too old: version 20.19 or newer is needed (https://nodejs.org/en/download)." >&2
  exit 1
fi

# npm writes this file last: it is older than the lockfile when that has changed, or an installation broke off.
if [[ ! -e node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
  echo "Installing the npm packages …"
  npm ci --loglevel=error
fi

built=(dist/booking/server.js dist/edge/server.js dist/embedded/server.js dist/launch/main.js dist/inspect-page/live.js public/app.js)
needs_build() {
  local output newer=()
  for output in "${built[@]}"; do
    if [[ ! -e $output ]]; then return 0; fi
    newer+=(-o -newer "$output")
  done
  [[ -n "$(find src machines package.json \( "${newer[@]:1}" \) -print -quit)" ]]
}
if needs_build; then npm run --silent build; fi

# In place of this shell: signals reach the launcher itself.
exec node --enable-source-maps dist/launch/main.js "$@"
