# What .ci/run and .ci/release share; both source it from the root of the repository.

step() { printf '\n== %s\n' "$*"; }

readme_command() { sed -n '/^python3 -m venv /p' README.md | sed -n "$1p"; }

# Print the path of a working python$1: the one on PATH, else one that pyenv keeps.
interpreter() {
    local version
    if "python$1" -c '' 2>/dev/null; then
        command -v "python$1"
    elif command -v pyenv >/dev/null; then
        version=$(pyenv versions --bare | grep "^$1\." | tail -n 1) || return 0
        echo "$(pyenv prefix "$version")/bin/python"
    fi
}

# End the script where python3 is too old for the project.
need_python() {
    if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo "python3 is $(python3 --version 2>&1); 3.11 or newer is needed" >&2
        exit 1
    fi
}
