/* Releases: what is given to the devices of a product and class. draft → signing → approved → published →
 * withdrawn. What is approved is a manifest over the images as they were uploaded; it is signed afterwards,
 * by a job (fleet/release_sign.h), and published only where no line of the product is above it
 * (fleet/release_rules.h). Each change and its record are one transaction. */
#ifndef WHORL_FLEET_RELEASES_H
#define WHORL_FLEET_RELEASES_H

#include "db/firmware_release_rows.h"
#include "fleet/firmware_signing.h"
#include "fleet/terms.h"

const char *release_state_name(enum firmware_release_state state);
/** @errors ERR_BAD_REQUEST naming the known ones @thread any */
err_t release_state_parse(struct bytes word, enum firmware_release_state *out);
const char *release_kind_name(enum firmware_release_kind kind);
/** @errors ERR_UNPROCESSABLE naming the known ones */
err_t release_kind_parse(struct bytes word, enum firmware_release_kind *out);
const char *signing_form_name(enum signing_form form);
err_t signing_form_parse(struct bytes word, enum signing_form *out);

struct release_image_wish {
    struct uuid image;
    struct bytes part; /* p NULL: "" */
    struct signing_recipe recipe;
};

/* What is asked for; what is not there stays as it is, or is chosen. */
struct release_change {
    struct bytes product; /* its name; of a new one only */
    struct bytes class, version, csaf_url, notes;
    bool has_kind, has_sequence, has_counter, has_min_sequence, has_images, has_manifest_key,
        has_support_until, has_rollback_of;
    enum firmware_release_kind kind;
    int64_t sequence, counter, min_sequence, support_until;
    struct uuid manifest_key;
    struct uuid rollback_of; /* of a new one only: the release whose images are given out again */
    struct release_image_wish images[RELEASE_IMAGES_MAX];
    size_t image_count;
};

struct release {
    struct firmware_release_row row;
    struct firmware_release_images images;
};
/** The recipe of one of its images; form NONE where it has none. @errors ERR_DB @thread any */
err_t release_recipe_read(const struct firmware_release_image_row *image, struct signing_recipe *out);

/** Drafts one. @errors ERR_UNPROCESSABLE with faults, ERR_CONFLICT version or sequence taken, ERR_WRONG_STATE
 *  @thread worker, like all functions here */
err_t release_add(struct fleet *fleet, const struct terms *terms, const struct release_change *change,
                  struct release *out);
/** A draft; one that is approved becomes a draft again. Of a published one only what does not stand in the
 *  manifest. What waits for a second person is void then. @errors as above, ERR_NOT_FOUND also for another
 *  tenant's, ERR_PRECONDITION, ERR_WRONG_STATE */
err_t release_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                     const struct release_change *change, struct release *out);
/** A draft only. @errors ERR_NOT_FOUND, ERR_PRECONDITION, ERR_WRONG_STATE */
err_t release_remove(struct fleet *fleet, const struct terms *terms, struct uuid id);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t release_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct release *out);
struct release_view {
    struct uuid tenant;
    const char *product; /* its name, or NULL; one that is not there has no releases */
    const enum firmware_release_state *state;
};
/** In order of id, without images. */
err_t release_list(struct fleet *fleet, const struct release_view *view, const struct row_window *window,
                   firmware_release_row_fn fn, void *arg);
/** The signed envelope, appended. @errors ERR_NOT_FOUND also while it has none @param[out] ver of the release
 */
err_t release_manifest(struct fleet *fleet, struct uuid tenant, struct uuid id, struct buf *out,
                       int64_t *ver);

/* --- steps ---------------------------------------------------------------------------------------------- */

/** Lets it be signed, or says in terms->guarded that it waits for a second person.
 *  @errors ERR_WRONG_STATE also where a rule forbids it, saying which; ERR_NOT_FOUND, ERR_PRECONDITION */
err_t release_approve(struct fleet *fleet, const struct terms *terms, struct uuid id, struct release *out);
/** Reads all bytes again, then publishes. @errors as above, ERR_GONE bytes that are not good any more */
err_t release_publish(struct fleet *fleet, const struct terms *terms, struct uuid id, struct release *out);
/** @param reason for people, not empty @errors ERR_UNPROCESSABLE, ERR_WRONG_STATE, ERR_NOT_FOUND */
err_t release_withdraw(struct fleet *fleet, const struct terms *terms, struct uuid id, struct bytes reason,
                       struct release *out);

#endif
