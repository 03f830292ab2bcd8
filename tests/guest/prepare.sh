#!/bin/sh
# Makes ready what `make guest` needs: QEMU, a Debian 12 with a kernel, systemd and the services whose fixes are tried,
# a key pair, and the disk. Safe to run again: it does only what is missing. POSTURE_GUEST_CACHE says where it is kept.
set -eu

HERE=$(dirname "$0")
CACHE=${POSTURE_GUEST_CACHE:-/var/cache/posture-lab/bookworm-guest-v1}
IMAGE=$CACHE.image
DISK_MB=4096

# What a namespace host cannot run: a kernel of its own, systemd, and what the two start.
PACKAGES="systemd-sysv dbus udev linux-image-amd64 initramfs-tools apparmor-utils apparmor-profiles needrestart
nfs-kernel-server docker.io vsftpd xrdp fail2ban rsync apt-utils"
# Their installation asks for the host's name, which a base has none of.
MAIL="postfix dovecot-imapd dovecot-pop3d"
# Not installed: the guest finds them in a repository of its own, /srv/mirror.
MIRROR="inetutils-telnetd telnetd lynx dillo"

say() { printf 'guest: %s\n' "$*"; }

install_tools() {
    missing=
    for pair in qemu-system-x86_64:qemu-system-x86 mkfs.ext4:e2fsprogs; do
        PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
    done
    [ -z "$missing" ] && return
    say "installing by apt:$missing"
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing seabios ipxe-qemu
}

# Package scripts run in namespaces of their own, as in the lab.
inside() {
    # shellcheck disable=SC2016
    unshare --mount --pid --ipc --uts --fork sh -c '
        root=$1; shift
        hostname guest
        mount -t proc proc "$root/proc" && mount -o bind,ro "$root/proc/sys" "$root/proc/sys" &&
        DEBIAN_FRONTEND=noninteractive chroot "$root" sh -euc "$@"' sh "$1" "$2"
}

add_mail_and_mirror() {
    [ -e "$CACHE/.mirrored" ] && return
    say "adding mail servers and a small mirror"
    cp /etc/resolv.conf "$CACHE/etc/resolv.conf"
    printf '#!/bin/sh\nexit 101\n' >"$CACHE/usr/sbin/policy-rc.d"
    chmod 755 "$CACHE/usr/sbin/policy-rc.d"
    printf 'guest\n' >"$CACHE/etc/hostname"
    printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 guest.agency.example guest\n' >"$CACHE/etc/hosts"
    inside "$CACHE" "
        apt-get -qq update
        echo 'postfix postfix/main_mailer_type select Local only' | debconf-set-selections
        echo 'postfix postfix/mailname string guest.agency.example' | debconf-set-selections
        apt-get -qq -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io install $MAIL
        mkdir -p /srv/mirror && cd /srv/mirror && chmod 755 .
        apt-get -qq -y --no-install-recommends -o APT::Sandbox::User=root -o Dir::Cache::archives=/srv/mirror \
            --download-only install $MIRROR
        rm -rf partial lock; apt-ftparchive packages . > Packages
        apt-get clean; rm -rf /var/lib/apt/lists/*; mkdir -p /var/lib/apt/lists/partial" >"$CACHE.log" 2>&1 || {
        tail -n 20 "$CACHE.log"
        exit 1
    }
    rm -f "$CACHE/usr/sbin/policy-rc.d" "$CACHE/etc/resolv.conf" "$CACHE.log"
    touch "$CACHE/.mirrored"
}

# What every boot needs: a network by DHCP, an administrator with a key, and the machine's own way to say it is up.
configure() {
    [ -e "$CACHE/root/.guest-key" ] && return
    rm -f "$CACHE.key" "$CACHE.key.pub"
    ssh-keygen -q -t ed25519 -N '' -C guest -f "$CACHE.key"
    printf '/dev/vda / ext4 defaults 0 1\n' >"$CACHE/etc/fstab"
    printf '[Match]\nName=en* eth*\n[Network]\nDHCP=ipv4\n' >"$CACHE/etc/systemd/network/10-guest.network"
    printf 'PasswordAuthentication no\n' >"$CACHE/etc/ssh/sshd_config.d/10-guest.conf"
    printf 'deb [trusted=yes] file:/srv/mirror ./\n' >"$CACHE/etc/apt/sources.list"
    chroot "$CACHE" sh -euc '
        ssh-keygen -A >/dev/null
        for name in admin posture; do
            id "$name" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --password "*" "$name"
            install -d -m 0700 -o "$name" -g "$name" "/home/$name/.ssh"
        done
        # What is to be tried is tried from rest: services start when a test says so.
        systemctl -q disable docker.service docker.socket vsftpd xrdp xrdp-sesman fail2ban redis-server postfix dovecot \
            nfs-server rpcbind.service rpcbind.socket rsync chrony unattended-upgrades || true
        systemctl -q enable systemd-networkd ssh auditd apparmor'
    for name in admin posture; do
        install -m 0600 "$CACHE.key.pub" "$CACHE/home/$name/.ssh/authorized_keys"
        chroot "$CACHE" chown "$name:$name" "/home/$name/.ssh/authorized_keys"
    done
    printf 'admin ALL=(root) NOPASSWD: ALL\n' >"$CACHE/etc/sudoers.d/10-admin"
    chmod 0440 "$CACHE/etc/sudoers.d/10-admin"
    touch "$CACHE/root/.guest-key"
}

build_image() {
    [ -e "$IMAGE" ] && return
    say "writing the disk"
    cp "$(readlink -f "$CACHE/vmlinuz")" "$CACHE.vmlinuz"
    cp "$(readlink -f "$CACHE/initrd.img")" "$CACHE.initrd"
    rm -f "$IMAGE.new"
    PATH=$PATH:/usr/sbin:/sbin mkfs.ext4 -q -d "$CACHE" "$IMAGE.new" "${DISK_MB}M"
    mv "$IMAGE.new" "$IMAGE"
}

[ "$(id -u)" -eq 0 ] || { say "needs root (debootstrap, chroot); run it with sudo"; exit 1; }
install_tools
POSTURE_LAB_SUITE=bookworm POSTURE_LAB_EXTRA=$PACKAGES POSTURE_LAB_CACHE=$CACHE sh "$HERE/../lab/prepare.sh"
add_mail_and_mirror
configure
build_image
