/* What OpenSSL's reasons mean to a client of CMP: its server says badRequest, whatever it was. */
#include <openssl/cmp.h>
#include <openssl/err.h>

#include "pki/cmp_signer_internal.h"

/* What OpenSSL's reasons mean to a client; the first that is found in the queue counts. */
static const struct reason {
    int reason;
    enum cmp_failure failure;
    const char *text;
} reasons[] = {
    {CMP_R_SRVCERT_DOES_NOT_VALIDATE_MSG, CMP_FAILURE_BAD_MESSAGE_CHECK,
     "the protection does not verify with the key of the sender's certificate"},
#ifdef CMP_R_UNEXPECTED_SENDER /* of OpenSSL 3.2 and later */
    {CMP_R_UNEXPECTED_SENDER, CMP_FAILURE_BAD_MESSAGE_CHECK,
     "the sender is not the subject of the protecting certificate"},
#endif
    {CMP_R_ERROR_VALIDATING_PROTECTION, CMP_FAILURE_BAD_MESSAGE_CHECK, "the protection does not verify"},
    {CMP_R_MISSING_PROTECTION, CMP_FAILURE_BAD_MESSAGE_CHECK, "the message is not protected"},
    {CMP_R_SENDER_GENERALNAME_TYPE_NOT_SUPPORTED, CMP_FAILURE_BAD_DATA_FORMAT,
     "the sender must be a directory name"},
    {CMP_R_UNEXPECTED_PVNO, CMP_FAILURE_UNSUPPORTED_VERSION, "this version of CMP is not spoken here"},
    {CMP_R_TRANSACTIONID_UNMATCHED, CMP_FAILURE_BAD_REQUEST, "the transactionID is not that of the request"},
    {CMP_R_RECIPNONCE_UNMATCHED, CMP_FAILURE_BAD_RECIPIENT_NONCE,
     "recipNonce is not the senderNonce of the last answer"},
    {CMP_R_BAD_REQUEST_ID, CMP_FAILURE_BAD_REQUEST, "certReqId is not that of the request"},
    {CMP_R_MULTIPLE_REQUESTS_NOT_SUPPORTED, CMP_FAILURE_BAD_REQUEST, "one message asks for one certificate"},
    {CMP_R_UNEXPECTED_PKIBODY, CMP_FAILURE_BAD_REQUEST, "this message does not belong here"},
    {CMP_R_ERROR_UNEXPECTED_CERTCONF, CMP_FAILURE_BAD_REQUEST, "no confirmation was asked for"},
};

static const struct reason *reason_of(unsigned long error)
{
    for (size_t i = 0; ERR_GET_LIB(error) == ERR_LIB_CMP && i < sizeof reasons / sizeof reasons[0]; i++) {
        if (ERR_GET_REASON(error) == reasons[i].reason) {
            return &reasons[i];
        }
    }
    return NULL;
}

const char *cmp_reason_take(enum cmp_failure *failure)
{
    const struct reason *found = NULL;
    unsigned long error = 0;
    while ((error = ERR_get_error()) != 0) {
        found = found != NULL ? found : reason_of(error);
    }
    *failure = found != NULL ? found->failure : CMP_FAILURE_BAD_REQUEST;
    return found != NULL ? found->text : "the message cannot be processed";
}
