#!/bin/sh
# Create .venv with the first Python that is recent enough, and install the book's environment into it.
# Make runs this again whenever requirements.txt or pyproject.toml is newer than .venv/.ready.

fail() {
    echo "error: $1" >&2
    exit 1
}

usable='import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))'

if ! .venv/bin/python -c "$usable" 2>/dev/null; then
    python=
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c "$usable" 2>/dev/null; then
            python=$name
            break
        fi
    done
    [ -n "$python" ] || fail "no Python 3.11 or newer with venv was found; install one (Debian, Ubuntu: apt-get install python3-venv)"
    echo "[1/3] creating .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv || fail "$python could not create .venv; is this folder writable, and is the disk full?"
fi

pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip"
help="look at pip's last lines above, check that this machine reaches its package registry, and run the same command again"

echo "[2/3] installing requirements.txt (PyTorch is large: the first time takes minutes)"
$pip install -q --no-index -r requirements.txt 2>/dev/null || # all there already: nothing to say, no network needed
    { $pip install -q uv==0.13.9 && .venv/bin/uv pip install --compile-bytecode --python .venv/bin/python -r requirements.txt; } || # much faster
    $pip install -r requirements.txt || fail "pip could not install requirements.txt: $help"

# Build with the setuptools that is here if it is recent enough; otherwise pip fetches one for the build.
isolation=
if .venv/bin/python -c 'import setuptools, sys; sys.exit(int(setuptools.__version__.split(".")[0]) < 77)' 2>/dev/null; then
    isolation=--no-build-isolation
fi
echo "[3/3] installing gan_helpers from this folder"
$pip install -q --no-deps $isolation -e . || fail "pip could not install gan_helpers: $help"
touch .venv/.ready
