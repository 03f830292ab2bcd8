#!/bin/sh
# Runs every test: with the lab where root may build it, and then nothing of it may be skipped; without it elsewhere,
# loudly.
#   test.sh PYTEST [ARGUMENT ...]
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)

if [ "$(id -u)" -eq 0 ]; then
    sh "$here/tests/lab/prepare.sh"
    export POSTURE_LAB_REQUIRED=1
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    echo "the lab (namespaces, overlay mounts) needs root: running the tests by sudo"
    sudo sh "$here/tests/lab/prepare.sh"
    # nothing of root's may be left in the work tree
    exec sudo env POSTURE_LAB_REQUIRED=1 PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_STORAGE_DIRECTORY=/tmp/posture-hypothesis \
        "$@" -p no:cacheprovider
else
    echo "the lab needs root or sudo: its tests are skipped, so this run proves less than it could" >&2
fi
exec "$@"
