# A streaming replica (hot standby): copied from its primary when there is nothing yet, then served.
#
#   PRIMARY_URL_FILE   a file with the URL of the primary, postgresql://..., of a role that may replicate
#   PGDATA             the folder of the data; beside it must be room to copy into
#
# Arguments are those of `postgres`. A new password is read when this starts, and replicating goes on with it.
set -eu
umask 077
url=$(cat "$PRIMARY_URL_FILE")
if [ ! -e "$PGDATA" ]; then
    rm -rf "$PGDATA.copy"
    pg_basebackup --dbname="$url" --no-password --pgdata="$PGDATA.copy" --checkpoint=fast --write-recovery-conf
    mv "$PGDATA.copy" "$PGDATA" # whole, or not at all
fi
# The last line counts, and only the owner reads this file. It is no argument: everybody may read those.
settings="$PGDATA/postgresql.auto.conf"
sed "/^primary_conninfo/d" "$settings" > "$settings.new"
printf "primary_conninfo = '%s'\n" "$(printf %s "$url" | sed "s/'/''/g")" >> "$settings.new"
mv "$settings.new" "$settings"
# Else what it replays removes rows under a list that reads them.
exec postgres -D "$PGDATA" -c hot_standby_feedback=on "$@"
