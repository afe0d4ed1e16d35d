#!/usr/bin/env bash
# What tests need from Debian: exiftool reads our metadata as others do, poppler our papers; Node a second C2PA reader;
# in Chromium a passkey signs, and SoftHSM stands in for a security module.
set -euo pipefail
declare -A needed=([exiftool]=libimage-exiftool-perl [pdftotext]=poppler-utils [npm]=npm [chromium]=chromium [softhsm2-util]=softhsm2)
missing=()
for program in "${!needed[@]}"; do
  command -v "$program" >/dev/null || missing+=("${needed[$program]}")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "installing from Debian: ${missing[*]}"
  apt-get update -qq || true
  for package in "${missing[@]}"; do
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
      echo "$package couldn't be installed, so the tests that need it are skipped" >&2
  done
else
  echo "not installed, so some tests are skipped: ${missing[*]} (install them, or run make deps as root)" >&2
fi
