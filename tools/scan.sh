#!/bin/sh
# Scans this machine and says what the exit code means. Findings and blind spots are what the scan found, not
# errors of make's: only a scan that did not work fails.
#   scan.sh POSTURE OUT
set -u

"$1" scan --self --out "$2"
code=$?
case $code in
0) meaning="clean and complete" ;;
1) meaning="findings at or above the profile's threshold" ;;
3) meaning="nothing was assessed" ;;
4) meaning="clean as far as seen, with blind spots" ;;
5) meaning="findings and blind spots" ;;
*) exit "$code" ;;
esac
echo "the scan's exit code: $code, $meaning"
