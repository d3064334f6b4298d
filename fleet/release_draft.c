/* Taking what is asked for into a release: each field checked, what is wrong named by its place. What is not
 * given is chosen here: version and counter of the images, the next free sequence. */
#include <stdio.h>
#include <string.h>

#include "db/firmware_key_rows.h"
#include "fleet/firmware_keys.h"
#include "fleet/names.h"
#include "fleet/release_rules.h"
#include "fleet/releases_internal.h"

struct take {
    struct db_tx *tx;
    const struct terms *terms;
    struct faults *faults;
    const struct release_change *change;
    bool is_new;
    struct release *release;
};

/* Text without control characters that fits; the fault is at `pointer`. */
static err_t take_text(const struct take *take, const char *pointer, struct bytes text, char *out,
                       size_t size)
{
    return text.p == NULL ? OK : faults_note(take->faults, pointer, text_copy(text, pointer + 1, out, size));
}

/* --- what may change late too -----------------------------------------------------------------------------
 */

static err_t take_support(const struct take *take)
{
    struct firmware_release_row *row = &take->release->row;
    if (!take->change->has_support_until) {
        return OK;
    }
    if (take->change->support_until < row->support_until) {
        char is[32];
        time_format(row->support_until, is);
        faults_add(take->faults, "/support_until", "support was promised until %s: it only rises", is);
        return OK;
    }
    row->support_until = take->change->support_until;
    return OK;
}

static bool is_link(struct bytes url)
{
    static const char scheme[] = "https://";
    size_t n = sizeof scheme - 1;
    if (url.n <= n || memcmp(url.p, scheme, n) != 0) {
        return false;
    }
    for (size_t i = 0; i < url.n; i++) {
        if (url.p[i] <= ' ' || url.p[i] >= 0x7f || url.p[i] == '"' || url.p[i] == '<' || url.p[i] == '>') {
            return false;
        }
    }
    return true;
}

static err_t take_words(const struct take *take)
{
    struct firmware_release_row *row = &take->release->row;
    struct bytes url = take->change->csaf_url;
    if (url.p != NULL && url.n > 0 && !is_link(url)) {
        faults_add(take->faults, "/csaf_url", "an address that begins with https://");
    } else {
        TRY(take_text(take, "/csaf_url", url, row->csaf_url, sizeof row->csaf_url));
    }
    struct bytes notes = take->change->notes; /* of several lines, as its reader made sure of */
    if (notes.p != NULL && notes.n < sizeof row->notes) {
        memcpy(row->notes, notes.p, notes.n);
        row->notes[notes.n] = '\0';
    }
    return take_support(take);
}

/* --- images ----------------------------------------------------------------------------------------------
 */

/* Whether the image can be in this release; its row in `out`. */
static err_t check_image(const struct take *take, const struct release_image_wish *wish,
                         struct firmware_image_row *out)
{
    const struct firmware_release_row *row = &take->release->row;
    err_t error = firmware_image_rows_find(take->tx, row->tenant, wish->image, out);
    if (error.code == ERR_NOT_FOUND || (error.code == ERR_OK && !uuid_equal(out->product, row->product))) {
        return ERR(ERR_UNPROCESSABLE, "the product has no such image");
    }
    TRY(error);
    ENSURE(out->state == FIRMWARE_IMAGE_READY, ERR_UNPROCESSABLE, "the image is withdrawn");
    return OK;
}

static err_t write_recipe(const struct signing_recipe *recipe, char out[RELEASE_RECIPE_SIZE])
{
    char key[UUID_TEXT_SIZE];
    out[0] = '\0';
    if (recipe->form != SIGNING_NONE) {
        uuid_format(recipe->key, key);
        (void)snprintf(out, RELEASE_RECIPE_SIZE, "{\"form\":\"%s\",\"key\":\"%s\"}",
                       signing_form_name(recipe->form), key);
    }
    return OK;
}

static bool is_double(const struct firmware_release_images *images, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (strcmp(images->rows[k].part, images->rows[i].part) == 0 ||
            uuid_equal(images->rows[k].image, images->rows[i].image)) {
            return true;
        }
    }
    return false;
}

static err_t take_image(const struct take *take, size_t i)
{
    const struct release_image_wish *wish = &take->change->images[i];
    struct firmware_release_images *images = &take->release->images;
    struct firmware_image_row image;
    char pointer[FAULT_POINTER_SIZE];
    size_t before = take->faults->count;
    images->rows[i] = (struct firmware_release_image_row){.place = (int64_t)i, .image = wish->image};
    (void)snprintf(pointer, sizeof pointer, "/images/%zu/part", i);
    if (wish->part.p != NULL) {
        TRY(faults_note(take->faults, pointer,
                        text_copy(wish->part, "part", images->rows[i].part, sizeof images->rows[i].part)));
    }
    if (is_double(images, i)) {
        faults_add(take->faults, pointer, "each image and each part stands in a release once");
    }
    (void)snprintf(pointer, sizeof pointer, "/images/%zu/image", i);
    TRY(faults_note(take->faults, pointer, check_image(take, wish, &image)));
    (void)snprintf(pointer, sizeof pointer, "/images/%zu/recipe", i);
    if (take->faults->count == before && wish->recipe.form != SIGNING_NONE) {
        TRY(faults_note(take->faults, pointer,
                        signing_check(take->tx, take->release->row.tenant, wish->image, &wish->recipe)));
    }
    return write_recipe(&wish->recipe, images->rows[i].recipe);
}

static err_t take_images(const struct take *take)
{
    if (!take->change->has_images) {
        return OK;
    }
    if (take->release->row.has_rollback_of) {
        faults_add(take->faults, "/images",
                   "a rollback gives out the images of the release that it goes back to");
        return OK;
    }
    if (take->change->image_count < 1 || take->change->image_count > RELEASE_IMAGES_MAX) {
        faults_add(take->faults, "/images", "a release has 1 to %d images", RELEASE_IMAGES_MAX);
        return OK;
    }
    for (size_t i = 0; i < take->change->image_count; i++) {
        TRY(take_image(take, i));
    }
    take->release->images.count = take->change->image_count;
    return OK;
}

/* --- where it goes ---------------------------------------------------------------------------------------
 */

static err_t find_product(const struct take *take)
{
    struct product_row product;
    struct firmware_release_row *row = &take->release->row;
    err_t error = product_rows_find(take->tx, row->tenant, take->change->product, &product);
    if (error.code == ERR_NOT_FOUND) {
        faults_add(take->faults, "/product", "no such product");
        return OK;
    }
    TRY(error);
    row->product = product.id;
    (void)snprintf(row->product_name, sizeof row->product_name, "%s", product.name);
    return OK;
}

/* Class, images, version and counter are those of the release that is gone back to, as it was given out. */
static err_t take_former(const struct take *take)
{
    struct release former;
    struct release *release = take->release;
    err_t error = release_load(take->tx, release->row.tenant, take->change->rollback_of, &former);
    bool is_fit = error.code == ERR_OK && uuid_equal(former.row.product, release->row.product);
    if (error.code == ERR_NOT_FOUND || (error.code == ERR_OK && !is_fit)) {
        faults_add(take->faults, "/rollback_of", "the product has no such release");
        return OK;
    }
    TRY(error);
    if (former.row.published_at == 0) {
        faults_add(take->faults, "/rollback_of", "that release was never published");
    }
    if (take->change->class.p != NULL || take->change->version.p != NULL || take->change->has_counter) {
        faults_add(take->faults, "/rollback_of",
                   "class, version and counter are those of the former release");
    }
    release->row.has_rollback_of = true;
    release->row.rollback_of = former.row.id;
    release->row.counter = former.row.counter;
    memcpy(release->row.class, former.row.class, sizeof release->row.class);
    memcpy(release->row.version, former.row.version, sizeof release->row.version);
    release->images = former.images;
    for (size_t i = 0; i < release->images.count; i++) {
        struct firmware_release_image_row *image = &release->images.rows[i];
        image->image = image->has_signed ? image->signed_image : image->image;
        image->has_signed = false;
        image->recipe[0] = '\0';
    }
    return OK;
}

static err_t take_key(const struct take *take)
{
    struct firmware_key_row key;
    struct firmware_release_row *row = &take->release->row;
    if (!take->change->has_manifest_key) {
        return OK;
    }
    err_t error = firmware_key_rows_find(take->tx, row->tenant, take->change->manifest_key, &key);
    bool is_fit = error.code == ERR_OK && uuid_equal(key.product, row->product);
    if (error.code == ERR_NOT_FOUND || (error.code == ERR_OK && !is_fit)) {
        faults_add(take->faults, "/manifest_key", "the product has no such key");
        return OK;
    }
    TRY(error);
    err_t use = firmware_key_check_use(&key, FIRMWARE_KEY_MANIFEST);
    if (use.code == ERR_WRONG_STATE) {
        faults_add(take->faults, "/manifest_key", "%s", use.detail);
        return OK;
    }
    row->has_manifest_key = true;
    row->manifest_key = key.id;
    return use;
}

/* --- numbers and versions ---------------------------------------------------------------------------------
 */

static err_t take_numbers(const struct take *take)
{
    struct firmware_release_row *row = &take->release->row;
    const struct release_change *change = take->change;
    row->kind = change->has_kind ? change->kind : row->kind;
    if (change->has_sequence) {
        row->sequence = change->sequence;
    } else if (row->sequence == 0) {
        TRY(release_next_sequence(take->tx, row->tenant, row->product, &row->sequence));
    }
    row->min_sequence = change->has_min_sequence ? change->min_sequence : row->min_sequence;
    if (row->min_sequence >= row->sequence) {
        faults_add(take->faults, "/min_sequence",
                   "a device must have something before: it is below sequence");
    }
    return OK;
}

/* What the images say, where the request says nothing. */
static err_t take_versions(const struct take *take)
{
    struct release *release = take->release;
    const struct release_change *change = take->change;
    struct release_parts parts;
    TRY(release_parts_read(take->tx, release, false, &parts));
    if (release->row.has_rollback_of) {
        if (!take->is_new && (change->class.p != NULL || change->version.p != NULL || change->has_counter)) {
            faults_add(take->faults, "", "class, version and counter of a rollback are fixed");
        }
        return OK;
    }
    int64_t counter = release_counter_of(&parts);
    if (change->has_counter && counter >= 0 && change->counter != counter) {
        faults_add(take->faults, "/counter", "the images have the counter %lld", (long long)counter);
    }
    if (counter >= 0 || change->has_counter || change->has_images) {
        release->row.counter = counter >= 0 ? counter : (change->has_counter ? change->counter : -1);
    }
    TRY(take_text(take, "/version", change->version, release->row.version, sizeof release->row.version));
    if (release->row.version[0] == '\0' && parts.count > 0) {
        memcpy(release->row.version, parts.list[0].version, sizeof release->row.version);
    }
    if (release->row.version[0] == '\0') {
        faults_add(take->faults, "/version", "the first image has no version of its own: give one");
    }
    return OK;
}

/* --- all of it --------------------------------------------------------------------------------------------
 */

err_t release_take(struct db_tx *tx, const struct terms *terms, const struct release_change *change,
                   bool is_new, struct release *release)
{
    const struct take take = {.tx = tx,
                              .terms = terms,
                              .faults = terms->faults,
                              .change = change,
                              .is_new = is_new,
                              .release = release};
    if (is_new) {
        TRY(find_product(&take));
        TRY(faults_error(take.faults)); /* without it nothing else can be judged */
    }
    if (is_new && change->has_rollback_of) {
        TRY(take_former(&take));
    } else {
        TRY(take_text(&take, "/class", change->class, release->row.class, sizeof release->row.class));
    }
    TRY(take_images(&take));
    TRY(take_key(&take));
    TRY(take_words(&take));
    TRY(take_numbers(&take));
    TRY(faults_error(take.faults));
    TRY(take_versions(&take));
    TRY(faults_error(take.faults));
    release->row.has_subject = true;
    return release_subject(tx, release, &release->row.subject_sha256);
}

err_t release_take_late(struct db_tx *tx, const struct terms *terms, const struct release_change *change,
                        struct release *release)
{
    const struct take take = {
        .tx = tx, .terms = terms, .faults = terms->faults, .change = change, .release = release};
    TRY(take_words(&take));
    return faults_error(take.faults);
}
