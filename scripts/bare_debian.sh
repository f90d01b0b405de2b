#!/bin/bash
# Passes the README's test command on a bare Debian 12: a new system of Debian's required packages, git, make and its
# own Python 3.11, in a directory, with this tree's last commit cloned into it. What a machine for development has
# installed by hand is not there. As root; needs debootstrap (`apt-get install debootstrap`) and about 6 GB.
# usage: scripts/bare_debian.sh DIRECTORY [COMMAND]     COMMAND instead of "make setup test"
set -euo pipefail
cd "$(dirname "$0")/.."

if (($# < 1)) || [[ "$1" == -* ]]; then
  sed -n '2,5s/^# //p' "$0" >&2
  exit 2
fi
root="$(realpath -m "$1")"
command="${2:-make setup test}"
mirror="${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
((EUID == 0)) || { echo "bare_debian: root is needed, for chroot" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "bare_debian: debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }

if [[ ! -e "$root/etc/debian_version" ]]; then
  debootstrap --variant=minbase --include=ca-certificates,git,make,python3 bookworm "$root" "$mirror"
fi
# The network is this machine's: its resolver, and whom it trusts.
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"

unmount() {
  for directory in sys dev proc; do
    mountpoint -q "$root/$directory" && umount -R "$root/$directory"
  done
  return 0
}
trap unmount EXIT
unmount
mount -t proc proc "$root/proc"
mount --rbind --make-rslave /dev "$root/dev"
mount --rbind --make-rslave /sys "$root/sys"

rm -rf "$root/root/data_bridge"
git clone -q . "$root/root/data_bridge"
chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  PIP_CERT=/etc/ssl/certs/ca-certificates.crt CI="${CI:-}" bash -euc "cd /root/data_bridge && $command"
