# PROGRAM ARGS...: runs it in this network, which is a fresh one, with IPv4 alone.
set -e
ip link set lo up
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
exec "$@"
