/* The words of a device's place in a rollout, in one table: for answers and for people. */
#include "fleet/rollout_why.h"

static const struct {
    const char *word, *state, *meaning;
} VERDICTS[ROLLOUT_VERDICTS] = {
    [ROLLOUT_MEANS_IT] = {"next_poll", "waiting", "It is offered the release at its next poll."},
    [ROLLOUT_NOT_PRODUCT] = {"product_differs", "not_meant", "It is of another product."},
    [ROLLOUT_NOT_CLASS] = {"class_differs", "not_meant", "The release is for another hardware class."},
    [ROLLOUT_NOT_BATCH] = {"batch_differs", "not_meant", "It is of another batch."},
    [ROLLOUT_NOT_MODEL] = {"model_differs", "not_meant", "It is of another model."},
    [ROLLOUT_NOT_LABEL] = {"label_differs", "not_meant",
                           "It does not have the labels that the filter names."},
    [ROLLOUT_NOT_VERSION] = {"version_differs", "not_meant",
                             "It does not have the version that the filter names."},
    [ROLLOUT_NOT_SEQUENCE] = {"sequence_not_below", "not_meant",
                              "What it has installed is not below the sequence that the filter names."},
    [ROLLOUT_NOT_SOURCE] = {"source_too_old", "excluded",
                            "What it has installed is below the least source of the rollout, or not known."},
    [ROLLOUT_LATE_JOINER] = {"late_joiner", "not_meant",
                             "It was registered after the start, and late joiners are left out."},
    [ROLLOUT_HAS_IT] = {"has_it", "not_meant", "It has this release already, or a newer one."},
    [ROLLOUT_COUNTER_TOO_HIGH] = {"counter_too_high", "excluded",
                                  "Its security counter is above that of the release: its boot loader would "
                                  "refuse it."},
    [ROLLOUT_MIN_SEQUENCE] = {"min_sequence", "excluded",
                              "The release needs another one to be installed before it."},
    [ROLLOUT_DEVICE_STATE] = {"device_state", "excluded",
                              "Its state allows no firmware: it is not enrolled, or quarantined, revoked, "
                              "retired or compromised."},
    [ROLLOUT_OVERDUE] = {"rekey_overdue", "excluded",
                         "It is late with its key, and its product excludes such devices."},
    [ROLLOUT_TAKEN_BACK] = {"release_taken_back", "excluded",
                            "The release is not published any more, or an image of it is not good."},
    [ROLLOUT_IDS_USED_UP] = {"ids_used_up", "excluded", "It has used every action id that there is."},
    [ROLLOUT_OPEN_ACTION] = {"open_action", "waiting",
                             "It has an action of another rollout open; it is looked at again when that "
                             "ended."},
    [ROLLOUT_OTHER_WAVE] = {"other_wave", "waiting", "Its wave is not open yet."},
    [ROLLOUT_WAVE_FULL] = {"wave_full", "waiting",
                           "As many devices as the open wave holds were offered the release."},
    [ROLLOUT_RATE_USED_UP] = {"rate_used_up", "waiting",
                              "As many devices as the rate allows were offered it just now."},
    [ROLLOUT_HELD] = {"clock_held", "waiting",
                      "The clock stepped: nothing is offered until that is settled."},
    [ROLLOUT_NEVER_POLLED] = {"never_polled", "waiting", "It has never asked for firmware."},
    [ROLLOUT_NO_CONTACT] =
        {"no_contact", "waiting",
         "It did not ask for firmware since its turn came: it is offered it when it does."},
    [ROLLOUT_NOT_BEGUN] = {"not_begun", "waiting", "The rollout begins later."},
    [ROLLOUT_NOT_RUNNING] = {"rollout_not_running", "waiting",
                             "The rollout does not run: it offers nothing."},
    [ROLLOUT_WAITS_FOR_REPORT] = {"waits_for_report", "offered",
                                  "It was offered the release, and has not said what came of it."},
    [ROLLOUT_OUTSIDE_WINDOW] = {"outside_window", "offered",
                                "It was offered the release, and waits for a maintenance window."},
    [ROLLOUT_WAITS_FOR_CANCEL] = {"waits_for_cancel", "offered",
                                  "The release was taken back, and it has not said that it stopped."},
    [ROLLOUT_DEVICE_DONE] = {"succeeded", "ended", "It installed the release."},
    [ROLLOUT_DEVICE_UNVERIFIED] = {"unverified", "ended",
                                   "It says that it installed the release, and fetched none of it here: it "
                                   "counts for neither side."},
    [ROLLOUT_DEVICE_FAILED] = {"failed", "ended",
                               "It did not install the release, or was silent for too long."},
    [ROLLOUT_DEVICE_CANCELLED] = {"cancelled", "ended", "Its action was cancelled."},
};

const char *rollout_verdict_word(enum rollout_verdict verdict)
{
    return VERDICTS[verdict].word;
}

const char *rollout_verdict_meaning(enum rollout_verdict verdict)
{
    return VERDICTS[verdict].meaning;
}

const char *rollout_verdict_state(enum rollout_verdict verdict)
{
    return VERDICTS[verdict].state;
}

err_t firmware_action_state_parse(struct bytes text, enum firmware_action_state *out)
{
    for (int i = 0; i < FIRMWARE_ACTION_STATES; i++) {
        if (bytes_is(text, firmware_action_state_name((enum firmware_action_state)i))) {
            *out = (enum firmware_action_state)i;
            return OK;
        }
    }
    return ERR(ERR_BAD_REQUEST,
               "a device of a rollout is offered, running, downloaded, installed, cancelling, "
               "succeeded, unverified, failed or cancelled");
}
