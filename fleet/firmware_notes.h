/* When devices polled, and how many bytes of an action they were sent: noted in memory, written in groups by
 * a job, so that no poll and no download costs a write. What a crash loses is a few seconds of that; a device
 * whose whole download is lost so counts as unverified. */
#ifndef WHORL_FLEET_FIRMWARE_NOTES_H
#define WHORL_FLEET_FIRMWARE_NOTES_H

#include "db/device_firmware_rows.h"
#include "fleet/fleet.h"

struct firmware_notes;

err_t firmware_notes_new(struct firmware_notes **out);
void firmware_notes_free(struct firmware_notes *notes);

/** When memory is full, a note is dropped. @thread any, like all functions here but the last */
void firmware_notes_polled(struct firmware_notes *notes, const struct firmware_owner *owner, int64_t at_ms);
void firmware_notes_fetched(struct firmware_notes *notes, const struct firmware_owner *owner, int64_t action,
                            int64_t bytes);
/** What is not written yet. */
int64_t firmware_notes_fetched_of(struct firmware_notes *notes, const struct firmware_owner *owner,
                                  int64_t action);
/** The last poll that is not written yet; 0: none. */
int64_t firmware_notes_polled_of(struct firmware_notes *notes, const struct firmware_owner *owner);

/** Writes what was noted, in bounded transactions. @thread background */
err_t firmware_notes_flush(struct fleet *fleet, int64_t now_ms);

#endif
