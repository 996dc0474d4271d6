#!/bin/sh
# A PostgreSQL on 127.0.0.1, for tests: Debian's server, its data in a folder of its own; prints its address.
#   tests/cluster/postgresql.sh up FOLDER PORT     then a store is at postgresql://vscbench@127.0.0.1:PORT/postgres
#   tests/cluster/postgresql.sh down FOLDER
set -eu
action=$1 folder=$(realpath -m "$2")
programs=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)

# The server does not run as root: the package has a user for it.
server() {
    if [ "$(id -u)" = 0 ]; then (cd / && setpriv --reuid postgres --regid postgres --clear-groups "$@"); else "$@"; fi
}

case $action in
up)
    mkdir -p "$folder"
    [ "$(id -u)" != 0 ] || chown postgres: "$folder"
    server "$programs/initdb" --pgdata "$folder/data" --username vscbench --auth trust --no-sync > "$folder.log"
    server "$programs/pg_ctl" --pgdata "$folder/data" --log "$folder/log" --wait start \
        --options "-c listen_addresses=127.0.0.1 -c fsync=off -c unix_socket_directories= -p $3" >> "$folder.log"
    echo "postgresql://vscbench@127.0.0.1:$3/postgres"
    ;;
down)
    server "$programs/pg_ctl" --pgdata "$folder/data" --mode immediate stop > /dev/null
    ;;
*)
    echo "usage: $0 up FOLDER PORT | down FOLDER" >&2
    exit 2
    ;;
esac
