#!/bin/sh
# Writes the C file of the schema's steps (db/migrations.h) from NNNN_name.sql files, given in order. Called by the Makefile.
set -eu

number=0
rows=
printf '/* Made by deploy/embed-migrations.sh; not to be edited. */\n#include "db/migrations.h"\n'
for file in "$@"; do
    number=$((number + 1))
    name=$(basename "$file" .sql)
    case $name in
    "$(printf '%04d' "$number")"_*) ;;
    *)
        echo "$file: step $number must be called $(printf '%04d' "$number")_NAME.sql" >&2
        exit 1
        ;;
    esac
    printf '\nstatic const char sql_%d[] =\n' "$number"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/    "/' -e 's/$/\\n"/' "$file"
    printf '    "";\n'
    rows="$rows    {$number, \"$name\", sql_$number},
"
done
printf '\nconst struct db_migration db_migrations_sqlite[] = {\n%s};\n' "$rows"
printf 'const size_t db_migrations_sqlite_count = sizeof db_migrations_sqlite / sizeof db_migrations_sqlite[0];\n'
