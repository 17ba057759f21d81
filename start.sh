#!/usr/bin/env bash
# Starts everything; Ctrl-C stops it. Settings: see docs/configuration.md.
set -euo pipefail

# A symbolic link may lead here, over other links. `readlink -f` is missing on older macOS.
script=${BASH_SOURCE[0]}
if [[ $script != */* ]]; then script=./$script; fi
while [[ -L $script ]]; do
  target=$(readlink "$script")
  if [[ $target != /* ]]; then target=${script%/*}/$target; fi
  script=$target
done
CDPATH='' cd -- "${script%/*}"

usage() {
  cat <<'END'
Usage: ./start.sh [--help | --version]

Starts Redis, NATS, the booking processes, the WebSocket edges and nginx, and prints the address of the page.
Ctrl-C stops everything. The data is kept in .data for the next run.

Settings are environment variables, e.g. HTTP_PORT=8000 ./start.sh
  HTTP_PORT, HTTP_HOST             where browsers connect (80, or 8000 without the right to use 80; 127.0.0.1)
  TLS_CERT, TLS_KEY, HTTPS_PORT    files for HTTPS, and its port (443, or 8443); TLS_CERT=self-made to try it
  BOOKING_PORTS, EDGE_PORTS        comma lists, one process on each port (8080; 3000,3001)
  REDIS_URL, NATS_URL, DATABASE_URL  your own servers, in place of those that start.sh starts
  SHOWS_DIR, PAYMENT_PROVIDER      the folder of show files (shows); off, sandbox or stripe
  SERVERS                          auto, docker, machine or embedded (auto)
  DATA_DIR                         the folder of data and logs (.data)
  HOLD_SECONDS                     the length of a hold (30)
  VENUE, VENUE_ROWS, VENUE_COLS    the venue (main, 10, 10)
  LOG_LEVEL                        trace, debug, info, warn, error, fatal or silent (info)
All settings: docs/configuration.md.
END
}

for argument in "$@"; do
  case $argument in
    -h | --help)
      usage
      exit
      ;;
    --version)
      sed -n 's/^  "version": "\(.*\)",$/concert-booking \1/p' package.json
      exit
      ;;
    [A-Z]*=*)
      echo "start.sh: \"$argument\" is not an argument. Settings are environment variables: $argument ./start.sh" >&2
      exit 2
      ;;
    *)
      echo "start.sh: unknown argument \"$argument\". Usage: ./start.sh [--help | --version]" >&2
      exit 2
      ;;
  esac
done

# Node loads no module from a path with \, and PATH, which npm extends, is separated by colons.
if [[ $PWD == *[:\\]* ]]; then
  echo "The path of this folder has a character that Node or npm cannot use (\":\" or \"\\\"): $PWD. Rename or move the folder." >&2
  exit 1
fi

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

# Runs in its own process group, which a signal ends as a whole: otherwise the shell would end, or wait, and leave npm running.
run() {
  local child status=0 signal=''
  set -m
  "$@" </dev/null &
  child=$!
  set +m
  for each in INT TERM HUP; do trap "signal=$each; kill -TERM -- -$child 2>/dev/null || true" "$each"; done
  wait "$child" || status=$?
  if [[ -n $signal ]]; then
    # After the first signal npm rolls back for up to a minute. The next start installs everything again.
    for ((i = 0; i < 20; i++)); do
      if ! kill -0 -- -"$child" 2>/dev/null; then break; fi
      sleep 0.1
    done
    kill -KILL -- -"$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
    echo "Stopped." >&2
    exit 130
  fi
  trap - INT TERM HUP
  return "$status"
}

# npm writes this file last: it is older than the lockfile if that has changed, or if an installation was interrupted.
if [[ ! -e node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
  echo "Installing the npm packages …"
  # Three packages require Node 22 (@nats-io/nuid, content-disposition, cookie 2) and pass all tests on 20.19.
  # Includes the build dependencies, even if NODE_ENV is production.
  run npm ci --include=dev --loglevel=error --engine-strict=false
fi

built=(dist/booking/server.js dist/edge/server.js dist/embedded/server.js dist/launch/main.js dist/inspect-page/live.js public/{app,show,shows,order}.js public/show.js.gz)
needs_build() {
  local output source newer=()
  for source in public/*.{html,css,svg}; do
    if [[ ! -e $source.gz || $source -nt $source.gz ]]; then return 0; fi
  done
  for output in "${built[@]}"; do
    if [[ ! -e $output ]]; then return 0; fi
    newer+=(-o -newer "$output")
  done
  [[ -n "$(find src machines package.json \( "${newer[@]:1}" \) -print -quit)" ]]
}
if needs_build; then run npm run --silent build; fi

# Node resets ignored signals at its start. Only a shell can still find out that nohup set SIGHUP to be ignored.
launch_options=()
if { sh -c 'kill -HUP $$'; } 2>/dev/null; then launch_options=(--ignore-hangup); fi

# In place of this shell: signals reach the launcher itself.
exec node --enable-source-maps dist/launch/main.js ${launch_options[@]+"${launch_options[@]}"}
