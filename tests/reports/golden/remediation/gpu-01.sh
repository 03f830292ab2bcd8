#!/bin/sh
# Fixes for gpu-01 of run 20261122T091000Z-3fa9c1, in the order of the plan. Read it first.
for_host=gpu-01
set -u
mode=''; host=''; agreed=','
usage() {
  echo "usage: sh $0 --check                                 says what would be done, and does nothing" >&2
  echo "       sh $0 --host HOST --make ID[,ID]              makes these fixes" >&2
  echo "       sh $0 --host HOST --make ID[,ID] --agree ID[,ID]   and says that their preconditions hold" >&2
  exit 2
}
wanted=','
while [ $# -gt 0 ]; do
  case $1 in
    --check) mode=check; shift ;;
    --host) [ $# -ge 2 ] || usage; host=$2; shift 2 ;;
    --make) [ $# -ge 2 ] || usage; mode=${mode:-make}; wanted=",$2,"; shift 2 ;;
    --agree) [ $# -ge 2 ] || usage; agreed=",$2,"; shift 2 ;;
    *) usage ;;
  esac
done
[ -n "$mode" ] || usage
if [ "$mode" = make ]; then
  [ "$host" = "$for_host" ] || { echo "this is for $for_host: say so with --host" >&2; exit 2; }
  [ "$(id -u)" = 0 ] || { echo "root makes these fixes" >&2; exit 2; }
fi

# fix ID TITLE PRECONDITION CHANGE VERIFY ROLLBACK
fix() {
  if [ "$mode" = check ]; then
    printf '== %s %s\n-- before: %s\n-- change:\n%s\n-- validate:\n%s\n-- to undo:\n%s\n' \
      "$1" "$2" "${3:-nothing is asked}" "$4" "${5:-the next scan}" "$6"
    return 0
  fi
  case $wanted in *",$1,"*) ;; *) return 0 ;; esac
  if [ -n "$3" ]; then
    case $agreed in *",$1,"*) ;; *) echo "$1 NOT MADE, not agreed to: $3" >&2; failed=1; return 0 ;; esac
  fi
  if sh -e -c "$4" </dev/null && { [ -z "$5" ] || sh -c "$5" </dev/null; }; then
    echo "$1 made; the next scan proves it"
    return 0
  fi
  echo "$1 FAILED, rolling back" >&2
  sh -e -c "$6" </dev/null || echo "$1 COULD NOT BE ROLLED BACK: look at this host now" >&2
  exit 1
}
failed=0

fix EXP-04 'Redis answers other hosts without a password' 'Know which services use it: ss -tnp | grep 6379.' 'sed -i '"'"'s/^bind .*/bind 127.0.0.1 ::1/'"'"' /etc/redis/redis.conf
systemctl restart redis-server' 'ss -Hltn '"'"'sport = :6379'"'"'' 'Restore /etc/redis/redis.conf from the last backup and restart the service.'

fix SSH-02 'SSH accepts passwords' 'Every administrator has logged in with a key in the last 24 hours. Risk: lockout.' 'printf '"'"'PasswordAuthentication no\nKbdInteractiveAuthentication no\n'"'"' > /etc/ssh/sshd_config.d/00-posture.conf
sshd -t && systemctl reload ssh' '' 'rm /etc/ssh/sshd_config.d/00-posture.conf && systemctl reload ssh'

exit "$failed"
