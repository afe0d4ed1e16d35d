#!/usr/bin/env bash
# Run bench/NAME.py in an environment of its own, with the peers it names in PEERS.
set -euo pipefail
name="${1:?which one? make bench NAME=seal}"
script="bench/$name.py"
[ -f "$script" ] || { echo "there is no $script; there are: $(cd bench && ls ./*.py | xargs -n1 basename -s .py | tr '\n' ' ')" >&2; exit 2; }
home=".bench/$name"
if [ ! -x "$home/bin/python" ]; then
  "${PYTHON:-python3}" -m venv "$home"
  "$home/bin/python" -m pip --disable-pip-version-check -q install -U pip -c constraints.txt
  "$home/bin/python" -m pip --disable-pip-version-check -q install -e . --group dev -c constraints.txt
  peers=$(sed -nE 's/^PEERS = \[(.*)\].*$/\1/p' "$script" | tr -d '",')
  for peer in $peers; do # without their dependencies, which may replace our OpenCV: PEERS names what they need
    "$home/bin/python" -m pip --disable-pip-version-check -q install --no-deps "$peer" || echo "the peer $peer could not be installed" >&2
  done
fi
exec "$home/bin/python" "$script"
