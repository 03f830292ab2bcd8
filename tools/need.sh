#!/bin/sh
# Installs one thing a make target needs, when it is missing and when it may; says so either way.
#   need.sh nmap              the network mapper; without it the scan goes on, and says what it could not see
#   need.sh venv PYTHON DIR   a virtual environment with pip in DIR
set -u

say() { printf '%s\n' "$*"; }

# Asks only where somebody can answer; returns 0 when the package is there.
install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    if [ "$(id -u)" -eq 0 ]; then as=""
    elif ! command -v sudo >/dev/null 2>&1; then return 1
    elif sudo -n true 2>/dev/null; then as="sudo"
    elif [ -t 0 ]; then
        printf '%s is missing. Install it now with sudo apt-get? [y/N] ' "$1"
        read -r reply || reply=n
        case $reply in y|Y|yes) as="sudo" ;; *) return 1 ;; esac
    else return 1
    fi
    say "installing $1 (apt-get)"
    # policy-rc.d is not needed here: neither package starts a service
    log=$(mktemp)
    if { $as apt-get -q update &&
        $as env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends install "$1"; } >"$log" 2>&1
    then rm -f "$log"; return 0
    fi
    tail -n 5 "$log" >&2
    rm -f "$log"
    return 1
}

# Neither root nor sudo: apt can still fetch a signed package, and pip runs straight from the wheel in it.
venv_of_an_ordinary_user() {
    command -v apt-get >/dev/null 2>&1 || return 1
    say "python3-venv is missing and may not be installed: fetching pip as a package (apt-get download), for $2 only"
    (
        place=$(mktemp -d) && trap 'rm -rf "$place"' EXIT
        mkdir -p "$place/lists/partial" "$place/cache/archives/partial" && cd "$place" || exit 1
        own="-q -o Dir::State::Lists=$place/lists -o Dir::Cache=$place/cache -o APT::Sandbox::User="
        # shellcheck disable=SC2086
        { apt-get $own update && apt-get $own download python3-pip-whl; } >apt.log 2>&1 || { tail -n 5 apt.log >&2; exit 1; }
        dpkg-deb -x python3-pip-whl_*.deb unpacked || exit 1
        wheel=$(echo "$place"/unpacked/usr/share/python-wheels/pip-*.whl)
        cd "$3" && "$1" -m venv --without-pip "$2" && "$2/bin/python" "$wheel/pip" install --quiet --no-index "$wheel"
    )
}

venv() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
        say "Python 3.11 or newer is needed; try: make PYTHON=python3.12" >&2; exit 2; }
    package="python$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    if "$1" -c 'import ensurepip, venv' 2>/dev/null || install "$package"; then
        say "setting up $2 (once)"
        "$1" -m venv "$2" && exit 0
    elif venv_of_an_ordinary_user "$1" "$2" "$PWD"; then exit 0
    fi
    rm -rf "$2"
    say "no virtual environment without $package: install it, then run make again" >&2
    exit 2
}

case ${1:-} in
nmap)
    command -v nmap >/dev/null 2>&1 && exit 0
    install nmap || say "nmap is missing and could not be installed: the network's view will be reported as not seen" >&2
    ;;
venv)
    venv "$2" "$3" ;;
*)
    say "usage: need.sh nmap | venv PYTHON DIR" >&2; exit 2 ;;
esac
