# What a container of the image `postgres` does, with the programs of this machine. The first time it makes a database cluster, with the user and the database
# that the variables name. Other pods need the password.
set -eu
: "${POSTGRES_USER:=postgres}"
: "${POSTGRES_DB:=$POSTGRES_USER}"
sockets=/var/run/postgresql
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf '%s\n' "$POSTGRES_PASSWORD" > "$sockets/password"
    initdb --username="$POSTGRES_USER" --pwfile="$sockets/password" --auth-local=trust --auth-host=scram-sha-256 \
        --encoding=UTF8 --locale=C --no-sync -D "$PGDATA"
    printf 'CREATE DATABASE "%s"\n' "$POSTGRES_DB" | postgres --single -c fsync=off -D "$PGDATA" postgres
    printf 'host all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories="$sockets" -c fsync=off "$@"
