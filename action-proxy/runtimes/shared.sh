# Sourced by every family's provision.sh, which runs with: here kind family version target tools.

step() {
    echo "$kind: $*"
}

fail() {
    echo "$kind: failed: $*" >&2
    exit 1
}

# find_tool PREFIX NAME...: the first of these programs whose version line starts with PREFIX, from where every
# user may run it (an unprivileged sandbox cannot enter a home folder).
find_tool() {
    prefix=$1
    shift
    for name; do
        for folder in /usr/bin /usr/local/bin /usr/local/go/bin /usr/lib/go/bin /opt/*/bin; do
            [ -x "$folder/$name" ] || continue
            case $(readlink -f "$folder/$name") in /root/* | /home/*) continue ;; esac
            case $("$folder/$name" "${version_word:---version}" 2>&1 | head -n 1) in
            "$prefix"*)
                echo "$folder/$name"
                return 0
                ;;
            esac
        done
    done
    return 1
}

# install_packages NAME...: from Debian, where we are root; false where that cannot be.
install_packages() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    step "installing $* from Debian"
    log=$tools/.apt.log
    (
        flock 8
        apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"; }
        apt_get install --no-install-recommends "$@" || { apt_get update && apt_get install --no-install-recommends "$@"; }
    ) >"$log" 2>&1 8>"$tools/.lock-apt" || {
        tail -n 3 "$log" >&2
        return 1
    }
}

# An image keeps its tools there, and nothing that only its making needed.
image_tools=/opt/argo/tools
for_building=$tools/.for-building

# install_for_building NAME...: as above; remove_building_packages takes them away again from an image.
install_for_building() {
    install_packages "$@" || return 1
    [ "$tools" != "$image_tools" ] || echo "$@" >>"$for_building"
}

remove_building_packages() {
    [ -f "$for_building" ] || return 0
    step "removing $(cat "$for_building")"
    # shellcheck disable=SC2046 # a list of names
    DEBIAN_FRONTEND=noninteractive apt-get -q -y purge --auto-remove $(cat "$for_building") >/dev/null
    rm -f "$for_building"
}

# make_check WORD...: the command that tells whether this tool folder still works.
make_check() {
    {
        echo '#!/bin/sh'
        printf 'exec'
        printf " '%s'" "$@"
        echo
    } >"$target/check"
    chmod +x "$target/check"
}
