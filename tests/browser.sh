#!/bin/sh
# Makes ready what the tests in a real browser need: Debian's chromium and node by apt (root), axe-core and
# playwright-core by npm. Safe to run again: it does only what is missing. AXE_HOME overrides where the packages go.
# What cannot be had is said, and the tests that need it are skipped by name.
set -eu

AXE_HOME=${AXE_HOME:-/var/tmp/posture-axe}
# of playwright-core the newest that was seen to run on Debian 12's node 18
PACKAGES="axe-core@4.14.1 playwright-core@1.57.0"

say() { printf 'browser: %s\n' "$*"; }

missing=
for pair in node:nodejs npm:npm chromium:chromium; do
    if ! command -v "${pair%%:*}" >/dev/null 2>&1; then missing="$missing ${pair##*:}"; fi
done
if [ -n "$missing" ]; then
    if [ "$(id -u)" -ne 0 ]; then
        say "not here:$missing; install them, or run this as root"
        exit 1
    fi
    say "installing by apt:$missing (once)"
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
fi
# What lies there is run, so it must be nobody else's.
if [ -e "$AXE_HOME" ] && [ ! -O "$AXE_HOME" ]; then
    say "$AXE_HOME belongs to somebody else; set AXE_HOME to a directory of your own"
    exit 1
fi
if [ "$(cat "$AXE_HOME/.posture" 2>/dev/null)" != "$PACKAGES" ]; then
    say "installing $PACKAGES into $AXE_HOME"
    # shellcheck disable=SC2086
    npm install --silent --no-audit --no-fund --prefix "$AXE_HOME" --no-save $PACKAGES
    printf '%s\n' "$PACKAGES" >"$AXE_HOME/.posture"
fi
say "chromium, node and $PACKAGES are here"
