#!/bin/bash
# Whether a process here is ready, asked without curl: healthy [PORT [PATH]]; by default Usher's private listener and /readyz.
listen=${USHER_PRIVATE_LISTEN:-127.0.0.1:9100}
port=${1:-${listen##*:}}
exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "${2:-/readyz}" >&3
read -r -t 3 _ status _ <&3
[[ $status == 200 ]]
