# PHP of one version from the host, with the zip extension.
. "$here/shared.sh"

find_php() {
    php=$(find_tool "PHP $version." "php$version" php) && "$php" -r 'exit(extension_loaded("zip") ? 0 : 1);'
}

find_php || { install_packages "php$version-cli" "php$version-zip" && find_php; } ||
    fail "PHP $version with its zip extension is not on this host: apt-get install php$version-cli php$version-zip"
step "found $("$php" --version | head -n 1) at $php"
mkdir -p "$target/bin"
ln -s "$php" "$target/bin/php"
make_check "$target/bin/php" --version
