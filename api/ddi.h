/* What the files of hawkBit's Direct Device Integration API (DDI v1) share: /{tenant}/controller/v1/
 * {controllerId}/… on the device listener. Bodies as values, read apart from the handlers so that they can be
 * tested and fuzzed; unknown fields are ignored, as its clients need it. What a device is told is decided by
 * fleet/firmware_offers.h; here it is put into hawkBit's words, quirks included (docs/firmware.md). */
#ifndef WHORL_API_DDI_H
#define WHORL_API_DDI_H

#include "api/authn.h"
#include "api/reply.h"
#include "fleet/firmware_offers.h"

enum { DDI_BODY_LIMIT = 64 * 1024, DDI_SLEEP_SIZE = 9, DDI_PLACE_SIZE = 1024 };

/* --- who and where (ddi.c) ---------------------------------------------------------------------------- */

struct ddi_place {
    const struct principal *device;
    const struct contact *contact;
    char base[DDI_PLACE_SIZE]; /* https://HOST/TENANT/controller/v1/CONTROLLER, as the device wrote it */
};

/** Judges the caller of a route of DDI: the certificate is honoured, the tenant is its own, the controllerId
 *  is a name of its own.
 *  @errors ERR_FORBIDDEN, ERR_NOT_FOUND, ERR_BAD_REQUEST no Host, those of firmware_controller_check()
 *  @thread worker, like all functions here that take an api */
err_t ddi_open(struct api *api, const struct request *request, struct ddi_place *out);

/** https://HOST, for links: the name under which the device reached this server, which is one that the
 *  server's certificate has. @errors ERR_BAD_REQUEST no Host @thread any */
err_t ddi_origin(const struct request *request, struct buf *out);
/** Text as a segment of a path. */
err_t ddi_append_segment(struct buf *out, const char *text);

/** The action's id in the path. @errors ERR_NOT_FOUND it is no such number */
err_t ddi_action_id(const char *text, int64_t *out);
/** 200 with a body in the form that the caller likes: application/hal+json or application/json.
 *  @errors ERR_NOT_ACCEPTABLE */
err_t ddi_reply(const struct request *request, struct response *response, const json_t *value);
/** 200 without a body, as hawkBit answers a report. */
err_t ddi_reply_empty(struct response *response);
/** `object[name] = {"href": base/tail}` */
err_t ddi_set_link(json_t *object, const char *name, const char *base, const char *tail);

/* --- what it is told (ddi_render.c) ------------------------------------------------------------------- */

/** HH:MM:SS, exactly eight characters. @thread any, like the next ones */
void ddi_sleep(int64_t seconds, char out[DDI_SLEEP_SIZE]);
err_t ddi_render_root(const struct firmware_poll *poll, const char *base, json_t **out);
/** @param member "deployment", or what the same stands under elsewhere */
err_t ddi_render_deployment(const struct firmware_action *action, const char *base, const char *member,
                            json_t **out);
/** hawkBit's word for the state of an action: RUNNING, FINISHED, … */
const char *ddi_status(enum firmware_action_state state);
/** The artifacts of one software module: those of its part. */
err_t ddi_render_artifact(const struct firmware_artifact *artifact, const char *base, json_t **out);
/** hawkBit's word for a part of a release: application is bApp, runtime is jvm, others are themselves; the
 *  only image of a release without a part is bApp too, which Zephyr asks for. */
const char *ddi_part(const char *part);

/* --- what it says (ddi_body.c) ------------------------------------------------------------------------ */

struct ddi_feedback {
    enum firmware_word word;
    enum firmware_finish finish;
    bool has_progress, has_code;
    int64_t done, of, code;
    char text[FIRMWARE_REPORT_TEXT_SIZE];
};
/** @errors ERR_BAD_REQUEST naming what is wrong @thread any, like the next ones */
err_t ddi_feedback_read(const json_t *document, struct ddi_feedback *out);

struct ddi_attributes {
    enum attributes_mode mode;
    json_t *data; /* an object of texts; owned */
};
void ddi_attributes_clear(struct ddi_attributes *attributes);
DEFINE_AUTO_VAL(ddi_attributes, ddi_attributes_clear);
/** @param[out] out {0} before; cleared by the caller @errors ERR_BAD_REQUEST */
err_t ddi_attributes_read(const json_t *document, struct ddi_attributes *out);

#endif
