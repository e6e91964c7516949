#!/bin/sh
# The environment in .venv, for the Makefile: sh environment.sh PYTHON WHETHER_IT_WAS_GIVEN GOAL
#
# It is kept while it is whole and made of the same: a Python, what pyproject.toml and
# constraints.txt ask for, and the place of this folder, which its scripts hold. Else it is made anew.
set -eu
python=$1 given=$2 goal=$3 made_of=.venv/made-of whole=.venv/bin/installed

# A Python's version, where it is installed, and what to start to make an environment of it.
describe() {
    "$1" -c 'import os, sys
base = getattr(sys, "base_prefix", sys.prefix)
print("%d.%d" % sys.version_info[:2])
print(base)
print(sys.executable if sys.prefix == base else os.path.realpath(sys.executable))' 2> /dev/null
}

stop() {
    echo "make: $1" >&2
    exit 1
}

no_venv() {
    stop "$python makes no environment; on Debian and Ubuntu: apt-get install python3-venv, or python$version-venv"
}

# What was chosen once is kept until another is asked for.
if [ -z "$given" ] && [ -e $whole ] && describe .venv/bin/python > /dev/null; then
    python=.venv/bin/python
fi
tried=$(echo $(sed -n 's/.*Python :: \(3\.[0-9]*\)".*/\1/p' pyproject.toml))
found=$(describe "$python") || found="not found"
version=$(echo "$found" | head -n 1)
case " $tried " in
*" $version "*) ;;
*)
    advice="install one, and write: make $goal PYTHON=python${tried##* }"
    for other in $tried; do
        if describe "python$other" > /dev/null; then
            advice="write: make $goal PYTHON=python$other"
        fi
    done
    stop "this needs Python ${tried%% *} to ${tried##* }, and $python is $version; $advice"
    ;;
esac

wanted=$(
    echo "$found" | head -n 2
    sed '/^\[tool/q' pyproject.toml | cat - constraints.txt | cksum
    pwd -P
)
if [ -e $whole ] && [ -x .venv/bin/python ] && [ "$(cat $made_of 2> /dev/null)" = "$wanted" ]; then
    exit
fi
maker=$(echo "$found" | tail -n 1)
"$maker" -c 'import ensurepip, venv' 2> /dev/null || no_venv
echo "Making an environment in .venv, with Python $version"
"$maker" -m venv --clear .venv || { rm -rf .venv && no_venv; }
echo "$wanted" > $made_of
