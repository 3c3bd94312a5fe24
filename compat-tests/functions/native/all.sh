#!/bin/sh
# The arguments come as JSON in $1; the last line of standard output is the result.
echo "out said"
echo "err said" >&2
case "$1" in
  *'"fail"'*) exit 3 ;;
  *'"list"'*) echo '[1, 2, "native"]' ;;
  *'"env"'*) echo "{\"value\": \"$TEXT\"}" ;;
  *) echo "{\"greeting\": \"Hello native\", \"got\": $1}" ;;
esac
