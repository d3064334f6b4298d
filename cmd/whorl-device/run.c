/* `whorl-device run`: the loop of a working device. Each contact is decided by the device core
 * (device/core/run.c); here it is shown, one line each, and waited for. */
#include <stdio.h>
#include <time.h>

#include "cmd/whorl-device/commands.h"
#include "cmd/whorl-device/unit.h"
#include "device/core/run.h"

static const char *word_of(unsigned code)
{
    switch (code) {
    case 0:
        return "no answer";
    case WHORL_CODE_ENROLLED:
        return "enrolled";
    case WHORL_CODE_NOT_ENROLLED:
        return "not enrolled";
    case WHORL_CODE_CERTIFICATE_EXPIRED:
        return "certificate expired";
    case WHORL_CODE_REVOKED:
        return "revoked: the operator decides";
    case WHORL_CODE_DOES_NOT_EXIST:
        return "unknown to the server";
    case WHORL_CODE_DEVICE_REVOKED:
        return "retired: no enrolment, ever";
    default:
        return "of a kind that this device does not know";
    }
}

static const char *deed_of(enum whorl_deed deed, bool is_done)
{
    switch (deed) {
    case WHORL_DEED_NONE:
        return "nothing to do";
    case WHORL_DEED_ENROL:
        return is_done ? "enrolled" : "enrolment failed";
    case WHORL_DEED_RENEW:
        return is_done ? "renewed" : "renewal failed";
    case WHORL_DEED_REKEY:
        return is_done ? "new key" : "rekey failed";
    case WHORL_DEED_RECOVER:
        return is_done ? "recovered by the identity key" : "recovery failed";
    }
    return "";
}

static void print_anchors(const struct whorl_anchor_news *news)
{
    if (news->added != 0 || news->dropped != 0) {
        (void)printf("trust anchors: %u in force, %u new, %u gone\n", news->trusted, news->added,
                     news->dropped);
    } else if (news->refused != 0) {
        (void)printf("trust anchors: refused, nothing changed: no trusted root vouches for %u new one%s\n",
                     news->refused, news->refused == 1 ? "" : "s");
    } else if (news->result != WHORL_OK) {
        (void)printf("trust anchors: not updated (%d), looked at again at the next contact\n",
                     (int)news->result);
    }
}

static void print_contact(const struct whorl_run *run, enum whorl_result result)
{
    bool is_idle_failure = run->deed == WHORL_DEED_NONE && result != WHORL_OK;
    const char *deed = is_idle_failure ? "nothing done" : deed_of(run->deed, result == WHORL_OK);
    const char *whom = run->is_by_identity ? " (to the identity key)" : "";
    print_anchors(&run->anchors);
    (void)printf("%s%s: %s, generation %u, next contact in %u s\n", word_of(run->code), whom, deed,
                 (unsigned)run->generation, (unsigned)run->wait_s);
    (void)fflush(stdout);
}

static void wait_for(uint32_t seconds)
{
    struct timespec left = {.tv_sec = (time_t)seconds};
    (void)nanosleep(&left, NULL); /* a signal means: sooner */
}

/* What people want besides the line: the new certificate as a file, or the reason. */
static enum whorl_result after(struct unit *unit, const struct options *options, const struct whorl_run *run,
                               enum whorl_result result)
{
    struct whorl_credential credential;
    if (result == WHORL_OK && run->deed != WHORL_DEED_NONE) {
        result = command_write_pem(unit, options->dir, &credential);
    }
    if (result != WHORL_OK) {
        unit_report(unit, "run", result);
    }
    return result;
}

int command_run(const struct options *options)
{
    struct unit unit;
    enum whorl_result result = WHORL_OK;
    if (!command_needs_dir(options) || !command_needs_server(options)) {
        return EXIT_USAGE;
    }
    if (!unit_open(&unit, options)) {
        return EXIT_FAILED;
    }
    if (!unit_begin_firmware(&unit, options)) {
        unit_close(&unit);
        return EXIT_FAILED;
    }
    for (uint64_t i = 1;; i++) {
        struct whorl_run run;
        struct whorl_update_news news = {.wait_s = UINT32_MAX};
        result = whorl_device_run(&unit.device, &run);
        print_contact(&run, result);
        result = after(&unit, options, &run, result);
        if (result == WHORL_OK && run.generation != 0 && unit.ports.flash != NULL) {
            result = command_firmware_visit(&unit, options, &news);
            run.wait_s = news.wait_s < run.wait_s ? news.wait_s : run.wait_s;
        }
        if (!unit.is_open) { /* it did not come up again */
            return EXIT_FAILED;
        }
        if (i == options->contacts) {
            break;
        }
        bool is_well = unit.device.failures == 0; /* who was turned away keeps its distance */
        bool is_sooner = is_well && options->every_s != 0 && options->every_s < run.wait_s;
        wait_for(is_sooner ? (uint32_t)options->every_s : run.wait_s);
    }
    unit_close(&unit);
    return result == WHORL_OK ? EXIT_OK : EXIT_FAILED;
}
