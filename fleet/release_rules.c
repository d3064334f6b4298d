/* The rules that a release must keep, judged on rows alone, in the transaction that approves or publishes. A
 * release for one class meets the line of that class and that of all classes; one for all classes meets every
 * line of its product. */
#include "fleet/release_rules.h"

#include <string.h>

#include "db/firmware_line_rows.h"
#include "firmware_store/image.h"
#include "fleet/firmware_keys.h"

/* --- its images ----------------------------------------------------------------------------------------- */

int64_t release_counter_of(const struct release_parts *parts)
{
    int64_t lowest = -1;
    for (size_t i = 0; i < parts->count; i++) {
        int64_t counter = parts->list[i].counter;
        lowest = counter >= 0 && (lowest < 0 || counter < lowest) ? counter : lowest;
    }
    return lowest;
}

static err_t check_images(const struct release *release, const struct release_parts *parts)
{
    ENSURE(parts->count >= 1, ERR_WRONG_STATE, "a release needs at least one image");
    for (size_t i = 0; i < parts->count; i++) {
        const struct release_part *part = &parts->list[i];
        ENSURE(part->is_ready, ERR_WRONG_STATE,
               "image %zu of the release is withdrawn: its bytes are not good", i);
        ENSURE(uuid_equal(part->product, release->row.product), ERR_WRONG_STATE,
               "image %zu of the release is of another product", i);
    }
    int64_t counter = release_counter_of(parts);
    ENSURE(counter < 0 || counter == release->row.counter, ERR_WRONG_STATE,
           "the counter of the release is %lld, that of its images %lld", (long long)release->row.counter,
           (long long)counter);
    return OK;
}

static err_t check_recipes(struct db_tx *tx, const struct release *release)
{
    for (size_t i = 0; i < release->images.count; i++) {
        const struct firmware_release_image_row *image = &release->images.rows[i];
        struct signing_recipe recipe;
        TRY(release_recipe_read(image, &recipe));
        /* what is signed already stays so, whatever became of the key */
        err_t error = recipe.form == SIGNING_NONE || image->has_signed
                          ? OK
                          : signing_check(tx, release->row.tenant, image->image, &recipe);
        ENSURE(error.code == ERR_OK || err_status(error.code) >= 500, ERR_WRONG_STATE, "image %zu: %s", i,
               error.detail);
        TRY(error);
    }
    return OK;
}

static err_t check_key(struct db_tx *tx, const struct release *release)
{
    struct firmware_key_row key;
    ENSURE(release->row.has_manifest_key, ERR_WRONG_STATE,
           "the release has no manifest_key: name the key that signs its manifest");
    TRY(firmware_key_rows_find(tx, release->row.tenant, release->row.manifest_key, &key));
    if (release->row.has_manifest) { /* signed while it was good; a compromised one is good for nothing */
        ENSURE(key.state != FIRMWARE_KEY_COMPROMISED, ERR_WRONG_STATE,
               "the manifest is signed by a key that is compromised");
        return OK;
    }
    return firmware_key_check_use(&key, FIRMWARE_KEY_MANIFEST);
}

/* --- the lines ------------------------------------------------------------------------------------------ */

struct meet {
    struct db_tx *tx;
    const struct release *release;
    const struct release_parts *parts; /* as they were uploaded */
};

static const struct release_part *part_named(const struct release_parts *parts, const char *part)
{
    for (size_t i = 0; i < parts->count; i++) {
        if (strcmp(parts->list[i].part, part) == 0) {
            return &parts->list[i];
        }
    }
    return NULL;
}

/* One image against that of the same part which is out. */
static err_t check_part(const struct release_part *new, const struct release_part *old)
{
    if (old == NULL || old->format != new->format) {
        return OK;
    }
    bool is_same = memcmp(new->sha256.b, old->sha256.b, sizeof new->sha256.b) == 0;
    if (is_same) {
        return OK;
    }
    bool has_versions = new->version[0] != '\0' && old->version[0] != '\0';
    ENSURE(!has_versions || strcmp(new->version, old->version) != 0, ERR_WRONG_STATE,
           "version %s of part \"%s\" was published with other bytes: other bytes need another version",
           new->version, new->part);
    enum image_format format = (enum image_format) new->format;
    bool is_ordered = has_versions && image_version_is_ordered(format, new->version) &&
                      image_version_is_ordered(format, old->version);
    ENSURE(!is_ordered || image_version_compare(format, new->version, old->version) > 0, ERR_WRONG_STATE,
           "version %s of part \"%s\" is not above %s, which was published; use rollback_of", new->version,
           new->part, old->version);
    ENSURE(new->counter >= old->counter, ERR_WRONG_STATE,
           "the counter of part \"%s\" is %lld, and %lld was published; use rollback_of", new->part,
           (long long)new->counter, (long long)old->counter);
    return OK;
}

static err_t check_versions(const struct meet *meet, const struct firmware_line_row *line)
{
    struct release newest;
    struct release_parts parts;
    err_t found = release_load(meet->tx, line->tenant, line->release, &newest);
    if (found.code == ERR_NOT_FOUND) {
        return OK; /* it came after the copy that was restored: sequence and counter hold all the same */
    }
    TRY(found);
    TRY(release_parts_read(meet->tx, &newest, false, &parts));
    for (size_t i = 0; i < meet->parts->count; i++) {
        TRY(check_part(&meet->parts->list[i], part_named(&parts, meet->parts->list[i].part)));
    }
    return OK;
}

static err_t meet_line(const struct firmware_line_row *line, void *arg)
{
    const struct meet *meet = arg;
    const struct firmware_release_row *row = &meet->release->row;
    if (row->class[0] != '\0' && line->class[0] != '\0' && strcmp(row->class, line->class) != 0) {
        return OK;
    }
    ENSURE(row->sequence > line->sequence, ERR_WRONG_STATE,
           "sequence %lld is not above %lld, which was published for class \"%s\"", (long long)row->sequence,
           (long long)line->sequence, line->class);
    if (row->has_rollback_of) {
        return OK; /* it goes back on purpose; rollouts leave out devices whose counter is higher */
    }
    ENSURE(row->counter >= line->counter, ERR_WRONG_STATE,
           "counter %lld is below %lld, which was published for class \"%s\"; use rollback_of",
           (long long)row->counter, (long long)line->counter, line->class);
    return check_versions(meet, line);
}

/* A statement of many rows is read to its end before others are asked. */
static err_t keep_line(const struct firmware_line_row *line, void *arg)
{
    struct buf *lines = arg;
    return buf_append(lines, line, sizeof *line);
}

static err_t check_lines(struct db_tx *tx, const struct release *release, const struct release_parts *parts)
{
    AUTO_VAL(buf) lines = {0};
    struct meet meet = {.tx = tx, .release = release, .parts = parts};
    TRY(firmware_line_rows_of_product(tx, release->row.product, keep_line, &lines));
    for (size_t at = 0; at < lines.n; at += sizeof(struct firmware_line_row)) {
        struct firmware_line_row line;
        memcpy(&line, lines.p + at, sizeof line);
        TRY(meet_line(&line, &meet));
    }
    return OK;
}

/* --- all of them ---------------------------------------------------------------------------------------- */

err_t release_check(struct db_tx *tx, const struct release *release)
{
    struct release_parts uploaded, given;
    TRY(release_parts_read(tx, release, false, &uploaded));
    TRY(release_parts_read(tx, release, true, &given));
    TRY(check_images(release, &uploaded));
    TRY(check_images(release, &given));
    TRY(check_recipes(tx, release));
    TRY(check_key(tx, release));
    return check_lines(tx, release, &uploaded);
}

static err_t raise_to(const struct firmware_line_row *line, void *arg)
{
    int64_t *highest = arg;
    *highest = line->sequence > *highest ? line->sequence : *highest;
    return OK;
}

err_t release_next_sequence(struct db_tx *tx, struct uuid tenant, struct uuid product, int64_t *out)
{
    TRY(firmware_release_rows_highest(tx, tenant, product, out));
    TRY(firmware_line_rows_of_product(tx, product, raise_to, out));
    ENSURE(*out < INT64_MAX, ERR_CONFLICT, "the product has no sequence left");
    (*out)++;
    return OK;
}
