/* When devices were in contact, and since when one knows that it is due: noted in memory at each contact,
 * written in groups by a job, so that no request costs a write. What a crash loses is a few seconds of that.
 *
 * A device that is told at its contacts that it is due, and does nothing, is counted by days: each begins at
 * a contact, a day or more after the one before. A device in a drawer has no contacts, and so no such days.
 */
#ifndef WHORL_FLEET_DEVICE_CONTACTS_H
#define WHORL_FLEET_DEVICE_CONTACTS_H

#include "db/device_contact_rows.h"
#include "fleet/contact.h"

struct device_contacts;

err_t device_contacts_new(struct device_contacts **out);
void device_contacts_free(struct device_contacts *contacts);

/** A known device was here, and is told by the answer when it should come. When memory is full, a contact is
 * dropped. @thread any */
void device_contacts_note(struct device_contacts *contacts, const struct contact *contact, int64_t now_ms);
/** Writes what was noted, in bounded transactions; there, a device that was in contact for as many days as
 * its product allows is put in quarantine, with its record. Not while the clock is in doubt. @thread
 * background */
err_t device_contacts_flush(struct fleet *fleet, int64_t now_ms);

/** What is stored, and what memory holds besides. All 0: it was never seen. @thread worker */
err_t device_contacts_find(struct fleet *fleet, const struct device_row *device,
                           struct device_contact_row *out);

#endif
