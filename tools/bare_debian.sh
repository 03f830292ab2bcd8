#!/bin/sh
# Tries both commands of the README from a clean clone on a bare Debian (debootstrap: minbase, git, make, python3,
# nothing else): `make scan` by an ordinary user without sudo, then `make scan` and `make test` by root.
#   sudo tools/bare_debian.sh [scan|test ...]      all of them when none is named
#
# PLACE  where it is built (/var/tmp/posture-bare); the bare system there is kept, what a trial makes of it is not
# KEEP   set: leave the tried system for a look
set -eu

PLACE=${PLACE:-/var/tmp/posture-bare}
MIRROR=${POSTURE_LAB_MIRROR:-http://deb.debian.org/debian}
HERE=$(cd "$(dirname "$0")/.." && pwd)
ROOT=$PLACE/root

say() { printf 'bare: %s\n' "$*"; }

build_bare() {
    if [ -e "$PLACE/bare.complete" ]; then return; fi
    say "debootstrap: minbase, git, make, python3 (once, under a minute)"
    rm -rf "$PLACE/bare"
    mkdir -p "$PLACE"
    debootstrap --variant=minbase --include=git,make,python3 bookworm "$PLACE/bare" "$MIRROR" >"$PLACE/debootstrap.log" 2>&1
    touch "$PLACE/bare.complete"
}

# A machine that reaches its registries as this one does: name servers, apt's and pip's settings, certificates.
make_machine() {
    remove_machine
    cp -a "$PLACE/bare" "$ROOT"
    cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
    for file in /etc/apt/apt.conf.d/99* /etc/apt/sources.list.d/debian.sources; do
        if [ -e "$file" ]; then cp "$file" "$ROOT$file"; fi
    done
    if [ -e "$ROOT/etc/apt/sources.list.d/debian.sources" ]; then rm -f "$ROOT/etc/apt/sources.list"; fi
    if [ -n "${PIP_CERT:-}" ]; then
        mkdir -p "$ROOT/etc/ssl/certs"
        cp "$PIP_CERT" "$ROOT/etc/bare-certificates.pem"
        printf '[global]\ncert = /etc/bare-certificates.pem\n' >"$ROOT/etc/pip.conf"
        printf 'cafile=/etc/bare-certificates.pem\n' >"$ROOT/root/.npmrc"
    fi
    chroot "$ROOT" useradd --create-home --shell /bin/sh newcomer
    git clone --quiet "$HERE" "$ROOT/root/posture-scanner"
    git -C "$HERE" diff --binary HEAD | git -C "$ROOT/root/posture-scanner" apply --allow-empty
    git -C "$HERE" ls-files --others --exclude-standard -z | tar -C "$HERE" --null -T - -cf - |
        tar -C "$ROOT/root/posture-scanner" -xf -
    cp -a "$ROOT/root/posture-scanner" "$ROOT/home/newcomer/posture-scanner"
    chroot "$ROOT" chown -R newcomer: /home/newcomer
}

remove_machine() {
    if [ -e "$ROOT" ]; then rm -rf --one-file-system "$ROOT"; fi
}

# In namespaces of its own, so that mounts and processes end with it; / is a mount point, as on a real machine.
trial() {
    user=$1 target=$2
    home=$(chroot "$ROOT" getent passwd "$user" | cut -d: -f6)
    say "---- make $target as $user"
    begun=$(date +%s) code=0
    unshare --mount --pid --fork --kill-child --uts --ipc sh -c '
        mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" &&
        mount --rbind /dev "$1/dev" && mount -t tmpfs tmpfs "$1/run" && cd "$1" && mkdir -p .before &&
        pivot_root . .before && umount -l /.before && rmdir /.before &&
        exec setpriv --reuid="$2" --regid="$2" --init-groups env -i HOME="$3" USER="$2" TERM=dumb \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin make -C "$3/posture-scanner" "$4"
        ' sh "$ROOT" "$user" "$home" "$target" </dev/null || code=$?
    say "---- make $target as $user: exit $code, $(($(date +%s) - begun)) s"
    return "$code"
}

[ "$(id -u)" -eq 0 ] || { say "needs root (debootstrap, namespaces)"; exit 2; }
command -v debootstrap >/dev/null || { say "needs debootstrap: apt-get install debootstrap"; exit 2; }
build_bare
if [ -z "${KEEP:-}" ]; then trap remove_machine EXIT; fi
make_machine
wanted=${*:-scan test}
status=0
for target in $wanted; do
    # without root first: root's trial installs packages for everybody
    if [ "$target" = scan ]; then trial newcomer scan || status=1; fi
    trial root "$target" || status=1
done
exit $status
