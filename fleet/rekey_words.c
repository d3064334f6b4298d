/* The words of a device's place in a campaign, in one table: for answers, records and people. */
#include "fleet/rekey_why.h"

static const struct {
    const char *word, *state, *meaning;
} VERDICTS[REKEY_VERDICTS] = {
    [REKEY_IS_MEANT] = {"meant", "waiting", "The filter means it and its turn has come."},
    [REKEY_NOT_PRODUCT] = {"product_differs", "not_meant", "It is of another product."},
    [REKEY_NOT_BATCH] = {"batch_differs", "not_meant", "It is of another batch."},
    [REKEY_NOT_LABEL] = {"label_differs", "not_meant", "It does not have the labels that the filter names."},
    [REKEY_NO_CERTIFICATE] = {"no_certificate", "not_meant",
                              "It has no confirmed certificate: there is no key to replace."},
    [REKEY_NOT_AUTHORITY] = {"authority_differs", "not_meant", "Its certificate is of another authority."},
    [REKEY_NOT_ALGORITHM] = {"key_algorithm_differs", "not_meant", "Its key is of another algorithm."},
    [REKEY_NOT_ISSUED_BEFORE] = {"issued_later", "not_meant",
                                 "Its certificate was not issued before the time that the filter names."},
    [REKEY_NOT_GENERATION] = {"generation_not_below", "not_meant",
                              "Its key's generation is not below the one that the filter names."},
    [REKEY_LATE_JOINER] = {"late_joiner", "not_meant",
                           "It enrolled after the start, and late joiners are left out."},
    [REKEY_HAS_NEW_KEY] = {"has_new_key", "not_meant",
                           "It made its key after the start: no rekey is needed."},
    [REKEY_DEVICE_STATE] = {"device_state", "skipped",
                            "Its state allows no rekey: it is quarantined, revoked, retired or compromised."},
    [REKEY_OTHER_WAVE] = {"other_wave", "waiting", "Its wave is not open yet."},
    [REKEY_ORDERED_ALREADY] = {"ordered_already", "waiting",
                               "A rekey is ordered already, by an operator or an earlier plan; this plan "
                               "looks again when that is done."},
    [REKEY_RATE_USED_UP] = {"rate_used_up", "waiting",
                            "As many devices as the rate allows were told when it came: it is told when it "
                            "comes again."},
    [REKEY_HELD] = {"clock_held", "waiting", "The clock stepped: nobody is told until that is settled."},
    [REKEY_NO_CONTACT] = {"no_contact", "waiting",
                          "It did not come since its turn came, or since the plan changed: it is told at its "
                          "next contact."},
    [REKEY_NOT_BEGUN] = {"not_begun", "waiting", "The plan begins later."},
    [REKEY_NOT_RUNNING] = {"plan_not_running", "waiting", "The plan does not run: it tells nobody."},
    [REKEY_IS_TOLD] = {"told", "told", "It was told, and has used no certificate over a newer key yet."},
    [REKEY_IS_CONFIRMED] = {"confirmed", "confirmed", "It uses a certificate over a newer key."},
    [REKEY_NOT_IN_TIME] =
        {"not_confirmed_in_time", "failed",
         "It was told, and used no certificate over a newer key in time; the order stands."},
    [REKEY_LEFT_OUT] = {"left_out", "skipped", "It was told, and then was not enrolled any more."},
};

const char *rekey_verdict_word(enum rekey_verdict verdict)
{
    return VERDICTS[verdict].word;
}

const char *rekey_verdict_meaning(enum rekey_verdict verdict)
{
    return VERDICTS[verdict].meaning;
}

const char *rekey_verdict_state(enum rekey_verdict verdict)
{
    return VERDICTS[verdict].state;
}

static const enum rekey_verdict OF_MEMBERS[REKEY_MEMBER_STATES] = {
    [REKEY_MEMBER_TOLD] = REKEY_IS_TOLD,
    [REKEY_MEMBER_CONFIRMED] = REKEY_IS_CONFIRMED,
    [REKEY_MEMBER_FAILED] = REKEY_NOT_IN_TIME,
    [REKEY_MEMBER_SKIPPED] = REKEY_LEFT_OUT,
};

enum rekey_verdict rekey_member_verdict(const struct rekey_member_row *member)
{
    return OF_MEMBERS[member->state];
}

err_t rekey_member_state_parse(struct bytes text, enum rekey_member_state *out)
{
    for (size_t i = 0; i < REKEY_MEMBER_STATES; i++) {
        if (bytes_is(text, rekey_verdict_state(OF_MEMBERS[i]))) {
            *out = (enum rekey_member_state)i;
            return OK;
        }
    }
    return ERR(ERR_BAD_REQUEST, "a device of a rekey plan is told, confirmed, failed or skipped");
}
