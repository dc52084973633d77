#!/bin/sh
# The browser test over a demo of its own, from what is built already: starts it, walks through it, stops it.
# Screenshots and the demo's logs stay in target/browser.
set -eu
cd "$(dirname "$0")/../../.."

out=$PWD/target/browser
data=$(mktemp -d "${TMPDIR:-/tmp}/usher-browser.XXXXXX")
rm -rf "$out"
mkdir -p "$out"
pid=
stop() {
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    fi
    cp -r "$data/logs" "$out/" 2>/dev/null || :
    rm -rf "$data"
}
trap stop EXIT
trap 'exit 130' INT TERM

# fail WHY: the count that ./dev adds up.
fail() {
    cat "$out/up.log" >&2
    echo "$1"
    echo "0 passed, 1 failed"
    exit 1
}

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
USHER_GATEWAY__WEB_DIR=$PWD/web/dist target/debug/loadgen up --port "$port" --data "$data" --fans 300 --fresh > "$out/up.log" 2>&1 &
pid=$!
tries=0
until grep -q '^ready ' "$out/up.log"; do
    kill -0 "$pid" 2>/dev/null || fail "the demo ended before it was ready"
    tries=$((tries + 1))
    [ "$tries" -lt 180 ] || fail "the demo was not ready within three minutes"
    sleep 1
done

base=$(sed -n 's/^ready //p' "$out/up.log")
sale=$(sed -n 's,.*/q/\(sal_[0-9a-f]*\).*,\1,p' "$out/up.log" | head -n 1)
# The demo's promoter is an operator, too.
email=$(sed -n 's/^promoter console .* \([^ ]*@[^ ]*\)  password: .*/\1/p' "$out/up.log")
password=$(sed -n 's/^promoter console .*  password: //p' "$out/up.log")
node web/test/browser/run.mjs --base "$base" --sale "$sale" --out "$out" --operator-email "$email" --operator-password "$password" \
    --hold-seconds 30 --rate 90
