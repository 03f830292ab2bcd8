#!/bin/sh
# Makes ready what `make compare` needs beside the lab: bases of Debian 11, 12 and 13 with the other scanners in them,
# and ssh-audit in an environment of its own. Safe to run again: it does only what is missing.
set -eu

HERE=$(dirname "$0")
CACHE=${POSTURE_COMPARE_CACHE:-/var/cache/posture-lab}
SSH_AUDIT_VERSION=3.9.0

base() {
    POSTURE_LAB_SUITE=$1 POSTURE_LAB_EXTRA=$2 POSTURE_LAB_CACHE=$CACHE/$1-compare-v1 sh "$HERE/../../tests/lab/prepare.sh"
    # systemd-tmpfiles makes this link on a booted host; oscap finds no file system without it.
    ln -sf ../proc/self/mounts "$CACHE/$1-compare-v1/etc/mtab"
}

# Debian 11 packages no OpenSCAP and no content. It gets Debian 12's oscap, which runs on libraries brought along,
# and Debian 12's ssg-debian, whose Debian 11 benchmark is meant for it.
lend_oscap() {
    from=$CACHE/bookworm-compare-v1
    to=$CACHE/$1-compare-v1
    [ -e "$to/opt/oscap/.complete" ] && return
    rm -rf "$to/opt/oscap"
    mkdir -p "$to/opt/oscap/lib" "$to/opt/oscap/content"
    cp "$from/usr/bin/oscap" "$to/opt/oscap/oscap"
    chroot "$from" ldd /usr/bin/oscap | grep -oE '/[^ ]+' | while read -r library; do
        cp "$from$library" "$to/opt/oscap/lib/"
    done
    cp "$from"/usr/share/xml/scap/ssg/content/ssg-debian11-ds.xml "$to/opt/oscap/content/"
    # Debian 12's own package has no Debian 12 benchmark; Debian 13's has one.
    cp "$CACHE"/trixie-compare-v1/usr/share/xml/scap/ssg/content/ssg-debian12-ds.xml "$to/opt/oscap/content/"
    cp -r "$from/usr/share/openscap" "$to/opt/oscap/share"
    touch "$to/opt/oscap/.complete"
}

base bullseye "linux-base lynis"
base bookworm "linux-base lynis openscap-scanner openscap-utils ssg-debian"
base trixie "linux-base lynis openscap-scanner openscap-utils ssg-debian"
lend_oscap bullseye
lend_oscap bookworm

if [ ! -x "$CACHE/ssh-audit-$SSH_AUDIT_VERSION/bin/ssh-audit" ]; then
    python3 -m venv "$CACHE/ssh-audit-$SSH_AUDIT_VERSION"
    "$CACHE/ssh-audit-$SSH_AUDIT_VERSION/bin/pip" install --quiet --disable-pip-version-check \
        "ssh-audit==$SSH_AUDIT_VERSION"
fi
