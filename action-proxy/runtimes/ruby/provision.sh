# Ruby of one version from the host.
. "$here/shared.sh"

ruby=$(find_tool "ruby $version" "ruby$version" ruby) ||
    { install_packages ruby && ruby=$(find_tool "ruby $version" "ruby$version" ruby); } ||
    fail "Ruby $version is not on this host: apt-get install ruby"
step "found $("$ruby" --version) at $ruby"
mkdir -p "$target/bin"
ln -s "$ruby" "$target/bin/ruby"
make_check "$target/bin/ruby" --version
