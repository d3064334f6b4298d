/* A body that is a region of a file goes from the file to the client without the HTTP library, which is told
 * of an answer with an empty one and makes its header section; the length is put right in it. Here is when
 * the file's turn comes in the stream of what the library writes; server/bridge.c moves the bytes. */
#ifndef WHORL_SERVER_FILE_BODY_H
#define WHORL_SERVER_FILE_BODY_H

#include "api/http.h"

struct file_body {
    struct shared_file *file; /* NULL: none is being sent */
    int64_t at, left, size;
    void (*sent)(void *state, int64_t bytes); /* as of struct response */
    void *sent_state;
    uint64_t from;   /* where in the library's stream its header section begins */
    int matched;     /* how much of the empty line was seen */
    struct buf head; /* of the header section, what was written so far */
    bool is_due;     /* it is through */
};

/** Takes file, region and `sent` out of the response. @param from as in the struct @thread loop */
void file_body_begin(struct file_body *body, struct response *response, uint64_t from);
static inline bool file_body_is_active(const struct file_body *body)
{
    return body->file != NULL;
}
/* What a piece of the library's stream is made of; each part may be empty. */
struct file_body_parts {
    struct bytes before; /* of answers before this one; all of it where no file waits */
    struct bytes head;   /* of its header section: file_body_take_head() */
    struct bytes behind; /* is_due from now on */
};
/** @param at where the piece begins in the stream */
struct file_body_parts file_body_split(struct file_body *body, struct bytes piece, uint64_t at);
/** Keeps a part of the header section. Once it is whole: appends it to `out`, with the length of the region.
 *  @errors ERR_NO_MEMORY, ERR_INTERNAL it does not say that the body is empty */
err_t file_body_take_head(struct file_body *body, struct bytes part, struct buf *out);
/** The next piece of the file. @param[out] n bytes in `out`, `size` at most @errors ERR_IO */
err_t file_body_read(struct file_body *body, uint8_t *out, size_t size, size_t *n);
/** Tells how much went out, and releases all. @param unsent bytes that were read and did not leave */
void file_body_end(struct file_body *body, size_t unsent);

#endif
