/* Two holders of one device's keys, found by proof only (docs/lifecycle.md, "Clones"):
 * - same_generation: one key asks twice for the generation that it names, for two different keys;
 * - two_lines: a certificate that has lost its rights is used after its successor was, and then the successor
 * is used again. A device that crashed before it stored the successor cannot do the last of it. Each step is
 * a full handshake by the key; what does not verify is never seen here and changes nothing. */
#ifndef WHORL_FLEET_CLONES_H
#define WHORL_FLEET_CLONES_H

#include "fleet/contact.h"

/** The transaction of an enrolment that was decided to be a fork. @errors always one: ERR_DEVICE_REFUSED (now
 *  quarantined), ERR_UNPROCESSABLE (the product only alerts), ERR_BUSY with run->must_sign: decided otherwise
 *  meanwhile @thread worker */
struct enrol_run;
err_t clone_by_fork(struct enrol_run *run);

/** A certificate that is not honoured was used, or asked for another one: noted where that can become a
 * proof. A mere use counts after the overlap only, since other programs in the device may hold it in memory
 * until then. What cannot be noted is logged. @thread worker */
void clone_by_use(struct fleet *fleet, const struct contact_facts *facts, const struct contact *contact);
void clone_by_request(struct fleet *fleet, const struct contact_facts *facts, const struct contact *contact);

/** The successor is used again: the proof. @param[in,out] contact judged again when the device was stopped
 *  @thread worker */
void clone_prove(struct fleet *fleet, const struct contact_facts *facts, struct contact *contact);

/** An operator has given an order about the device, so the suspicion is answered: its alarm ends. @thread of
 * tx
 */
err_t clone_alarm_clear(struct db_tx *tx, const struct device_row *device);

#endif
