/* What one device is told about firmware, whichever protocol it speaks: the offer at its poll, what it says
 * of it, which bytes it may fetch. A protocol (api/ddi_*.c, api/device_firmware.c, api/swupdate.c) only puts
 * this into its own words. The device came with a certificate that is honoured (contact->proof is
 * PROOF_OPERATIONAL; a protocol that knows the device otherwise says so itself); each function looks at its
 * state and at the rollout anew, and answers ERR_FORBIDDEN otherwise. */
#ifndef WHORL_FLEET_FIRMWARE_OFFERS_H
#define WHORL_FLEET_FIRMWARE_OFFERS_H

#include "base/json.h"
#include "db/rows.h"
#include "firmware_store/store.h"
#include "fleet/contact.h"

enum {
    FIRMWARE_VERSION_SIZE = 65,
    FIRMWARE_FILENAME_SIZE = 129,
    FIRMWARE_PART_SIZE = 33,
    FIRMWARE_ARTIFACTS_MAX = 8,
    FIRMWARE_REPORT_TEXT_SIZE = 513,
    FIRMWARE_ACTION_ID_MAX = 2147483647
};

enum firmware_action_state { /* as in the column firmware_action.state */
                             ACTION_OFFERED,
                             ACTION_RUNNING,
                             ACTION_DOWNLOADED,
                             ACTION_INSTALLED, /* it says so, and is not confirmed after its restart yet */
                             ACTION_CANCELLING,
                             ACTION_SUCCEEDED,
                             ACTION_UNVERIFIED, /* it reported success and never fetched the bytes here */
                             ACTION_FAILED,
                             ACTION_CANCELLED
};
enum { FIRMWARE_ACTION_STATES = 9 };
const char *firmware_action_state_name(enum firmware_action_state state);
static inline bool firmware_action_is_open(enum firmware_action_state state)
{
    return state <= ACTION_CANCELLING;
}

struct firmware_artifact {
    struct uuid image;
    struct blob_digests digests;
    char filename[FIRMWARE_FILENAME_SIZE];
    char part[FIRMWARE_PART_SIZE]; /* of the release: "os", "application", …; "" where it has one image */
};

/* One action of a device: what it should install, and how far it is. */
struct firmware_action {
    int64_t id;
    enum firmware_action_state state;
    struct uuid rollout, release;
    char name[NAME_SIZE]; /* of the product */
    char version[FIRMWARE_VERSION_SIZE];
    int64_t sequence, counter;
    bool is_security;
    bool is_forced;    /* false: the device may choose its time */
    bool is_in_window; /* of maintenance; true where the rollout has none */
    bool has_window;
    struct sha256 manifest; /* of the SUIT envelope's bytes */
    struct firmware_artifact artifacts[FIRMWARE_ARTIFACTS_MAX];
    size_t artifact_count;
    int64_t offered_at, updated_at;
};

struct firmware_poll {
    bool has_action; /* offered, going on, or to be cancelled (state ACTION_CANCELLING) */
    struct firmware_action action;
    bool wants_attributes;    /* it never told its attributes, or was asked again */
    int64_t installed_action; /* 0: none */
    int64_t poll_s;
};

/** The device asks. A rollout that means it and has room makes it a new action, durably before this returns;
 *  an action that is open is told again, whatever state the device lost it in. A device with nothing open and
 *  no rollout that means it costs one read.
 *  @errors ERR_FORBIDDEN the device's state allows no firmware, ERR_DB, ERR_BUSY, ERR_DISK_FULL
 *  @thread worker, like all functions here */
err_t firmware_poll(struct fleet *fleet, const struct contact *contact, struct firmware_poll *out);

/** An action of this device, by its id. Reading it starts nothing. One whose rollout or release was taken
 * back is in state ACTION_CANCELLING until the device answered.
 *  @errors ERR_NOT_FOUND also for another device's, ERR_GONE it was cancelled, or ended and its release is
 *  withdrawn */
err_t firmware_action_get(struct fleet *fleet, const struct contact *contact, int64_t id,
                          struct firmware_action *out);

enum firmware_word { /* what a device says, in the words of DDI */
                     FIRMWARE_PROCEEDING,
                     FIRMWARE_DOWNLOAD,
                     FIRMWARE_DOWNLOADED,
                     FIRMWARE_SCHEDULED,
                     FIRMWARE_RESUMED,
                     FIRMWARE_REJECTED,
                     FIRMWARE_CANCELED,
                     FIRMWARE_CLOSED
};
enum firmware_finish { FIRMWARE_NONE, FIRMWARE_SUCCESS, FIRMWARE_FAILURE };

/* It ends with CLOSED, with CANCELED, or with REJECTED and FAILURE. Otherwise SUCCESS says that it is
 * installed and not confirmed yet (ACTION_INSTALLED), whatever the word. Of an action that is being cancelled
 * the same words end it; REJECTED without FAILURE as the answer to a cancel lets it go on, and it is not
 * cancelled again. */
struct firmware_report {
    int64_t action;
    enum firmware_word word;
    enum firmware_finish finish;
    bool has_progress;
    int64_t done, of;
    bool has_code;
    int64_t code;
    bool has_digest; /* which bytes it runs: those of an artifact of the action, or the report counts for
                        nothing */
    struct sha256 digest;
    bool is_cancel;   /* it answers the cancelling of the action */
    const char *text; /* what it said, "" for nothing; cut to FIRMWARE_REPORT_TEXT_SIZE */
};
/** @errors ERR_NOT_FOUND no such action of this device; ERR_GONE the action is ended and the report is
 * another than the one that ended it; ERR_CONFLICT the digest is of other bytes; ERR_WRONG_STATE cancelling
 * an action that is not being cancelled */
err_t firmware_report(struct fleet *fleet, const struct contact *contact,
                      const struct firmware_report *report);

enum attributes_mode { ATTRIBUTES_MERGE, ATTRIBUTES_REPLACE, ATTRIBUTES_REMOVE };
/** configData: replaces, adds to or takes from what is known. @param attributes an object of texts
 *  @errors ERR_UNPROCESSABLE, ERR_TOO_LARGE */
err_t firmware_attributes_set(struct fleet *fleet, const struct contact *contact, enum attributes_mode mode,
                              const json_t *attributes);

struct firmware_grant {
    struct firmware_artifact artifact;
    int64_t action;
    int64_t device_ver; /* of the device's row: the grant holds while it is this, and until `until` */
    int64_t until;
};
/** Whether this device may have these bytes now, and where they are: those of its open action, or of the
 *  action that it last installed. @param image or NULL: any artifact with this digest
 *  @errors ERR_NOT_FOUND it was not offered them (whether they exist is not told), ERR_GONE withdrawn */
err_t firmware_grant(struct fleet *fleet, const struct contact *contact, const struct uuid *image,
                     const struct sha256 *digest, struct firmware_grant *out);
/** So many bytes went to the device under this grant: kept in memory, written by a job. @thread any */
void firmware_fetched(struct fleet *fleet, const struct contact *contact, const struct firmware_grant *grant,
                      int64_t bytes);

/** Another name that the device polls under: its id, its serial, or a name of its own, which is its from the
 *  first use on where the product allows that.
 *  @errors ERR_NOT_FOUND the name is another device's, or not one that it may take */
err_t firmware_controller_check(struct fleet *fleet, const struct contact *contact, const char *controller);

#endif
