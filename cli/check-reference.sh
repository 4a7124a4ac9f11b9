#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-reference.sh WEFT FILE: fail if FILE is not what `weft manual` prints.
if "$1" manual | diff -u "$2" -; then
	exit 0
fi
echo "$2 is stale: weft manual >docs/reference.md" >&2
exit 1
