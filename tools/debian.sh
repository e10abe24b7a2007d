# shellcheck shell=sh
# Debian packages, for set-up and for the browser: sourced, not run.

# Only root may install, and only where there is apt.
may_install() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; }

install_packages() {
    printf 'set-up: Installing Debian packages: %s\n' "$*"
    # A broken list of some other source must not stop us: what counts is whether the package comes.
    apt-get -q -o DPkg::Lock::Timeout=300 update </dev/null || true
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@" </dev/null
}
