#!/bin/bash
# How lcov_cobertura 2.1.1 (PyPI), by which CI servers come to show lcov's files, reads a file that two tests have written.
#
# Guess: as lcov and genhtml do: records of one source file are added, and a FN line may have the function's last line too, as LCOV
# 2 writes it (FN:first,last,name).
# Seen: the last record of a source file replaces those before it, though the summary counts the lines of all: a file whose four lines
# all ran shows one line that ran, and "4 of 8". The last line of a function becomes a part of its name: there are then two functions,
# "9,f" that never ran, and f at line 0. (lcov 1.16 adds the same two records: 4 of 4.)
# So write one record for each source file, and FN lines in the old form.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/pip" -q install lcov_cobertura==2.1.1

cat >"$folder/two.info" <<'L'
TN:first
SF:a.c
DA:1,4
DA:2,4
DA:5,0
DA:6,3
end_of_record
TN:second
SF:a.c
DA:1,0
DA:2,0
DA:5,2
DA:6,0
end_of_record
L
cat >"$folder/last.info" <<'L'
TN:
SF:a.c
FN:1,9,f
FNDA:3,f
DA:1,3
DA:9,3
end_of_record
L
for name in two last; do
  "$folder/python/bin/lcov_cobertura" "$folder/$name.info" --output "$folder/$name.xml"
  "$folder/python/bin/python" - "$name" "$folder/$name.xml" <<'P'
import sys
import xml.etree.ElementTree as tree

root = tree.parse(sys.argv[2]).getroot()
print(f"{sys.argv[1]}: {root.get('lines-covered')} of {root.get('lines-valid')}")
for one in root.iter("class"):
    for method in one.iter("method"):
        print("  function", method.get("name"), *((each.get("number"), each.get("hits")) for each in method.iter("line")))
    print("  lines", *((each.get("number"), each.get("hits")) for each in one.find("lines")))
P
done | tee "$folder/seen"
diff - "$folder/seen" <<'S'
two: 4 of 8
  lines ('1', '0') ('2', '0') ('5', '2') ('6', '0')
last: 2 of 2
  function 9,f ('1', '0')
  function f ('0', '3')
  lines ('1', '3') ('9', '3')
S
