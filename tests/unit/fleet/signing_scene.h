/* Images of tests/vectors/firmware/ in the store, keys that sign, and programs that we did not write to look
 * at what came of it. */
#ifndef TESTS_FLEET_SIGNING_SCENE_H
#define TESTS_FLEET_SIGNING_SCENE_H

#include "tests/unit/fleet/firmware_scene.h"

#include "fleet/boot_keys.h"
#include "fleet/firmware_keys.h"
#include "fleet/firmware_signatures.h"
#include "fleet/firmware_signing.h"
#include "fleet/images.h"
#include "pki/certificate.h"
#include "pki/code_certificate.h"
#include "tests/unit/firmware_store/image_vectors.h"

/** Uploads a file of the vectors. */
static inline struct uuid upload_vector(struct fleet_fixture *f, const char *name, enum image_format format)
{
    AUTO_VAL(buf) bytes = {0};
    AUTO_PTR(upload) *upload = NULL;
    struct faults faults = {.count = 0};
    struct firmware_upload_row row;
    struct upload_outcome out;
    vector_load(name, &bytes);
    struct upload_order order = {.product = bytes_str("default"),
                                 .filename = bytes_str(name),
                                 .size = (int64_t)bytes.n,
                                 .has_format = true,
                                 .format = format,
                                 .version = format == IMAGE_RAW ? bytes_str("1.0") : BYTES_NONE};
    assert_ok(start_upload(f, &order, &row));
    const struct upload_place place = {.tenant = f->tenant.id, .id = row.id, .actor = test_actor};
    assert_ok(upload_open(f->fleet, &place, &upload));
    assert_ok(upload_write(upload, buf_view(&bytes)));
    assert_ok(upload_finish(upload, &faults, &out));
    assert_true(out.is_image);
    return out.image.id;
}

static inline struct firmware_key_row make_signing_key(struct fleet_fixture *f, enum firmware_key_role role,
                                                       const char *algorithm)
{
    struct faults faults;
    struct terms terms = firmware_terms(f, &faults);
    struct firmware_key_row row;
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof name, "%s-%s", firmware_key_role_name(role), algorithm);
    const struct firmware_key_order order = {
        .name = bytes_str(name), .has_role = true, .role = role, .algorithm = bytes_str(algorithm)};
    assert_ok(firmware_key_add(f->fleet, &terms, &order, &row));
    return row;
}

/** PEM of its public half, or of its certificate. */
static inline void key_pem(const struct firmware_key_row *key, struct buf *out)
{
    buf_clear(out);
    if (key->role == FIRMWARE_KEY_CMS) {
        assert_ok(certificate_to_pem((struct bytes){key->certificate, key->certificate_size}, out));
    } else {
        assert_ok(public_key_to_pem((struct bytes){key->spki, key->spki_size}, out));
    }
}

static inline err_t register_boot_key(struct fleet_fixture *f, const struct firmware_key_row *key,
                                      enum boot_key_kind kind)
{
    struct faults faults;
    struct terms terms = firmware_terms(f, &faults);
    struct boot_key_row row;
    AUTO_VAL(buf) pem = {0};
    key_pem(key, &pem);
    const struct boot_key_wish wish = {.name = bytes_str(key->name),
                                       .product = bytes_str("default"),
                                       .public_text = buf_view(&pem),
                                       .has_kind = true,
                                       .kind = kind};
    return boot_key_add(f->fleet, &terms, &wish, &row);
}

static inline err_t sign_image(struct fleet_fixture *f, struct uuid image, enum signing_form form,
                               const struct firmware_key_row *key, struct uuid *out)
{
    const struct signing_recipe recipe = {.form = form, .key = key->id};
    return signing_carry_out(f->fleet, f->tenant.id, image, &recipe, out);
}

/* --- outside */

/** A file of the test's folder with this content. */
static inline void put_file(struct fleet_fixture *f, const char *name, struct bytes content)
{
    AUTO(char) *path = NULL;
    assert_ok(path_join(f->folder.path, name, &path));
    assert_ok(file_write_durable(path, content, 0600));
}

/** The bytes of an image, in a file of the test's folder. */
static inline void put_image(struct fleet_fixture *f, struct uuid image, const char *name)
{
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(buf) bytes = {0};
    struct firmware_image_row row;
    assert_ok(image_get(f->fleet, f->tenant.id, image, &row));
    assert_ok(blob_path(f->blobs, &row.sha256, &path));
    assert_ok(file_read(buf_str(&path), 1 << 24, &bytes));
    put_file(f, name, buf_view(&bytes));
}

/** Runs a command of the shell in the test's folder. @return its status */
static inline int run_outside(struct fleet_fixture *f, const char *command)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "here=$PWD; cd %s && (%s) >out 2>&1", f->folder.path, command);
    int status = system(text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void assert_outside(struct fleet_fixture *f, const char *command)
{
    if (run_outside(f, command) != 0) {
        char text[256];
        (void)snprintf(text, sizeof text, "cat %s/out", f->folder.path);
        (void)system(text);
        fail_msg("%s", command);
    }
}

static inline bool has_outside(const char *program)
{
    char text[128];
    (void)snprintf(text, sizeof text, "command -v %s >/dev/null", program);
    return system(text) == 0;
}

#endif
