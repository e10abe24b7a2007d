# shellcheck shell=sh
# Debian packages, for set-up and for the browser: sourced, not run.

packages_listed=''

# Only root may install, and only where there is apt.
may_install() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; }

# A fresh machine's lists are empty or old. A broken list of some other source must not stop us: what counts is whether
# the package comes.
list_packages() {
    [ -n "$packages_listed" ] || apt-get -q -o DPkg::Lock::Timeout=300 update </dev/null || true
    packages_listed=yes
}

install_packages() {
    printf 'set-up: Installing Debian packages: %s\n' "$*"
    list_packages
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@" </dev/null
}
