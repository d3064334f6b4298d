/* Which fields of an entry stand in the bytes of its kind, and in what order: for db/journal_format.c alone.
 */
#ifndef WHORL_DB_JOURNAL_FIELDS_H
#define WHORL_DB_JOURNAL_FIELDS_H

#include "db/journal_format.h"

enum journal_field_kind { FIELD_END, FIELD_U8, FIELD_I64, FIELD_RAW, FIELD_TEXT, FIELD_BYTES };

struct journal_field {
    enum journal_field_kind kind;
    size_t offset, size; /* in struct journal_entry */
    int since;           /* the version of its kind that brought it; 0: the first */
};

struct journal_kind_fields {
    const char *name;
    const struct journal_field *fields; /* up to FIELD_END */
    int version;                        /* that is written */
};

/** NULL: no kind of this program. @thread any */
const struct journal_kind_fields *journal_fields_of(int kind);

#endif
