#!/bin/sh
# What of deploy/ can be checked without a network, containers and systemd as process 1; `./dev test deploy` calls it.
# Needs nginx, openssl, node and what `npm ci` installs in deploy/check. What else is installed is used:
# systemd-analyze, promtool and shellcheck.
set -u
cd "$(dirname "$0")/.." || exit 1

PASSED=0
FAILED=0
WORK=$(mktemp -d "${TMPDIR:-/tmp}/usher-deploy.XXXXXX")
# The node scripts stop the servers that they start, by process id.
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' HUP INT TERM

has() { command -v "$1" >/dev/null 2>&1; }

# check NAME COMMAND...: runs it, counts it, and shows what a failed one said.
check() {
    name=$1
    shift
    if "$@" > "$WORK/said" 2>&1; then
        PASSED=$((PASSED + 1))
        printf 'ok     %s\n' "$name"
    else
        FAILED=$((FAILED + 1))
        printf 'FAILED %s\n' "$name"
        sed 's/^/       /' "$WORK/said"
    fi
}

# checks COMMAND...: runs one that prints lines `ok …` and `FAILED …` itself.
checks() {
    status=0
    "$@" > "$WORK/said" 2>&1 || status=$?
    cat "$WORK/said"
    PASSED=$((PASSED + $(grep -c '^ok ' "$WORK/said")))
    failed=$(grep -c '^FAILED ' "$WORK/said")
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        printf 'FAILED %s ended with %s\n' "$*" "$status"
        failed=1
    fi
    FAILED=$((FAILED + failed))
}

skip() { printf 'skip   %s\n' "$*"; }

# --- scripts ----------------------------------------------------------------------------------------------------------------

scripts() {
    find . \( -name target -o -name node_modules -o -name .git -o -name .usher \) -prune -o -type f -name '*.sh' -print
    ls ./dev ./.ci/run
}

parses() {
    case $(head -n 1 "$1") in
        *bash*) bash -n "$1" ;;
        *) sh -n "$1" ;;
    esac
}

scripts | sort > "$WORK/scripts"
while read -r script; do
    check "$script parses" parses "$script"
    if has shellcheck; then check "$script: shellcheck" shellcheck -S warning "$script"; fi
done < "$WORK/scripts"
has shellcheck || skip "shellcheck is not installed"

refuses() { # refuses STATUS COMMAND...
    wanted=$1
    shift
    "$@"
    [ $? -eq "$wanted" ]
}
check "fresh-debian.sh refuses what it does not know" refuses 2 sh deploy/fresh-debian.sh --as nobody

# --- files ------------------------------------------------------------------------------------------------------------------

checks node deploy/check/yaml-refuses.mjs
checks node deploy/check/files.mjs

# units: without the paths that only an installed Usher has. The template is asked for one instance.
units() {
    mkdir -p "$WORK/units"
    for unit in deploy/systemd/*.service deploy/systemd/*.target; do
        sed 's#/usr/local/bin/usher#/bin/true#' "$unit" > "$WORK/units/${unit##*/}"
    done
    systemd-analyze verify --man=no --recursive-errors=no "$WORK/units/usher@realtime.service" "$WORK/units/usher.target" \
        > "$WORK/units.log" 2>&1 || { cat "$WORK/units.log"; return 1; }
    # An unknown setting is only warned of; other units of this machine are not our concern.
    ! grep usher "$WORK/units.log"
}

exposure() {
    systemd-analyze security --no-pager --offline=true --threshold=20 "$WORK/units/usher@realtime.service"
}

if has systemd-analyze; then
    check "the units are understood by systemd-analyze verify" units
    if systemd-analyze security --help 2>&1 | grep -q -- --offline; then
        check "the unit's exposure is at most 2.0 by systemd-analyze security" exposure
    fi
else
    skip "systemd-analyze is not installed"
fi

prometheus_of() { # as it will lie there
    mkdir -p "$WORK/$1"
    cp deploy/prometheus/*.yml "$WORK/$1/"
    cp "deploy/prometheus/targets-$1.yml" "$WORK/$1/targets.yml"
    promtool check config "$WORK/$1/prometheus.yml"
}

if has promtool; then
    for kind in systemd compose; do
        check "promtool takes prometheus.yml with targets-$kind.yml" prometheus_of "$kind"
    done
    check "the alerts fire when they should (promtool test rules)" promtool test rules deploy/prometheus/alerts_test.yml
else
    skip "promtool is not installed"
fi

config_of() { # config_of ROLE: our own program reads the example settings, those that may be set included.
    sed 's/^#USHER_/USHER_/' deploy/systemd/usher.env.example "deploy/systemd/$1.env" > "$WORK/settings"
    (
        set -a
        # shellcheck disable=SC1091 # plain NAME='value' lines
        . "$WORK/settings"
        target/debug/usher config check
    )
}

if [ -x target/debug/usher ]; then
    for role in queue-gateway admission inventory booking-worker realtime; do
        check "usher takes usher.env.example with $role.env" config_of "$role"
    done
else
    skip "target/debug/usher is not built: nobody has read the example settings"
fi

# --- the ingress ------------------------------------------------------------------------------------------------------------

checks node deploy/check/routes.mjs split "$WORK/split"
mkdir -p "$WORK/usher"
check "a certificate is made for the time of this check" \
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$WORK/usher/privkey.pem" -out "$WORK/usher/fullchain.pem"
checks node deploy/check/routes.mjs usher "$WORK/usher"
checks node deploy/check/healthy.mjs

printf '%s passed, %s failed\n' "$PASSED" "$FAILED"
[ "$FAILED" -eq 0 ]
