# shellcheck shell=bash
# Sourced by serve and test: the project's virtual environment. Needs Python 3.11 or newer.
#
# It is .venv beside the project, or $TALKPATH_VENV. An active VIRTUAL_ENV is left alone: it is
# somebody else's. Works with the bash 3.2 of macOS.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=${TALKPATH_VENV:-$root/.venv}

say() { printf 'talkpath: %s\n' "$*" >&2; }

# Prints the first interpreter that is new enough and can make virtual environments.
find_python() {
    local candidate path without_venv=
    for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
        path=$(command -v "$candidate") || continue
        # The shim of a pyenv version that is not selected is found, and fails: hence 2>/dev/null.
        "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        if "$path" -c 'import ensurepip, venv' 2>/dev/null; then
            printf '%s\n' "$path"
            return
        fi
        without_venv=$path
    done
    if [ -n "$without_venv" ]; then
        say "$without_venv cannot make virtual environments (on Debian: apt install python3-venv)"
    else
        say "Python 3.11 or newer is needed; python3 here: $(python3 -V 2>/dev/null || echo none)"
    fi
    return 1
}

# ensure_venv EXTRA: the environment with the package, editable, and EXTRA's dependencies. Does
# nothing when it was done before for this pyproject.toml at this place.
ensure_venv() {
    if is_installed "$1"; then return; fi
    # Two first runs at once (serve in one terminal, test in another) take turns.
    (
        if command -v flock >/dev/null; then flock 9; fi
        is_installed "$1" || install_into_venv "$1"
    ) 9<"$root/pyproject.toml"
}

# The place belongs to the stamp: an editable installation and its scripts hold absolute paths.
stamp_text() { printf '%s %s' "$root" "$(cksum <"$root/pyproject.toml")"; }

is_installed() {
    [ -x "$venv/bin/python" ] && [ -x "$venv/bin/talkpath" ] &&
        [ "$(cat "$venv/.talkpath-$1" 2>/dev/null)" = "$(stamp_text)" ]
}

install_into_venv() {
    local extra=$1 python clear='' log=$venv/install.log
    if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        python=$(find_python)
        say "making $venv with $("$python" -V)"
        # Only what is an environment (of a Python that is gone) is emptied, no other folder.
        if [ -e "$venv/pyvenv.cfg" ]; then clear=--clear; fi
        "$python" -m venv ${clear:+"$clear"} "$venv"
    fi
    say "installing Talkpath and what it needs into $venv; the first time takes a few minutes"
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off \
        --editable "${root}[$extra]" </dev/null 2>&1 | tee "$log" | show_progress || {
        tail -n 20 "$log" >&2
        say "the installation failed; all of its output is in $log"
        return 1
    }
    stamp_text >"$venv/.talkpath-$extra"
    # dev holds local: serve need not install again after test.
    if [ "$extra" = dev ]; then stamp_text >"$venv/.talkpath-local"; fi
    say "installed"
}

# On a terminal the current line of pip, written over the one before; elsewhere nothing.
show_progress() {
    local line
    while IFS= read -r line; do
        if [ -t 2 ]; then printf '\r\033[K%.78s' "$line" >&2; fi
    done
    if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}
