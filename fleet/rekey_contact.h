/* A campaign and one device: told when it comes, confirmed when it uses a certificate over a newer key. */
#ifndef WHORL_FLEET_REKEY_CONTACT_H
#define WHORL_FLEET_REKEY_CONTACT_H

#include "db/rekey_member_rows.h"
#include "fleet/contact.h"
#include "fleet/rekey_match.h"

/** Compares a device that came with a certificate that is honoured with the campaigns of its tenant, and
 *  orders its rekey when one of them means it and has room; the order is durable when this returns. Nothing
 *  is written otherwise. What fails here is logged: the device's request goes on.
 *  @param[in,out] contact its device is as the order left it @thread worker */
void rekey_contact(struct fleet *fleet, const struct contact_facts *facts, struct contact *contact);

/** In the transaction that confirms a certificate: the device's part in campaigns is done, where its key is
 *  newer than the one that they were about. @thread of tx */
err_t rekey_confirmed(struct db_tx *tx, const struct device_row *device,
                      const struct certificate_row *certificate);

#endif
