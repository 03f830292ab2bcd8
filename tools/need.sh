#!/bin/sh
# Installs one thing a make target needs, when it is missing and when it may; says so either way.
#   need.sh nmap            the network mapper
#   need.sh venv PYTHON     the ability of PYTHON to make virtual environments
set -u

install() {
    if [ "$(id -u)" -eq 0 ]; then as=""
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as="sudo"
    elif command -v sudo >/dev/null 2>&1 && [ -t 0 ]; then
        printf '%s is missing. Install it now with sudo apt-get? [y/N] ' "$1"
        read -r reply
        case $reply in y|Y|yes) as="sudo" ;; *) return 1 ;; esac
    else return 1
    fi
    command -v apt-get >/dev/null 2>&1 || return 1
    echo "installing $1 (apt-get)"
    $as apt-get -q update >/dev/null 2>&1
    $as env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends install "$1" >/dev/null
}

case ${1:-} in
nmap)
    command -v nmap >/dev/null 2>&1 && exit 0
    install nmap || echo "nmap is missing and could not be installed: the network's view will be reported as not seen" >&2
    ;;
venv)
    "$2" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
        echo "Python 3.11 or newer is needed; try: make PYTHON=python3.12" >&2; exit 2; }
    "$2" -c 'import ensurepip, venv' 2>/dev/null && exit 0
    package="python$("$2" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    install "$package" || { echo "$package is missing: install it, then run make again" >&2; exit 2; }
    ;;
*)
    echo "usage: need.sh nmap | venv PYTHON" >&2; exit 2 ;;
esac
