# CPython of one version from the host; the launcher is compiled beforehand, since sandboxes see it read-only.
. "$here/shared.sh"

python=$(find_tool "Python $version." "python$version" python3) ||
    { install_packages "python$version" python3-requests && python=$(find_tool "Python $version." "python$version"); } ||
    fail "Python $version is not on this host: apt-get install python$version"
step "found $("$python" --version) at $python"
mkdir -p "$target/bin" "$target/launcher"
ln -s "$python" "$target/bin/python3"
cp -r "$here/python/__main__.py" "$here/python/zygote.py" "$here/python/argo_launcher" "$target/launcher/"
"$python" -m compileall -q --invalidation-mode unchecked-hash "$target/launcher"
make_check "$target/bin/python3" --version
