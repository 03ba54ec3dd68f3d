#!/bin/sh
# Makes the virtual environment $1 where it is missing, and installs $2 in it with pinned versions.
set -eu
venv=$1
what=$2

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

fail() { echo >&2; printf '%s\n' "$@" >&2; exit 1; }

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
        if is_new_enough "$name"; then echo "$name"; return; fi
    done
    fail "No Python 3.11 or newer was found (tried: ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python})." \
        "Install one from https://www.python.org or your system's packages, or name one that is" \
        "elsewhere: make demo PYTHON=/path/to/python3"
}

if [ ! -e "$venv/bin/python" ]; then
    python=$(find_python)
    echo "Making $venv with $("$python" --version) ..."
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null || ! "$python" -m venv "$venv"; then
        rm -rf "$venv"
        fail "$python cannot make a virtual environment: its venv or ensurepip module is missing." \
            "On Debian and Ubuntu: apt install python3-venv; elsewhere: reinstall Python with pip."
    fi
elif ! is_new_enough "$venv/bin/python"; then
    fail "$venv is there, but its Python does not run or is older than 3.11." \
        "Remove it (rm -r $venv) and run again."
fi

# On Linux the default build of torch brings gigabytes of CUDA; without a GPU the CPU build will do.
cpu=https://download.pytorch.org/whl/cpu
index=""
if [ "$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null &&
    ! "$venv/bin/python" -c 'import torch' 2>/dev/null &&
    "$venv/bin/python" -c "import urllib.request; urllib.request.urlopen('$cpu/torch/', timeout=5)" 2>/dev/null
then
    index="--extra-index-url $cpu"
fi

echo "Installing $what and what it needs into $venv (the first time: a few minutes) ..."
# shellcheck disable=SC2086
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check $index -c constraints.txt -e "$what" ||
    fail "pip could not install $what: its message is above." \
        "Without access to pypi.org, point pip to a mirror or a folder of wheels:" \
        "PIP_INDEX_URL=https://... or PIP_FIND_LINKS=/path/to/wheels before the same command."
