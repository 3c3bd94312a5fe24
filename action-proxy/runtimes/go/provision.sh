# The Go toolchain of the host, of this version or a later one: Go 1 compilers compile the text of earlier ones.
. "$here/shared.sh"

find_go() {
    version_word=version
    go=$(find_tool "go version go1." go) || return 1
    minor=$("$go" version | sed 's/.*go1\.\([0-9]*\).*/\1/')
    [ "$minor" -ge "${version#1.}" ]
}

find_go || { install_packages golang-go && find_go; } ||
    fail "Go $version or later is not on this host: apt-get install golang-go"
step "found $("$go" version) at $go"
mkdir -p "$target/bin"
ln -s "$(readlink -f "$go")" "$target/bin/go"
cp "$here/go/harness/harness.go" "$target/harness.go"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOCACHE="$work/cache" GOPATH="$work/path" GOPROXY=off GOTOOLCHAIN=local GOTELEMETRY=off CGO_ENABLED=0 GO111MODULE=on GOFLAGS=-mod=mod
step "compiling the launcher"
(cd "$here/go/launcher" && "$go" build -trimpath -ldflags='-s -w' -o "$target/launcher" .)

step "compiling the packages that actions use"
export GOCACHE="$target/gocache"
mkdir "$work/warm"
cp "$here/go/harness/harness.go" "$here/go/harness/warm.go.txt" "$work/warm/"
mv "$work/warm/warm.go.txt" "$work/warm/warm.go"
printf 'module action\n\ngo 1.19\n' >"$work/warm/go.mod"
(cd "$work/warm" && "$go" build -trimpath -ldflags='-s -w' -o "$work/exec" .)
chmod -R a+rX "$target/gocache"
make_check "$target/bin/go" version
