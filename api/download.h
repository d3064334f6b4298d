/* Image bytes over HTTP: who may have them, and which part, as RFC 9110 §13 and §14 tell it. Used by every
 * protocol through which a device fetches, and by the management interface. Holds no bytes: the server sends
 * them from the file. */
#ifndef WHORL_API_DOWNLOAD_H
#define WHORL_API_DOWNLOAD_H

#include "api/api.h"
#include "fleet/firmware_offers.h"

/** Answers a device (request->principal) with an image that it was offered: 200, 206, 304, 416. What leaves
 *  is counted for its action. Remembered in the connection's memo, for download_recall().
 *  @param image or NULL: any of its images with this digest @param digest or NULL: of this image
 *  @errors of firmware_grant(), ERR_PRECONDITION, ERR_UNAVAILABLE, ERR_IO @thread worker */
err_t download_send(struct api *api, const struct request *request, const struct uuid *image,
                    const struct sha256 *digest, struct response *response);

/** The same, for a route's quick handler: by what an earlier request of the connection was allowed, while
 *  nothing was written into the inventory since. Leaves the response as it was where that is not so.
 *  @thread loop */
err_t download_recall(struct api *api, const struct request *request, const struct uuid *image,
                      const struct sha256 *digest, struct response *response);

/** Answers somebody who was judged already, with a blob of the store. @param filename "" for none
 *  @errors ERR_NOT_FOUND, ERR_PRECONDITION, ERR_UNAVAILABLE, ERR_IO @thread worker */
err_t download_blob(struct api *api, const struct request *request, const struct blob_digests *digests,
                    const char *filename, struct response *response);

struct download {
    const struct blob_digests *digests;
    const char *filename;
    struct shared_file *file; /* borrowed */
};
/** The HTTP of it: what a request about these bytes is answered with. Its entity tag is strong; that of
 *  hawkBit, the SHA-1, is known too where one is asked for. @errors ERR_PRECONDITION
 *  @thread any */
err_t download_answer(const struct request *request, const struct download *download,
                      struct response *response);

#endif
