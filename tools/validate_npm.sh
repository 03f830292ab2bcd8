#!/bin/sh
# Exports of the made-up agency read by the programs of their readers: Heimdall's inspecjs, saf, STIG Manager's importer.
#   validate_npm.sh BIN OUT
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
bin=$1 out=$2
home=${POSTURE_NPM_HOME:-/var/tmp/posture-npm}
mkdir -p "$home" "$out"
cp "$here"/tools/validate_npm/* "$home/"
[ -d "$home/node_modules" ] || (cd "$home" && npm install --silent --no-fund --no-audit --ignore-scripts)
[ -e "$out/results.hdf.json" ] || { "$bin/posture" demo --out "$out" >/dev/null && "$bin/posture" report --format all --out "$out" >/dev/null; }
golden=$here/tests/reports/golden
cd "$home"
node hdf.mjs "$out/results.hdf.json" "$out/assessment.json"
node hdf.mjs "$golden/results.hdf.json" "$golden/assessment.json"
node stigman.mjs "$golden"/ckl/*.ckl "$golden"/cklb/*.cklb
for file in "$golden"/ckl/*.ckl; do
    node_modules/.bin/saf convert ckl2hdf -i "$file" -o "$home/from-ckl.json" >/dev/null
done
node_modules/.bin/saf view summary -i "$golden/results.hdf.json" >/dev/null
echo "validate: saf converts every checklist and reads the HDF file"
