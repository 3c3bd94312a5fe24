# Executables bring their own runtime; only the launcher needs an interpreter, any CPython 3 that has pidfd_open.
. "$here/shared.sh"

python=$(find_tool "Python 3." python3 python3.11 python3.12 python3.13) ||
    { install_packages python3 && python=$(find_tool "Python 3." python3); } ||
    fail "Python 3 is not on this host: apt-get install python3"
"$python" -c 'import os; os.pidfd_open, os.memfd_create' || fail "$python is too old: 3.9 or later is needed"
step "found $("$python" --version) at $python"
mkdir -p "$target/bin" "$target/launcher"
ln -s "$python" "$target/bin/python3"
cp -r "$here/python/argo_launcher" "$here/binary/__main__.py" "$target/launcher/"
cp "$here/binary/binary_action.py" "$target/launcher/argo_launcher/"
"$python" -m compileall -q --invalidation-mode unchecked-hash "$target/launcher"
make_check "$target/bin/python3" --version
