# Sourced by the other scripts: where things are.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Swift: on the PATH, or where toolchains are usually unpacked.
if ! command -v swift >/dev/null 2>&1; then
  for candidate in /opt/swift/usr/bin /usr/local/swift/usr/bin "$HOME/.local/share/swiftly/bin" "$HOME/.swiftly/bin"; do
    if [ -x "$candidate/swift" ]; then
      PATH="$candidate:$PATH"
      export PATH
      break
    fi
  done
fi

# Each argument is a line.
say() { printf '%s\n' "$@" >&2; }
die() { say "$@"; exit 1; }
