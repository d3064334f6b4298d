/* Shared by device.c, link.c, lifecycle.c and challenge.c: connections of a device and its calls. Not for
 * others. */
#ifndef WHORL_DEVICE_CORE_DEVICE_INTERNAL_H
#define WHORL_DEVICE_CORE_DEVICE_INTERNAL_H

#include "device/core/device.h"

/* What one proof of possession is about; csr and new_spki are empty for a status. */
struct whorl_proof_subject {
    enum whorl_pop_purpose purpose;
    uint32_t generation;
    struct whorl_bytes csr;
    struct whorl_bytes new_spki;
};

/** Asks for a challenge, signs it with the identity key and sends the proof, all on the open connection.
 *  @param[out] answer in the work buffer */
enum whorl_result whorl_device_prove(struct whorl_device *device, const struct whorl_proof_subject *subject,
                                     struct whorl_bytes *answer);

/** Opens the transport as `identity` (NULL: as nobody). @param identity must stay as it is until
 * whorl_link_close */
enum whorl_result whorl_link_open(struct whorl_device *device, const struct whorl_identity *identity);
void whorl_link_close(struct whorl_device *device);

/** One exchange; anything but 200 and 204 is WHORL_ERROR_REFUSED with device->problem filled. */
enum whorl_result whorl_link_call(struct whorl_device *device, const struct whorl_http_request *request,
                                  struct whorl_bytes *body);

/** The same for a part of something larger; its status is 200 or 206. */
enum whorl_result whorl_link_fetch(struct whorl_device *device, const struct whorl_http_part *part);

/** Opens the link as the owner of the certificate in use, calls `talk`, and closes it.
 *  @errors WHORL_ERROR_NOT_AVAILABLE there is none, and what `talk` gives */
typedef enum whorl_result (*whorl_talk_fn)(struct whorl_device *device, void *context);
enum whorl_result whorl_device_talk(struct whorl_device *device, whorl_talk_fn talk, void *context);

/** @param code to show, or empty */
enum whorl_result whorl_link_status(struct whorl_device *device, struct whorl_bytes code,
                                    struct whorl_status *out);

/** Takes generation and owner salt out of a status, and stores them when they are new. Under another owner's
 * salt all keys are other keys, so the count of generations begins again with what that owner has seen. */
enum whorl_result whorl_device_learn(struct whorl_device *device, const struct whorl_status *status);

/* The server takes the generation after its last one, and up to this many after it. */
enum { WHORL_GENERATION_STEP_MAX = 8 };

/* What is known when the next generation is chosen. */
struct whorl_generation_view {
    uint32_t in_use;          /* of the certificate in use; 0: none */
    uint32_t last;            /* the highest that the server is known to have seen */
    bool is_lost_one_refused; /* the highest one was asked for again, and refused */
};

/** The generation to ask for next: the highest one when a request for it may have been lost, else one more,
 * but never further ahead of the server than it takes. Stored before return. */
enum whorl_result whorl_device_next_generation(struct whorl_device *device,
                                               const struct whorl_generation_view *view, uint32_t *out);

/** What an enrolment answer means to the records: hub and pending certificate are stored. */
enum whorl_result whorl_device_receive(struct whorl_device *device, struct whorl_bytes answer,
                                       struct whorl_credential *credential);

/** The pending certificate becomes the one in use. */
enum whorl_result whorl_device_adopt(struct whorl_device *device);

/** Generation of the certificate in use; 0 when there is none, or none of this owner, or the record is
 * damaged: the identity key helps in each of these cases. */
uint32_t whorl_device_generation_in_use(struct whorl_device *device);

/** Did the server answer, and turn this key away? */
bool whorl_device_is_refused(const struct whorl_device *device, enum whorl_result result);

/** Is a certificate whose status is `code` good? Codes that a later server may add leave it as it is. */
bool whorl_code_is_honoured(unsigned code);

/** Somewhere between the half of `whole_s` and the whole, so that a fleet does not come all at once. */
uint32_t whorl_device_spread(const struct whorl_device *device, uint32_t whole_s);

/** Did the server refuse because of the generation (409, 422), so that the next one may do? */
bool whorl_device_may_try_next(const struct whorl_device *device, enum whorl_result result);

#endif
