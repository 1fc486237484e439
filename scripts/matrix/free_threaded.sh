#!/usr/bin/env bash
# Build a free-threaded CPython from Debian's source package of Python 3.14, since Debian has no package of it.
# Runs in a chroot of the matrix, once: the result is kept with the chroot.
set -euo pipefail

prefix=/opt/python-free-threaded
package=python3.14
[ ! -x "$prefix/bin/python3" ] || exit 0

sed 's/^deb /deb-src /' /etc/apt/sources.list >/etc/apt/sources.list.d/sources.list
apt-get update -qq
apt-get install -y -qq --no-install-recommends \
  dpkg-dev gcc libc6-dev make pkg-config libbz2-dev libffi-dev liblzma-dev libsqlite3-dev libssl-dev zlib1g-dev
build="$(mktemp -d)"
trap 'rm -rf "$build"' EXIT
cd "$build"
apt-get source -qq "$package"
cd "$package"-*/
# No profile-guided optimisation: it takes twenty minutes and changes no outcome.
./configure --quiet --disable-gil --with-ensurepip=install --prefix="$prefix" CFLAGS=-O2
make -s -j"$(nproc)"
make -s install >/dev/null
"$prefix/bin/python3" -c 'import bz2, ctypes, lzma, sqlite3, ssl, sys, zlib; assert not sys._is_gil_enabled()'
