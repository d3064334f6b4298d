/* What a campaign is told to do, as a value and as JSON: the same form at the management interface and in the
 * row, so that one reader and one writer are enough. */
#ifndef WHORL_FLEET_REKEY_SPEC_H
#define WHORL_FLEET_REKEY_SPEC_H

#include "base/json.h"
#include "db/rows.h"
#include "fleet/device_description.h"
#include "fleet/rekey_rate.h"

enum { REKEY_WAVES_MAX = 10, REKEY_LABELS_MAX = 4 };

struct rekey_label {
    char name[LABEL_NAME_MAX + 1]; /* "": none */
    char value[LABEL_VALUE_MAX + 1];
};

/* All that is set must hold. */
struct rekey_filter {
    bool is_all; /* it says so: nothing else is set */
    bool has_product, has_batch;
    struct uuid product, batch;
    char product_name[NAME_SIZE], batch_name[NAME_SIZE]; /* as asked for, until they are looked up; or "" */
    char authority[AUTHORITY_ID_SIZE];                   /* of the certificate that is used; "": any */
    uint32_t key_algorithms;                             /* of its key: bits of key_algorithm_bit(); 0: any */
    int64_t issued_before;                               /* 0: any */
    int64_t generation_below;                            /* 0: any */
    struct rekey_label labels[REKEY_LABELS_MAX];
    size_t label_count;
};

/* Waves add up: each holds those before it. */
struct rekey_wave {
    int64_t percent;          /* of the devices that the filter means; 0: none by chance */
    struct rekey_label label; /* canaries; name "": none */
};

struct rekey_spec {
    struct rekey_filter filter;
    struct rekey_wave waves[REKEY_WAVES_MAX];
    size_t wave_count;
    struct rekey_rate rate;
    int64_t starts_at;            /* 0: at once */
    int64_t confirm_within_s;     /* told and not confirmed for so long has failed */
    int64_t stop_percent;         /* of those told that have failed; 0: never */
    int64_t stop_min;             /* … when so many were told */
    int64_t soak_s;               /* how long a wave lasts before the next one opens by itself; 0: never */
    int64_t success_percent;      /* … of the wave's told devices that are confirmed */
    int64_t finish_after_quiet_s; /* without anybody told, in the last wave */
    bool has_late_joiners;        /* devices that enrol after the start are in it too */
};

/** What holds where nothing is said: one wave of all, no limit, a week. @thread any */
void rekey_spec_init(struct rekey_spec *out);
/** Reads the members that `document` has into `spec`, which holds the others already. `name` is one of them
 *  and goes to `name` (borrowed from the document), unless that is NULL: then it is unknown.
 *  @param faults what is wrong, by its place @errors of memory only @thread any */
err_t rekey_spec_read(const json_t *document, struct faults *faults, const char **name,
                      struct rekey_spec *spec);
/** Reads a filter alone: the member "filter" of `document`. @errors as above */
err_t rekey_filter_read(const json_t *document, struct faults *faults, struct rekey_filter *out);
/** Adds the members of `spec` to `out`. @errors ERR_NO_MEMORY @thread any */
err_t rekey_spec_write(const struct rekey_spec *spec, json_t *out);
/** A row's text. @errors ERR_DB it was stored in another form, ERR_NO_MEMORY @thread any */
err_t rekey_spec_parse(const char *text, struct rekey_spec *out);
/** @errors ERR_UNPROCESSABLE it is too long for a row, ERR_NO_MEMORY */
err_t rekey_spec_format(const struct rekey_spec *spec, char out[REKEY_SPEC_SIZE]);

#endif
