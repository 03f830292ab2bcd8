#!/bin/sh
# Makes ready what `make agree` needs: testssl.sh and ssh-audit, by apt. Safe to run again.
set -eu

missing=
for pair in testssl:testssl.sh ssh-audit:ssh-audit nmap:nmap openssl:openssl sshd:openssh-server; do
    if ! PATH=$PATH:/usr/sbin command -v "${pair%%:*}" >/dev/null 2>&1; then missing="$missing ${pair##*:}"; fi
done
[ -z "$missing" ] && exit 0
echo "agree: installing by apt:$missing"
apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing
