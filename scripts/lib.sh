# Shared by the scripts beside it, which source it. Leaves the caller in the repository's root.
set -euo pipefail
for variable in LANEWAY_ORT_ROOT LANEWAY_ORT_LIBRARY; do  # paths of the caller's folder
  [ -z "${!variable:-}" ] || export "$variable=$(realpath -ms "${!variable}")"
done
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Build folders, and clones, share what they compile alike.
export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$PWD

step() { printf '== %s\n' "$*"; }
die() {
  printf '%s: %s\n' "scripts/$(basename "$0")" "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}
usage() {  # prints the comment at the head of the calling script
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  exit "$1"
}

case ${1:-} in -h | --help) usage 0 ;; esac

configure() {  # configure PRESET: quiet unless it fails
  local log=build/$1/configure.log
  mkdir -p "build/$1"
  cmake --preset "$1" ${LANEWAY_ORT_ROOT:+"-DLANEWAY_ORT_ROOT=$LANEWAY_ORT_ROOT"} \
    ${LANEWAY_ORT_LIBRARY:+"-DLANEWAY_ORT_LIBRARY=$LANEWAY_ORT_LIBRARY"} >"$log" 2>&1 || { cat "$log" >&2; die "cannot configure preset $1"; }
}
build() {  # build PRESET [TARGET...]
  local preset=$1
  shift
  step "build: $preset ${*:-(everything)}"
  configure "$preset"
  cmake --build --preset "$preset" ${*:+--target "$@"}
}
