/* The rows behind cmd/whorld/config.c. Private to config*.c. */
#ifndef WHORL_CMD_CONFIG_TABLE_H
#define WHORL_CMD_CONFIG_TABLE_H

#include "cmd/whorld/config.h"

enum setting_kind { TEXT, NUMBER };

struct setting {
    const char *key;
    enum setting_kind kind;
    size_t offset;
    const char *fallback; /* the default, as text */
    int64_t min, max;
    bool is_live; /* SIGHUP changes it */
    const char *text;
};

extern const struct setting config_table[];
extern const size_t config_table_size;

#endif
