/* What a rollout is told to do, as a value and as JSON: the same form at the management interface and in the
 * row, so that one reader and one writer are enough. Which release it is about is in the row itself. */
#ifndef WHORL_FLEET_ROLLOUT_SPEC_H
#define WHORL_FLEET_ROLLOUT_SPEC_H

#include "db/rollout_rows.h"
#include "fleet/rekey_spec.h"

enum { ROLLOUT_WINDOWS_MAX = 14, ROLLOUT_VERSION_SIZE = 65, WEEK_MINUTES = 7 * 24 * 60 };

/* All that is set must hold; the product is that of the release. */
struct rollout_filter {
    bool is_all; /* it says so: nothing else is set */
    bool has_batch;
    struct uuid batch;
    char batch_name[NAME_SIZE]; /* as asked for, until it is looked up; or "" */
    char model[MODEL_SIZE];
    char installed_version[ROLLOUT_VERSION_SIZE];
    int64_t sequence_below; /* of what is installed; 0: any */
    struct rekey_label labels[REKEY_LABELS_MAX];
    size_t label_count;
};

/* Waves add up: each holds those before it. */
struct rollout_wave {
    int64_t percent;          /* of the devices that the filter means; 0: none by chance */
    int64_t count;            /* of devices that were offered it so far, whichever come; 0: none */
    struct rekey_label label; /* canaries; name "": none */
};

/* A weekly time in which devices may install: minutes from Monday 00:00 of the rollout's local time. */
struct rollout_window {
    int64_t from, length;
};

struct rollout_spec {
    struct rollout_filter filter;
    struct rollout_wave waves[REKEY_WAVES_MAX];
    size_t wave_count;
    struct rekey_rate rate;
    struct rollout_window windows[ROLLOUT_WINDOWS_MAX];
    size_t window_count;
    int64_t utc_offset_minutes;
    int64_t starts_at;            /* 0: at once */
    int64_t silent_after_s;       /* an open action of which the device says nothing for so long has failed */
    int64_t stop_percent;         /* of those offered that have failed; 0: never */
    int64_t stop_min;             /* … when so many were offered */
    int64_t soak_s;               /* a wave lasts so long before the next one opens by itself; 0: never */
    int64_t success_percent;      /* … of the wave's offered devices that succeeded */
    int64_t advance_min;          /* … when so many of the wave were offered */
    int64_t finish_after_quiet_s; /* without anybody offered, in the last wave */
    int64_t source_min_sequence;  /* of what is installed; 0: any */
    char source_min_version[ROLLOUT_VERSION_SIZE]; /* dotted numbers; "": any */
    bool is_forced;                                /* false: the device may choose its time */
    bool has_late_joiners; /* devices that are registered after the start are in it too */
};

/** What holds where nothing is said: one wave of all, no limit, a week. @thread any */
void rollout_spec_init(struct rollout_spec *out);
/* What of a document is no part of the spec. */
struct rollout_names {
    const char *name; /* borrowed from the document; NULL: not there */
    bool has_release;
    struct uuid release;
};
/** Reads the members that `document` has into `spec`, which holds the others already.
 *  @param faults what is wrong, by its place @param names NULL: they are unknown
 *  @errors of memory only @thread any */
err_t rollout_spec_read(const json_t *document, struct faults *faults, struct rollout_names *names,
                        struct rollout_spec *spec);
/** Reads a filter alone: the member "filter" of `document`. @errors as above */
err_t rollout_filter_read(const json_t *document, struct faults *faults, struct rollout_filter *out);
/** Reads the array "maintenance_windows" of `list`. @errors as above */
err_t rollout_windows_read(const json_t *list, struct faults *faults, struct rollout_spec *out);
err_t rollout_windows_write(const struct rollout_spec *spec, json_t *out);
/** Adds the members of `spec` to `out`. @errors ERR_NO_MEMORY @thread any */
err_t rollout_spec_write(const struct rollout_spec *spec, json_t *out);
/** A row's text. @errors ERR_DB it was stored in another form, ERR_NO_MEMORY @thread any */
err_t rollout_spec_parse(const char *text, struct rollout_spec *out);
/** @errors ERR_UNPROCESSABLE it is too long for a row, ERR_NO_MEMORY */
err_t rollout_spec_format(const struct rollout_spec *spec, char out[ROLLOUT_SPEC_SIZE]);

/** Whether a device may install at this time; @param[out] next when it may next: now, or when the next window
 *  begins. @thread any */
bool rollout_window_is_open(const struct rollout_spec *spec, int64_t now_ms, int64_t *next);

#endif
