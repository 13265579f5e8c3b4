#!/bin/bash
# From where a relative name starts that a qcow2 image holds: that of its backing file, plain and as file:, and that of its data file.
#
# Guess: from the image's folder, all three, as qemu-img's manual says of backing files: an image opens from wherever its user stands.
# Seen with qemu-img 7.2.22 (and 10.0.13): the plain backing name does. A backing name that begins with file: and the name of a data
# file start at the current folder, so the image opens only while its user stands in its own folder. Whoever reads
# these images has to decide which to follow.
set -euo pipefail
version=7.2.22
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=qemu-utils bookworm "$folder/root" >"$folder/log" 2>&1 \
  || { tail -n 3 "$folder/log" >&2; exit 1; }
seen=$(chroot "$folder/root" qemu-img --version | sed -nE 's/.*version ([0-9.]+).*/\1/p')
[ "$seen" = "$version" ] || { echo "this is qemu-img $seen, not $version" >&2; exit 1; }

chroot "$folder/root" bash -euc '
  mkdir /tmp/images
  cd /tmp/images
  qemu-img create -q -f raw base.raw 1M
  qemu-img create -q -f qcow2 -F raw -b base.raw plain.qcow2
  qemu-img create -q -f qcow2 -F raw -b file:base.raw file.qcow2
  qemu-img create -q -f qcow2 -o data_file=data.raw outside.qcow2 1M
  for place in /tmp/images /tmp; do
    cd $place
    for image in plain file outside; do
      if qemu-img map /tmp/images/$image.qcow2 >/dev/null 2>&1; then opens=yes; else opens=no; fi
      echo "$image from $place: $opens"
    done
  done' | tee "$folder/seen"
diff - "$folder/seen" <<'S'
plain from /tmp/images: yes
file from /tmp/images: yes
outside from /tmp/images: yes
plain from /tmp: yes
file from /tmp: no
outside from /tmp: no
S
