/* The server's end of the signer process: questions from any number of threads, each on a channel of its own,
 * and a thread that starts the process again when it is gone. One lost question costs its caller at most its
 * deadline, and the server never more callers than may wait. */
#ifndef WHORL_PKI_SIGNER_CLIENT_H
#define WHORL_PKI_SIGNER_CLIENT_H

#include "pki/keystore_signer.h"
#include "pki/signer_frames.h"

struct signer_client; /* counted: keys that outlive their keystore find it stopped, not freed */

/** Starts the process and waits until it has said whether it can work. @param settings copied
 *  @errors what it said: ERR_FORBIDDEN a passphrase or PIN, ERR_UNPROCESSABLE a setting, …; ERR_UNAVAILABLE
 * it ended or said nothing @thread init */
err_t signer_client_new(const struct signer_settings *settings, struct signer_client **out);
struct signer_client *signer_client_ref(struct signer_client *client);
void signer_client_unref(struct signer_client *client);
DEFINE_AUTO_PTR(signer_client, signer_client_unref);
/** Ends the process: everything asked afterwards is ERR_UNAVAILABLE. @thread init */
void signer_client_stop(struct signer_client *client);

/** Waits for nothing any more: what is being asked ends now, ERR_UNAVAILABLE, and so does everything
 * afterwards. A process that hangs is killed by signer_client_stop(). @thread any */
void signer_client_abandon(struct signer_client *client);

struct signer_call {
    enum signer_op op;
    uint8_t argument;
    const char *label; /* "" of a ping */
    struct bytes data;
};
/** Asks, and waits for a channel and for the answer until the deadline. A question that may be asked twice
 * is, when the process was lost on it.
 *  @param[out] answer emptied first; NULL where nothing is expected
 *  @errors those of the answer; ERR_UNAVAILABLE with the reason and when to come again @thread worker */
err_t signer_client_call(struct signer_client *client, const struct signer_call *call, struct buf *answer);

/** For the keystore (pki/keystore_signer.h). @thread any */
void signer_client_status(struct signer_client *client, struct signer_status *out);

#endif
