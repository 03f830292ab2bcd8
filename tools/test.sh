#!/bin/sh
# Runs every test: with the lab where root may build it, and then nothing of it may be skipped; without it elsewhere,
# loudly.
#   test.sh PYTEST [ARGUMENT ...]
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)

# In a bare chroot `/` is no mount point and /proc may be missing; the lab needs both, so it gets them in a mount
# namespace of its own, where nothing else sees them.
in_a_machine() {
    place=$(mktemp -d)
    code=0
    # shellcheck disable=SC2016
    POSTURE_IN_A_MACHINE=1 unshare --mount --propagation unchanged --pid --fork --kill-child sh -c '
        place=$1 home=$2; shift 2
        mount --bind / "$place" && mount --make-private "$place" && mount -t proc proc "$place/proc" || exit 1
        [ -e "$place/sys/kernel" ] || mount -t sysfs sysfs "$place/sys" || exit 1
        exec chroot "$place" sh -c "cd \"\$1\" && shift && exec \"\$@\"" sh "$home" "$@"
        ' sh "$place" "$PWD" sh "$0" "$@" || code=$?
    # A shared mount outside the chroot carried the first one out.
    umount --lazy "$place" 2>/dev/null || true
    rmdir "$place"
    exit "$code"
}

# What only waits runs in a process of its own beside the rest, and is told at the end.
run_all() {
    said=$(mktemp)
    "$@" -n 1 -m waits >"$said" 2>&1 &
    waiting=$!
    trap 'kill -INT "$waiting" 2>/dev/null; wait "$waiting"; cat "$said"; rm -f "$said"; exit 130' INT TERM
    code=0
    "$@" -m "not waits" || code=$?
    wait "$waiting" || code=$?
    cat "$said"
    rm -f "$said"
    exit "$code"
}

if [ "$(id -u)" -eq 0 ]; then
    if [ -z "${POSTURE_IN_A_MACHINE:-}" ] && { [ ! -e /proc/self/stat ] || ! unshare --mount true 2>/dev/null; }; then
        in_a_machine "$@"
    fi
    sh "$here/tests/lab/prepare.sh"
    sh "$here/tests/ai/prepare.sh" light
    sh "$here/tests/browser.sh" || echo "no browser to test in: its tests are skipped, so this run proves less than it could" >&2
    export POSTURE_LAB_REQUIRED=1
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    echo "the lab (namespaces, overlay mounts) needs root: running the tests by sudo"
    # nothing of root's may be left in the work tree
    exec sudo env PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_STORAGE_DIRECTORY=/tmp/posture-hypothesis \
        sh "$0" "$@" -p no:cacheprovider
else
    echo "the lab needs root or sudo: its tests are skipped, so this run proves less than it could" >&2
fi
run_all "$@"
