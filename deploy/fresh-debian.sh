#!/bin/sh
# Proves that `./dev up` reaches `ready` on a bare Debian 12 with only Rust, git and CA certificates, and stops cleanly.
#
#   deploy/fresh-debian.sh [--as root|user|both] [--worktree] [--no-cache] [--wait SECONDS] [--dir DIR] [--keep]
#
#   --as        who runs it: root, an ordinary user with sudo, or one after the other (both, the default)
#   --worktree  take the files as they lie here, committed or not, instead of a clone of HEAD
#   --no-cache  let cargo download everything, instead of starting from this machine's downloaded crates
#   --wait      how long the first start may take until `ready` (default 3600)
#   --dir       where to make the chroots (default a new folder in $TMPDIR or /tmp); about 4 GB each
#   --keep      leave the chroots there afterwards
#
# Needs root. Each chroot runs in mount and process namespaces of its own, so that nothing outlives this script. The Debian
# mirror, proxies and extra CA certificates are those that this machine itself uses.
set -eu

SUITE=bookworm
PACKAGES=ca-certificates,git
PASSED=0
FAILED=0

say() { printf '%s\n' "$*"; }
die() { printf 'fresh-debian: %s\n' "$*" >&2; exit 2; }
has() { command -v "$1" >/dev/null 2>&1; }

check() { # check NAME COMMAND...: runs it and counts.
    name=$1
    shift
    if "$@"; then
        PASSED=$((PASSED + 1))
        say "ok     $WHO: $name"
    else
        FAILED=$((FAILED + 1))
        say "FAILED $WHO: $name"
        return 1
    fi
}

# --- inside: as process 1 of its namespaces, with the machine's own programs ----------------------------------------------

# state PID: its letter in the process table, nothing when it is gone.
state() { sed 's/.*) \(.\).*/\1/' "$CHROOT/proc/$1/stat" 2>/dev/null || :; }

alive() { case $(state "$1") in '' | Z) return 1 ;; esac; }

# enter USER COMMAND...: in the chroot, with the environment of a bare login and what this machine needs to reach the network.
# With RUN=exec it becomes the command.
CHROOT_PROGRAM=$(command -v chroot) || die "chroot is not on PATH"
RUN=
enter() {
    user=$1
    shift
    if [ "$user" = root ]; then
        set -- env -i HOME=/root USER=root LOGNAME=root PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            "$CHROOT_PROGRAM" "$CHROOT" /bin/sh -c '. /etc/carried.env; exec "$@"' sh "$@"
    else
        set -- env -i HOME=/home/fan USER=fan LOGNAME=fan PATH=/opt/rust/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games \
            "$CHROOT_PROGRAM" --userspec=fan:fan "$CHROOT" /bin/sh -c '. /etc/carried.env; exec "$@"' sh "$@"
    fi
    $RUN "$@"
}

# start ARGUMENTS...: `./dev up` in the background, UP is its process id.
start() {
    : > "$CHROOT/up.out"
    : > "$CHROOT/up.err"
    # Each `exec` keeps the process id: what gets the signal later is `./dev` or what it became.
    # shellcheck disable=SC2016 # the inner shell expands it
    (RUN="exec"; enter "$WHO" sh -c 'cd ~/usher; exec nice ./dev up "$@"' up "$@" 1>"$CHROOT/up.out" 2>"$CHROOT/up.err" </dev/null) &
    UP=$!
}

says_what_to_install() {
    start --port "$PORT"
    status=0
    wait "$UP" || status=$?
    [ "$status" -eq 1 ] && grep 'apt-get install .* redis-server postgresql' "$CHROOT/up.err"
}

ready() { # ready SECONDS: waits for the line.
    waited=0
    until grep -q '^ready http://' "$CHROOT/up.out"; do
        if ! alive "$UP"; then
            say "       ./dev up ended by itself; its last words:"
            break
        elif [ "$waited" -ge "$1" ]; then
            say "       ./dev up is not ready after $1 s; its last words:"
            break
        fi
        sleep 1
        waited=$((waited + 1))
    done
    if grep -q '^ready http://' "$CHROOT/up.out"; then
        say "       ready after about $waited s"
        return 0
    fi
    tail -n 40 "$CHROOT/up.err" "$CHROOT/up.out" | sed 's/^/       | /'
    return 1
}

# answers ADDRESS: whether it answers 200, asked by nothing but bash.
answers() {
    # shellcheck disable=SC2016 # the inner shell expands it
    enter "$WHO" bash -c '
        rest=${1#http://}
        host=${rest%%/*}
        path=${rest#"$host"}
        exec 3<>"/dev/tcp/${host%:*}/${host#*:}" || exit 1
        printf "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" "${path:-/}" "$host" >&3
        read -r -t 10 _ status _ <&3
        [ "$status" = 200 ]' bash "$1" || { say "       $1 does not answer 200"; return 1; }
}

every_address_answers() {
    base=$(sed -n 's/^ready //p' "$CHROOT/up.out")
    pages=$(grep -o "$base/[^ ]*" "$CHROOT/up.out" || :)
    [ -n "$pages" ] || { say "       no address was printed before \`ready\`"; return 1; }
    for address in "$base/" "$base/v1/events" $pages; do
        answers "$address" || return 1
    done
}

stops() { # SIGTERM, and a bound on what it may take.
    kill -TERM "$UP"
    waited=0
    while alive "$UP"; do
        [ "$waited" -lt 60 ] || { say "       it still runs 60 s after SIGTERM"; return 1; }
        sleep 1
        waited=$((waited + 1))
    done
    status=0
    wait "$UP" || status=$?
    [ "$status" -eq 0 ] || { say "       it ended with $status; its last words:"; tail -n 15 "$CHROOT/up.err" | sed 's/^/       | /'; return 1; }
}

nothing_left() {
    left=
    for process in "$CHROOT"/proc/[0-9]*; do
        pid=${process##*/}
        case $(readlink "$process/root" 2>/dev/null) in
            "$CHROOT"*) ! alive "$pid" || left="$left $pid" ;;
        esac
    done
    for pid in $left; do
        say "       left running: $pid $(tr '\0' ' ' < "$CHROOT/proc/$pid/cmdline" 2>/dev/null)"
    done
    [ -z "$left" ]
}

nobody_listens() {
    rest=$(sed -n 's/^ready http:\/\///p' "$CHROOT/up.out")
    if enter root bash -c "exec 3<>/dev/tcp/${rest%:*}/${rest#*:}" 2>/dev/null; then
        say "       somebody still listens on $rest"
        return 1
    fi
}

inside() {
    mount --make-rprivate /
    mount -t proc proc "$CHROOT/proc"
    mount -t sysfs -o ro sysfs "$CHROOT/sys" 2>/dev/null || :
    mount -t tmpfs -o mode=1777 tmpfs "$CHROOT/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$CHROOT/dev/pts" 2>/dev/null || :
    mount --bind "$SYSROOT" "$CHROOT/opt/rust"
    mount -o remount,bind,ro "$CHROOT/opt/rust"

    enter root update-ca-certificates >/dev/null 2>&1 || die "update-ca-certificates failed in the chroot"
    enter root apt-get update -q >"$CHROOT/apt.log" 2>&1 || { cat "$CHROOT/apt.log"; die "apt-get update failed in the chroot"; }
    home=/root
    if [ "$WHO" = user ]; then
        home=/home/fan
        enter root useradd --create-home --shell /bin/bash fan
    fi
    mkdir -p "$CHROOT$home/.cargo"
    [ ! -d "$CHROOT/carried/cargo" ] || cp -a "$CHROOT/carried/cargo/." "$CHROOT$home/.cargo/"
    if [ -e "$CHROOT/carried/usher.bundle" ]; then
        enter root git -c advice.detachedHead=false clone -q /carried/usher.bundle "$home/usher"
    else
        mv "$CHROOT/carried/usher" "$CHROOT$home/usher"
    fi
    [ "$WHO" = root ] || enter root chown -R fan:fan "$home"
    rm -rf "$CHROOT/carried"
    # shellcheck disable=SC2016 # the inner shell expands it
    if enter "$WHO" sh -c 'for it in cc make node redis-server psql nginx curl sudo; do if command -v $it; then exit 1; fi; done'; then
        say "       a bare Debian $(cat "$CHROOT/etc/debian_version") with $(enter "$WHO" cargo --version) and $(enter "$WHO" git --version)"
    else
        die "the chroot is not bare"
    fi
    if [ "$WHO" = user ]; then
        check "without sudo it says the line to run, and stops" says_what_to_install || :
        enter root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends sudo >"$CHROOT/apt.log" 2>&1 ||
            { cat "$CHROOT/apt.log"; die "sudo cannot be installed in the chroot"; }
        printf 'fan ALL=(ALL) NOPASSWD: ALL\n' > "$CHROOT/etc/sudoers.d/fan"
        chmod 440 "$CHROOT/etc/sudoers.d/fan"
    fi

    began=$(date +%s)
    start --port "$PORT" --fans 50
    if check "./dev up on a bare machine reaches ready" ready "$WAIT"; then
        say "       $(($(date +%s) - began)) s, packages and build included"
        check "every printed address, / and /v1/events answer 200" every_address_answers || :
        check "SIGTERM ends it, with status 0" stops || :
        check "nothing is left running" nothing_left || :
        check "nobody listens on its port" nobody_listens || :
        start --port "$PORT" --fans 50 --no-crowd
        if check "a second start reaches ready within 120 s" ready 120; then
            check "its addresses answer 200" every_address_answers || :
            check "SIGTERM ends that too" stops || :
            check "nothing is left running after it" nothing_left || :
        fi
    fi
    printf '%s %s\n' "$PASSED" "$FAILED" > "$CHROOT/counted"
    # As process 1: whatever still runs in here ends with it, and the mounts with that.
    exit 0
}

if [ "${1:-}" = --inside ]; then
    WHO=$2 CHROOT=$3 SYSROOT=$4 PORT=$5 WAIT=$6
    inside
fi

# --- outside --------------------------------------------------------------------------------------------------------------

AS=both
WORKTREE=
CACHE=1
WAIT=3600
DIR=
KEEP=
while [ $# -gt 0 ]; do
    case $1 in
        --as) AS=${2:-}; shift ;;
        --worktree) WORKTREE=1 ;;
        --no-cache) CACHE= ;;
        --wait) WAIT=${2:-}; shift ;;
        --dir) DIR=${2:-}; shift ;;
        --keep) KEEP=1 ;;
        *) sed -n '2,16s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done
case $AS in root | user) MODES=$AS ;; both) MODES="root user" ;; *) die "--as takes root, user or both" ;; esac
case $WAIT in '' | *[!0-9]*) die "--wait takes seconds" ;; esac

SCRIPT=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
REPOSITORY=$(dirname "$(dirname "$SCRIPT")")
[ "$(id -u)" -eq 0 ] || die "only root can make a chroot; run this with sudo"
has rustc || die "Rust is missing on this machine; it is what the chroot is given"
has apt-config || die "this needs the apt tools of Debian or Ubuntu"
[ -n "$WORKTREE" ] || git -C "$REPOSITORY" rev-parse -q --verify HEAD >/dev/null || die "there is no commit to clone; pass --worktree"
SYSROOT=$(cd "$REPOSITORY" && rustc --print sysroot)
if ! has debootstrap; then
    say "installing debootstrap"
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends debootstrap debian-archive-keyring >/dev/null
fi

if [ -n "$DIR" ]; then
    mkdir -p "$DIR"
    WORK=$(mktemp -d "$(cd "$DIR" && pwd -P)/fresh-debian.XXXXXX")
else
    WORK=$(cd "$(mktemp -d "${TMPDIR:-/tmp}/fresh-debian.XXXXXX")" && pwd -P)
fi
# Postgres runs as another user and has to pass through.
chmod 755 "$WORK"
NAMESPACE=

cleanup() {
    trap - EXIT HUP INT TERM
    if [ -n "$NAMESPACE" ]; then
        # Its process 1 ends with it, and everything inside with that.
        kill -KILL "$NAMESPACE" 2>/dev/null || :
        wait "$NAMESPACE" 2>/dev/null || :
    fi
    if grep -q " $WORK/" /proc/self/mounts; then
        say "something is still mounted below $WORK; it is left there"
    elif [ -n "$KEEP" ]; then
        say "kept: $WORK"
    else
        rm -rf --one-file-system "$WORK"
    fi
}
trap cleanup EXIT
trap 'cleanup; exit 130' HUP INT TERM

# uris SUITE: where this machine's own apt gets that suite of Debian's.
uris() {
    # shellcheck disable=SC2016 # apt expands it
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' "Release: $1" 2>/dev/null | sort -u | head -n 1
}

# carried_environment: as `export` lines, what this machine's programs need to reach the network, by name.
carried_environment() {
    env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p' | while read -r name; do
        case $name in
            *TOKEN* | *PASSWORD* | *_auth*) continue ;;
            http_proxy | https_proxy | no_proxy | all_proxy | ftp_proxy) ;;
            HTTP_PROXY | HTTPS_PROXY | NO_PROXY | ALL_PROXY) ;;
            SSL_CERT_FILE | SSL_CERT_DIR | CURL_CA_BUNDLE | GIT_SSL_CAINFO | NODE_EXTRA_CA_CERTS) ;;
            CARGO_HTTP_* | CARGO_NET_* | CARGO_SOURCE_* | CARGO_REGISTRIES_* | CARGO_REGISTRY_*) ;;
            npm_config_registry | npm_config_*proxy | npm_config_cafile | NPM_CONFIG_REGISTRY | NPM_CONFIG_*PROXY | NPM_CONFIG_CAFILE) ;;
            *) continue ;;
        esac
        printf "export %s='%s'\n" "$name" "$(printenv "$name" | sed "s/'/'\\\\''/g")"
    done
    # What npm here takes from its files.
    ! has npm || for key in registry proxy https-proxy cafile; do
        value=$(npm config get "$key" 2>/dev/null || :)
        case $value in '' | null | undefined) continue ;; esac
        printf "export npm_config_%s='%s'\n" "$(printf %s "$key" | tr - _)" "$(printf %s "$value" | sed "s/'/'\\\\''/g")"
    done
}

say "making a bare Debian ($SUITE) in $WORK"
BASE=$WORK/base
# shellcheck disable=SC2046 # a mirror or none: then debootstrap has its own
debootstrap --variant=minbase --include="$PACKAGES" "$SUITE" "$BASE" $(uris "$SUITE") > "$WORK/debootstrap.log" 2>&1 || {
    tail -n 20 "$WORK/debootstrap.log"
    die "debootstrap failed"
}
for suite in "$SUITE-updates" "$SUITE-security"; do
    uri=$(uris "$suite")
    [ -z "$uri" ] || printf 'deb %s %s main\n' "$uri" "$suite" >> "$BASE/etc/apt/sources.list"
done
apt-config dump | grep -E '^Acquire::https?::[A-Za-z]' > "$BASE/etc/apt/apt.conf.d/90carried" || :
# Nobody misses the data of a chroot whose machine lost its power.
printf 'force-unsafe-io\n' > "$BASE/etc/dpkg/dpkg.cfg.d/unsafe-io"
cp -L /etc/resolv.conf /etc/hosts "$BASE/etc/"
if [ -d /usr/local/share/ca-certificates ]; then
    mkdir -p "$BASE/usr/local/share/ca-certificates"
    cp -RL /usr/local/share/ca-certificates/. "$BASE/usr/local/share/ca-certificates/"
fi
carried_environment > "$BASE/etc/carried.env"
mkdir -p "$BASE/opt/rust" "$BASE/carried/cargo"
CARGO=${CARGO_HOME:-$HOME/.cargo}
for config in config.toml config; do
    [ ! -e "$CARGO/$config" ] || cp "$CARGO/$config" "$BASE/carried/cargo/"
done
if [ -n "$CACHE" ] && [ -d "$CARGO/registry/cache" ]; then
    mkdir -p "$BASE/carried/cargo/registry"
    cp -a "$CARGO/registry/cache" "$CARGO/registry/index" "$BASE/carried/cargo/registry/"
fi
if [ -n "$WORKTREE" ]; then
    mkdir -p "$BASE/carried/usher"
    # Others may be editing: a file that is gone by now is left out.
    (cd "$REPOSITORY" && git ls-files -z -co --exclude-standard | tar -c --ignore-failed-read --null -T - -f - 2>/dev/null) |
        tar -x --no-same-owner -f - -C "$BASE/carried/usher"
else
    git -C "$REPOSITORY" bundle create -q "$BASE/carried/usher.bundle" HEAD
fi

PORT=18080
for mode in $MODES; do
    WHO=$mode
    say "== as $mode"
    cp -a "$BASE" "$WORK/$mode"
    unshare --mount --pid --fork --kill-child sh "$SCRIPT" --inside "$mode" "$WORK/$mode" "$SYSROOT" "$PORT" "$WAIT" &
    NAMESPACE=$!
    wait "$NAMESPACE" || :
    NAMESPACE=
    if [ -r "$WORK/$mode/counted" ]; then
        read -r passed failed < "$WORK/$mode/counted"
        PASSED=$((PASSED + passed))
        FAILED=$((FAILED + failed))
    else
        say "FAILED $mode: the chroot could not be made ready"
        FAILED=$((FAILED + 1))
    fi
    PORT=$((PORT + 1))
    [ -n "$KEEP" ] || rm -rf --one-file-system "${WORK:?}/$mode"
done

say "$PASSED passed, $FAILED failed"
[ "$FAILED" -eq 0 ]
