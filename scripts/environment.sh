# Sourced by the other scripts: makes .venv with the pinned packages, once.
# After it, $python is the environment's interpreter and the working folder is the repository.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
python=.venv/bin/python

stop() { printf '%s\n' "$1" >&2; exit 1; }

find_python() {
    local candidate
    for candidate in python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then
            printf '%s' "$candidate"
            return 0
        fi
    done
    return 1
}

# make_environment REQUIREMENTS_FILE...: installs only the files that changed since they were last installed.
make_environment() {
    local file stamp base arguments=()
    for file in "$@" pyproject.toml; do
        stamp=.venv/installed/$(basename "$file")
        cmp -s "$file" "$stamp" || arguments+=("$file")
    done
    if [ -x "$python" ] && [ ${#arguments[@]} -eq 0 ]; then
        return 0
    fi
    if ! base=$(find_python); then
        if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
            printf 'Installing Python from the Debian packages python3 and python3-venv ...\n'
            { apt-get update && apt-get install -y --no-install-recommends python3 python3-venv; } >/dev/null 2>&1 ||
                stop "Python 3.11 or 3.12 with venv is missing and could not be installed: check the network, or install the Debian packages python3 and python3-venv."
            base=$(find_python) || stop "EchoODE needs Python 3.11 or 3.12; the python3 of this system is another version."
        else
            stop "EchoODE needs Python 3.11 or 3.12 with venv: install the Debian packages python3 and python3-venv, then run this again."
        fi
    fi
    printf 'Setting up .venv (once, some minutes) ...\n'
    "$python" -m pip --version >/dev/null 2>&1 || "$base" -m venv --clear .venv || stop "The environment .venv could not be made: is there room on the disk?"
    arguments=()
    for file in "$@"; do arguments+=(-r "$file"); done
    { "$python" -m pip install --quiet --disable-pip-version-check "${arguments[@]}" &&
        "$python" -m pip install --quiet --disable-pip-version-check --no-deps --editable .; } >.venv/install.log 2>&1 ||
        stop "The Python packages could not be installed: check the network and the disk (details in .venv/install.log), then run this again."
    mkdir -p .venv/installed
    cp "$@" pyproject.toml .venv/installed/
}

# prepare_graphics [windows]: the system's libraries that the Slicer host draws with; windows: those of windows on X too.
prepare_graphics() {
    local missing
    missing=$(PYTHONPATH=Testing "$python" -m SlicerHost.boot.graphics "$@")
    if [ -z "$missing" ]; then
        return 0
    fi
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        printf 'Installing %s ...\n' "$missing"
        # shellcheck disable=SC2086  # a list of words
        { apt-get update && apt-get install -y --no-install-recommends $missing; } >.venv/install.log 2>&1 ||
            stop "Libraries for drawing are missing and could not be installed: check the network, or install the Debian packages $missing."
    else
        stop "Drawing needs libraries that this system lacks: sudo apt-get install $missing"
    fi
}
