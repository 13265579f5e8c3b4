#!/bin/bash
# What callgrind_annotate makes of a profile without the names of source files, which its format leaves to whoever writes it: positions have
# a default, and a guest's code without debugging information has no files.
#
# Guess: it takes it, and shows "???" in place of the file, as it does for what valgrind itself knows no file of.
# Seen: callgrind_annotate (valgrind 3.19) takes it, ends with 0 and has the right totals, but writes six lines of Perl's complaints
# about an uninitialized $curr_file for two functions and a call, more with each one (tens of thousands for a kernel), and nothing in
# place of the file, so that whoever looks for "???:name" finds no function. One line "fl=???" in front of the first function heals all of it.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=valgrind bookworm "$folder/root" >"$folder/log" 2>&1 ||
  { tail -n 3 "$folder/log" >&2; exit 1; }
[ "$(chroot "$folder/root" callgrind_annotate --version 2>&1)" = callgrind_annotate-3.19.0 ] || { echo "not valgrind 3.19.0" >&2; exit 1; }

profile() {
  printf '%s\n' "# callgrind format" "version: 1" "positions: line" "events: Instructions" "$@" \
    "fn=(1) boot" "0 1" "cfn=(2) work" "calls=1 0" "0 10" "" "fn=(2) work" "0 10" "" "totals: 11"
}
profile >"$folder/root/tmp/none.out"
profile "fl=???" >"$folder/root/tmp/named.out"
annotate() {
  chroot "$folder/root" callgrind_annotate --inclusive=yes "/tmp/$1.out" >"$folder/$1.text" 2>"$folder/$1.errors"
}
annotate none
annotate named

for name in none named; do
  grep -q '^ *11 (100.0%)  PROGRAM TOTALS' "$folder/$name.text" || { echo "$name: other totals" >&2; exit 1; }
done
complaints=$(grep -c 'uninitialized value $curr_file' "$folder/none.errors" || true)
echo "without files: $complaints complaints; rows: $(grep -E ':(boot|work)$' "$folder/none.text" | tr -s ' ' | tr '\n' '|')"
echo "with fl=???: $(wc -l <"$folder/named.errors") complaints; rows: $(grep -E ':(boot|work)$' "$folder/named.text" | tr -s ' ' | tr '\n' '|')"
[ "$complaints" -gt 0 ] && [ ! -s "$folder/named.errors" ]
grep -qE ' :work$' "$folder/none.text" && grep -qE ' \?\?\?:work$' "$folder/named.text"
