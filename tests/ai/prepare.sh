#!/bin/sh
# Makes ready real AI services, each in a virtual environment of its own outside the project, from the package index.
# Safe to run again: it does only what is missing. POSTURE_AI_CACHE overrides where they are kept.
#   prepare.sh light    what `make test` starts: two services, about 210 MB, a minute or two
#   prepare.sh heavy    what `make ai-services` starts besides: about 4 GB, half an hour
set -eu

if [ "$(id -u)" -eq 0 ]; then home=/var/cache; else home=${XDG_CACHE_HOME:-$HOME/.cache}; fi
CACHE=${POSTURE_AI_CACHE:-$home/posture-ai}
PYTHON=${PYTHON:-python3}

# name=requirement, several joined by +; the versions that docs/ai-services.md speaks of
LIGHT="jupyter=jupyter_server==2.21.1 mcp=fastmcp==4.2.3"
HEAVY="chroma=chromadb==1.5.9 gradio=gradio==6.31.0 litellm=litellm[proxy]==1.108.7+prisma mlflow=mlflow[auth]==3.17.2
ray=ray[default,serve]==2.60.0 triton=nvidia-pytriton==0.7.0"

say() { printf 'ai: %s\n' "$*"; }

make_ready() {
    name=${1%%=*}
    wanted=${1#*=}
    if [ "$(cat "$CACHE/$name/.posture" 2>/dev/null)" = "$wanted" ]; then return; fi
    say "installing $wanted into $CACHE/$name (once)"
    mkdir -p "$CACHE"
    rm -rf "${CACHE:?}/$name"
    "$PYTHON" -m venv "$CACHE/$name"
    # shellcheck disable=SC2046
    "$CACHE/$name/bin/python" -m pip install --quiet --disable-pip-version-check $(echo "$wanted" | tr + ' ')
    printf '%s\n' "$wanted" >"$CACHE/$name/.posture"
}

case ${1:-light} in
light) all=$LIGHT ;;
heavy) all="$LIGHT $HEAVY" ;;
*) say "say light or heavy"; exit 2 ;;
esac
for one in $all; do make_ready "$one"; done
say "the services are in $CACHE"
