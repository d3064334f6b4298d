/* What the files behind contact.h share. */
#ifndef WHORL_FLEET_CONTACT_INTERNAL_H
#define WHORL_FLEET_CONTACT_INTERNAL_H

#include "fleet/contact.h"

/** From the rows that were read: whether the certificate is honoured, and if not, why. @thread any */
void contact_judge(struct contact *contact, int64_t now_ms);

/** Reads when the device is to come, where its term is that of the certificate that it showed. @thread of tx
 */
err_t contact_read_renewal(struct db_tx *tx, struct contact *contact);

/** The first use of a certificate, durably: confirms an unconfirmed one and takes the rights of the older
 *  ones. @param[in,out] contact judged again from what the transaction saw @thread worker */
err_t contact_first_use(struct fleet *fleet, const struct contact_facts *facts, struct contact *contact);

/** Records, at most once a minute for each cause, that a certificate of a chain that verifies is not in the
 *  inventory. @thread worker */
void contact_alarm_unknown_serial(struct fleet *fleet, const struct contact_facts *facts);
/** Records, at most once a minute for each code, that a code whose secret was right is not good. @thread
 * worker */
void contact_alarm_code(struct fleet *fleet, const struct contact_facts *facts, const struct code_row *code,
                        const struct device_id *id, err_t why);
/** The same for a certificate that names a pinned CA as its issuer and is not good under it. */
void contact_alarm_vendor_ca(struct fleet *fleet, const struct contact_facts *facts,
                             const struct vendor_ca_row *ca, const struct device_id *id, err_t why);
/** Records in each tenant that their claims to one id are equally strong. @thread worker */
struct claims;
void contact_alarm_contested(struct fleet *fleet, const struct contact_facts *facts,
                             const struct device_id *id, const struct claims *claims);

#endif
