/* Who may have which bytes. A device asks the inventory once; the next requests of its connection are
 * answered by what it said then, as long as nothing at all was written since: a revocation, a withdrawal and
 * the end of its action are all writes, so each is seen by the next request. What other processes write is
 * seen when the pass has become old. */
#include "api/download.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/authn.h"
#include "fleet/blobs.h"

enum { PASS_MS = 1000, EXPECT_SIZE = 1 << 20 };

/* What a connection was allowed, and to whom. Counted: answers that are being sent have it too. */
struct pass {
    atomic_size_t references;
    struct fleet *fleet;
    struct contact contact;
    struct firmware_grant grant;
    struct shared_file *file;
    int64_t changes; /* of the inventory, before it was asked */
    int64_t checked_ms;
};

static void pass_unref(void *state)
{
    struct pass *pass = state;
    if (pass != NULL && atomic_fetch_sub_explicit(&pass->references, 1, memory_order_acq_rel) == 1) {
        shared_file_unref(pass->file);
        free(pass);
    }
}

static void pass_sent(void *state, int64_t bytes)
{
    struct pass *pass = state;
    if (bytes > 0) {
        firmware_fetched(pass->fleet, &pass->contact, &pass->grant, bytes);
    }
    pass_unref(pass);
}

static bool is_of(const struct pass *pass, const struct uuid *image, const struct sha256 *digest)
{
    const struct firmware_artifact *artifact = &pass->grant.artifact;
    return (image == NULL || uuid_equal(artifact->image, *image)) &&
           (digest == NULL || memcmp(artifact->digests.sha256.b, digest->b, SHA256_SIZE) == 0);
}

static bool is_fresh(const struct pass *pass, const struct api *api, int64_t now_ms)
{
    return pass->changes == fleet_changes(api->options.fleet) && now_ms >= pass->checked_ms &&
           now_ms < pass->checked_ms + PASS_MS && now_ms < pass->grant.until &&
           now_ms < pass->contact.certificate.not_after;
}

static err_t answer(const struct request *request, struct pass *pass, struct response *response)
{
    const struct download download = {.digests = &pass->grant.artifact.digests,
                                      .filename = pass->grant.artifact.filename,
                                      .file = pass->file};
    TRY(download_answer(request, &download, response));
    if (response->file != NULL) {
        atomic_fetch_add_explicit(&pass->references, 1, memory_order_relaxed);
        response->sent = pass_sent;
        response->sent_state = pass;
    }
    return OK;
}

static err_t open_blob(struct api *api, const struct blob_digests *digests, struct shared_file **out)
{
    AUTO_VAL(buf) path = {0};
    *out = NULL;
    TRY(blob_ready(api->options.fleet, &digests->sha256,
                   &path)); /* the first time after a start it is read */
    AUTO_PTR(shared_file) *file = NULL;
    TRY(shared_file_open(buf_str(&path), &file));
    ENSURE(shared_file_size(file) == digests->size, ERR_IO, "an image has not the size that it should have");
    *out = TAKE(file);
    return OK;
}

static struct pass *pass_of(const struct request *request)
{
    return request->memo != NULL && request->memo->free == pass_unref ? request->memo->state : NULL;
}

static void remember(const struct request *request, struct pass *pass)
{
    struct connection_memo *memo = request->memo;
    if (memo == NULL) {
        return;
    }
    if (memo->state != NULL) {
        memo->free(memo->state);
    }
    atomic_fetch_add_explicit(&pass->references, 1, memory_order_relaxed);
    *memo = (struct connection_memo){pass, pass_unref};
}

static err_t pass_new(struct api *api, const struct request *request, const struct firmware_grant *grant,
                      struct pass **out)
{
    const struct pass *former = pass_of(request);
    *out = NULL;
    struct pass *pass = calloc(1, sizeof *pass);
    ENSURE(pass != NULL, ERR_NO_MEMORY, "a download");
    atomic_init(&pass->references, 1);
    pass->fleet = api->options.fleet;
    pass->contact = request->principal->contact;
    pass->changes = request->principal->changes;
    pass->checked_ms = request->now_ms;
    pass->grant = *grant;
    err_t error = OK;
    if (former != NULL && is_of(former, NULL, &grant->artifact.digests.sha256)) {
        pass->file = shared_file_ref(former->file); /* a blob never changes */
    } else {
        error = open_blob(api, &grant->artifact.digests, &pass->file);
    }
    if (error.code != ERR_OK) {
        pass_unref(pass);
        return error;
    }
    *out = pass;
    return OK;
}

err_t download_send(struct api *api, const struct request *request, const struct uuid *image,
                    const struct sha256 *digest, struct response *response)
{
    struct firmware_grant grant;
    struct pass *pass = NULL;
    TRY(firmware_grant(api->options.fleet, &request->principal->contact, image, digest, &grant));
    TRY(pass_new(api, request, &grant, &pass));
    remember(request, pass);
    err_t error = answer(request, pass, response);
    if (response->file != NULL && response->file_size > EXPECT_SIZE) {
        shared_file_expect(pass->file, response->file_at, EXPECT_SIZE);
    }
    pass_unref(pass);
    return error;
}

err_t download_recall(struct api *api, const struct request *request, const struct uuid *image,
                      const struct sha256 *digest, struct response *response)
{
    struct pass *pass = pass_of(request);
    if (pass == NULL || !is_of(pass, image, digest) || !is_fresh(pass, api, request->now_ms)) {
        return OK;
    }
    return answer(request, pass, response);
}

err_t download_blob(struct api *api, const struct request *request, const struct blob_digests *digests,
                    const char *filename, struct response *response)
{
    AUTO_PTR(shared_file) *file = NULL;
    TRY(open_blob(api, digests, &file));
    const struct download download = {.digests = digests, .filename = filename, .file = file};
    return download_answer(request, &download, response);
}
