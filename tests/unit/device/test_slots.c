/* Slots in files: what stands where after a swap, a way back, and a boot loader's file that is damaged; and
 * the file of what the firmware is for. */
#include <sys/stat.h>
#include <unistd.h>

#include "device/host/file_storage.h"
#include "device/host/firmware_id.h"
#include "device/host/slots.h"
#include "tests/unit/device/device_fixture.h"

static const struct whorl_bytes main_part = {NULL, 0};

static int make_folder(void **state)
{
    char *folder = strdup("/tmp/whorl-slots.XXXXXX");
    assert_non_null(mkdtemp(folder));
    *state = folder;
    return 0;
}

static int drop_folder(void **state)
{
    static const char *const names[] = {"slot-main.a",  "slot-main.b", "slot-radio.a",
                                        "slot-radio.b", "boot",        "firmware.id"};
    char path[256];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", (const char *)*state, names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(*state), 0);
    free(*state);
    return 0;
}

static void put(struct host_slots *slots, struct whorl_bytes part, const char *words)
{
    const struct whorl_flash *flash = &slots->port;
    assert_true(flash->erase(flash->context, part, 0));
    assert_true(flash->write(flash->context, part, 0, whorl_bytes_of(words)));
    assert_true(flash->sync(flash->context, part));
}

static void assert_active(struct host_slots *slots, struct whorl_bytes part, const char *words)
{
    uint8_t room[32];
    struct whorl_space into = {room, strlen(words)};
    assert_true(slots->port.read(slots->port.context, part, WHORL_SLOT_ACTIVE, 0, into));
    assert_memory_equal(room, words, into.size);
}

/* Off and on again. */
static bool start(struct host_slots *slots, const char *folder)
{
    bool has_changed = false;
    host_slots_clear(slots);
    assert_true(host_slots_init(slots, folder, 4096));
    assert_true(host_slots_start(slots, &has_changed));
    return has_changed;
}

static void there_and_back(void **state)
{
    struct host_slots slots;
    const struct whorl_bytes radio = whorl_bytes_of("radio");
    const struct whorl_bytes both[] = {main_part, radio};
    assert_true(host_slots_init(&slots, *state, 4096));
    put(&slots, main_part, "one");
    put(&slots, radio, "uno");
    assert_true(slots.port.arm(&slots, both, 2));
    assert_int_equal(slots.port.boot(&slots), WHORL_BOOT_PENDING);
    assert_true(start(&slots, *state));
    assert_int_equal(slots.port.boot(&slots), WHORL_BOOT_TRIAL);
    assert_active(&slots, main_part, "one");
    assert_active(&slots, radio, "uno");
    assert_true(slots.port.confirm(&slots));
    assert_false(start(&slots, *state));
    assert_int_equal(slots.port.boot(&slots), WHORL_BOOT_SETTLED);
    put(&slots, main_part, "two"); /* into the other slot: what runs stays as it is */
    assert_active(&slots, main_part, "one");
    assert_true(slots.port.arm(&slots, both, 1));
    assert_true(start(&slots, *state));
    assert_active(&slots, main_part, "two");
    assert_active(&slots, radio, "uno");
    assert_true(start(&slots, *state)); /* not confirmed */
    assert_active(&slots, main_part, "one");
    assert_int_equal(slots.port.boot(&slots), WHORL_BOOT_SETTLED);
    host_slots_clear(&slots);
}

static void a_dud_is_given_up(void **state)
{
    struct host_slots slots;
    assert_true(host_slots_init(&slots, *state, 4096));
    put(&slots, main_part, "does not boot, on purpose");
    assert_true(slots.port.arm(&slots, &main_part, 1));
    assert_false(start(&slots, *state));
    assert_int_equal(slots.port.boot(&slots), WHORL_BOOT_SETTLED);
    host_slots_clear(&slots);
}

static void names_and_sizes_have_limits(void **state)
{
    struct host_slots slots;
    static const char *const bad[] = {"../x", "a/b", "a b", "a.b", "a123456789012345678901234567890123"};
    assert_true(host_slots_init(&slots, *state, 4096));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(slots.port.room(&slots, whorl_bytes_of(bad[i])), 0);
        assert_false(slots.port.erase(&slots, whorl_bytes_of(bad[i]), 0));
    }
    assert_int_equal(slots.port.room(&slots, main_part), 4096);
    assert_false(slots.port.write(&slots, main_part, 4090, whorl_bytes_of("more than fits")));
    host_slots_clear(&slots);
}

static void a_damaged_boot_file_is_told(void **state)
{
    static const char *const bad[] = {"main", "main 1 0", "main 1 0 0 0\n", "\nx\n"};
    struct host_slots slots;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_true(host_file_write(*state, "boot", whorl_bytes_of(bad[i])));
        assert_false(host_slots_init(&slots, *state, 4096));
    }
}

static void what_the_firmware_is_for(void **state)
{
    const struct host_firmware_names names = {"default", "lamp", NULL, "tests/vectors/suit-key.pem",
                                              "tests/vectors/suit-key.pem"};
    struct host_firmware_names wrong = names;
    struct host_firmware_id id, again;
    const char *problem = "";
    assert_int_equal(host_firmware_id_load(*state, &again), WHORL_ERROR_NOT_AVAILABLE);
    assert_true(host_firmware_id_make(&names, &id, &problem));
    assert_int_equal(id.own.count, 1);
    assert_true(host_firmware_id_save(*state, &id));
    assert_int_equal(host_firmware_id_load(*state, &again), WHORL_OK);
    assert_memory_equal(&id.keys, &again.keys, sizeof id.keys);
    assert_memory_equal(&id.own, &again.own, sizeof id.own);
    assert_true(host_file_write(*state, "firmware.id", whorl_bytes_of("short")));
    assert_int_equal(host_firmware_id_load(*state, &again), WHORL_ERROR_STORAGE);
    wrong.recovery_key = "tests/vectors/keygen.txt";
    assert_false(host_firmware_id_make(&wrong, &id, &problem));
    wrong = names;
    wrong.tenant = NULL;
    assert_false(host_firmware_id_make(&wrong, &id, &problem));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(there_and_back),
        IN_FOLDER(a_dud_is_given_up),
        IN_FOLDER(names_and_sizes_have_limits),
        IN_FOLDER(a_damaged_boot_file_is_told),
        IN_FOLDER(what_the_firmware_is_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
