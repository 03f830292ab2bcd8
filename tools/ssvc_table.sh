#!/bin/sh
# Our sixteen rows against the table in CERT/CC's own package `certcc-ssvc`, which wants a newer Python than ours: a
# Debian 13 in a chroot has one. Needs root and debootstrap; heavy, never part of the tests.
#
# PLACE  where the chroot is built (/var/tmp/posture-ssvc); it is kept
set -eu

PLACE=${PLACE:-/var/tmp/posture-ssvc}
MIRROR=${POSTURE_LAB_MIRROR:-http://deb.debian.org/debian}
HERE=$(cd "$(dirname "$0")/.." && pwd)
PYTHON=${1:-$HERE/.venv/bin/python}
ROOT=$PLACE/root

say() { printf 'ssvc: %s\n' "$*"; }

[ "$(id -u)" -eq 0 ] || { say "needs root (debootstrap, chroot)"; exit 2; }
command -v debootstrap >/dev/null || { say "needs debootstrap: apt-get install debootstrap"; exit 2; }

if [ ! -e "$PLACE/complete" ]; then
    say "debootstrap: Debian 13 with python3 (once, a minute or two)"
    rm -rf --one-file-system "$ROOT"
    mkdir -p "$PLACE"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv trixie "$ROOT" "$MIRROR" \
        >"$PLACE/debootstrap.log" 2>&1
    cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
    if [ -n "${PIP_CERT:-}" ]; then cp "$PIP_CERT" "$ROOT/etc/ssvc-certificates.pem"; fi
    chroot "$ROOT" python3 -m venv /opt/ssvc
    chroot "$ROOT" env -i HOME=/root PATH=/usr/bin:/bin ${PIP_CERT:+PIP_CERT=/etc/ssvc-certificates.pem} \
        /opt/ssvc/bin/pip install --quiet --disable-pip-version-check certcc-ssvc
    touch "$PLACE/complete"
fi
"$PYTHON" -m tools.ssvc_table ours >"$ROOT/root/ours.json"
cp "$HERE/tools/ssvc_table.py" "$ROOT/root/ssvc_table.py"
chroot "$ROOT" env -i HOME=/root PATH=/usr/bin:/bin /opt/ssvc/bin/python /root/ssvc_table.py compare /root/ours.json
