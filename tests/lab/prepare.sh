#!/bin/sh
# Makes ready what the lab needs: packages of this machine (by apt), and the base file system of the lab's hosts.
# Safe to run again: it does only what is missing. POSTURE_LAB_CACHE overrides where the base is kept,
# POSTURE_LAB_MIRROR where its packages come from; POSTURE_LAB_SUITE is another Debian release, POSTURE_LAB_EXTRA more
# packages (both for bench/compare, which keeps its bases beside this one).
set -eu

SUITE=${POSTURE_LAB_SUITE:-bookworm}
CACHE=${POSTURE_LAB_CACHE:-/var/cache/posture-lab/$SUITE-v1}
MIRROR=${POSTURE_LAB_MIRROR:-http://deb.debian.org/debian}

# command:package, what this machine itself must have
TOOLS="nmap:nmap sshd:openssh-server ssh:openssh-client ssh-keygen:openssh-client ip:iproute2 nft:nftables ping:iputils-ping
debootstrap:debootstrap unshare:util-linux nsenter:util-linux mount:mount setpriv:util-linux /usr/share/postgresql-common/pg_wrapper:postgresql
xmllint:libxml2-utils openssl:openssl rpm:rpm softhsm2-util:softhsm2 nginx:nginx-light redis-server:redis-server smbd:samba"

# what every host of the lab has; most of it never runs
HOST_PACKAGES="tini openssh-server openssh-client sudo iproute2 iputils-ping procps kmod nftables systemd cron python3
redis-server auditd chrony rsyslog rsyslog-gnutls libpam-pwquality apparmor aide-common unattended-upgrades
${POSTURE_LAB_EXTRA:-}"

say() { printf 'lab: %s\n' "$*"; }

have() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" -ne 0 ]; then
        say "needs root (namespaces, mounts, chroot); run it with sudo"
        exit 1
    fi
}

install_tools() {
    missing=
    for pair in $TOOLS; do
        if ! have "${pair%%:*}"; then missing="$missing ${pair##*:}"; fi
    done
    if [ -z "$missing" ]; then
        say "this machine has every tool the lab needs"
        return
    fi
    say "installing by apt:$missing"
    apt-get update -qq
    # policy-rc.d keeps a freshly installed sshd from starting on the machine that runs the tests
    policy=
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    status=0
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing || status=$?
    if [ -n "$policy" ]; then rm -f "$policy"; fi
    return "$status"
}

build_base() {
    if [ -e "$CACHE/.complete" ]; then
        say "base file system is ready in $CACHE"
        return
    fi
    started=$(date +%s)
    building=$CACHE.building.$$
    say "building the base file system in $CACHE (once; about two minutes)"
    mkdir -p "$(dirname "$CACHE")"
    rm -rf "$building"
    trap 'rm -rf "$building"' EXIT
    say "debootstrap $SUITE from $MIRROR"
    debootstrap --variant=minbase "$SUITE" "$building" "$MIRROR" >"$building.log" 2>&1 || {
        tail -n 20 "$building.log"
        exit 1
    }
    say "adding the hosts' packages"
    add_packages "$building" >>"$building.log" 2>&1 || {
        tail -n 20 "$building.log"
        exit 1
    }
    finish_base "$building"
    rm -rf "$CACHE"
    mv "$building" "$CACHE"
    rm -f "$building.log"
    trap - EXIT
    say "base file system built in $(($(date +%s) - started)) s, $(du -sm "$CACHE" | cut -f1) MB"
}

add_packages() {
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
    chmod 755 "$1/usr/sbin/policy-rc.d"
    cp /etc/resolv.conf "$1/etc/resolv.conf"
    # shellcheck disable=SC2086
    chroot "$1" apt-get -qq -y --no-install-recommends --download-only install $HOST_PACKAGES
    # Package scripts may load rules or settings into the running kernel: namespaces of their own keep them off this machine's.
    # shellcheck disable=SC2086,SC2016
    unshare --mount --pid --net --ipc --uts --fork sh -c '
        root=$1; shift
        mount -t proc proc "$root/proc" && mount -o bind,ro "$root/proc/sys" "$root/proc/sys" &&
        DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get -qq -y --no-install-recommends --no-download \
            -o Dpkg::Options::=--force-unsafe-io install "$@"' sh "$1" $HOST_PACKAGES
}

finish_base() {
    chroot "$1" apt-get clean
    rm -f "$1"/usr/sbin/policy-rc.d "$1"/etc/ssh/ssh_host_*_key* "$1"/etc/resolv.conf "$1"/etc/hostname
    rm -rf "$1"/var/lib/apt/lists/* "$1"/usr/share/doc "$1"/usr/share/man "$1"/usr/share/locale
    mkdir -p "$1/run/sshd" "$1/var/lib/apt/lists/partial"
    date -u +%Y-%m-%dT%H:%M:%SZ >"$1/.complete"
}

as_root
install_tools
build_base
