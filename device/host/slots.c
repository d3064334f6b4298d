/* Slots as files. The boot loader's file is replaced whole, like a record. */
#include "device/host/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device/core/text.h"
#include "device/host/file_storage.h"

enum { STEP_BYTES = 65536, BOOT_FILE_SIZE = 1024 };

static const char boot_file[] = "boot";
static const char dud[] = "does not boot";

/* "" is the only part of firmware that has one. */
static const char *file_name(const char *part)
{
    return part[0] == '\0' ? "main" : part;
}

static bool is_plain(struct whorl_bytes name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (name.size > WHORL_PART_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '\0' || strchr(letters, name.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* The number of a part; a new one gets the next. HOST_PARTS_MAX: it cannot have slots. */
static size_t find(struct host_slots *slots, struct whorl_bytes name)
{
    size_t i = 0;
    while (i < slots->count && !whorl_is(name, slots->part[i].name)) {
        i++;
    }
    if (i == slots->count && i < HOST_PARTS_MAX && is_plain(name)) {
        memset(&slots->part[i], 0, sizeof slots->part[i]);
        whorl_copy(slots->part[i].name, name.data, name.size);
        slots->count++;
        return i;
    }
    return i < slots->count ? i : HOST_PARTS_MAX;
}

static int open_slot(const struct host_slots *slots, size_t part, enum whorl_slot slot, int flags)
{
    char path[PATH_MAX];
    unsigned number = slots->part[part].active ^ (slot == WHORL_SLOT_SPARE ? 1U : 0U);
    int size = snprintf(path, sizeof path, "%s/slot-%s.%c", slots->folder, file_name(slots->part[part].name),
                        number == 0 ? 'a' : 'b');
    return size > 0 && (size_t)size < sizeof path ? open(path, flags | O_CLOEXEC, 0600) : -1;
}

static void close_spare(struct host_slots *slots)
{
    if (slots->fd >= 0) {
        close(slots->fd);
        slots->fd = -1;
    }
}

/* The spare slot, opened once for many writes. */
static int spare_of(struct host_slots *slots, struct whorl_bytes name)
{
    size_t part = find(slots, name);
    if (part == HOST_PARTS_MAX) {
        return -1;
    }
    if (slots->fd < 0 || slots->fd_part != part) {
        close_spare(slots);
        slots->fd = open_slot(slots, part, WHORL_SLOT_SPARE, O_RDWR | O_CREAT);
        slots->fd_part = part;
    }
    return slots->fd;
}

static uint64_t slots_room(void *context, struct whorl_bytes part)
{
    struct host_slots *slots = context;
    return find(slots, part) == HOST_PARTS_MAX ? 0 : slots->slot_bytes;
}

static bool slots_erase(void *context, struct whorl_bytes part, uint64_t from)
{
    struct host_slots *slots = context;
    int fd = spare_of(slots, part);
    host_change(slots->die_in);
    return fd >= 0 && ftruncate(fd, (off_t)from) == 0;
}

static bool write_at(int fd, uint64_t at, struct whorl_bytes data)
{
    while (data.size != 0) {
        ssize_t n = pwrite(fd, data.data, data.size, (off_t)at);
        if (n <= 0) {
            if (n < 0 && errno == EINTR) {
                continue;
            }
            return false;
        }
        at += (uint64_t)n;
        data.data += n;
        data.size -= (size_t)n;
    }
    return true;
}

/* In two halves, so that one who is killed leaves half of it. */
static bool slots_write(void *context, struct whorl_bytes part, uint64_t at, struct whorl_bytes data)
{
    struct host_slots *slots = context;
    int fd = spare_of(slots, part);
    struct whorl_bytes front = {data.data, data.size / 2};
    struct whorl_bytes rest = {data.data + front.size, data.size - front.size};
    if (fd < 0 || at > slots->slot_bytes || data.size > slots->slot_bytes - at || !write_at(fd, at, front)) {
        return false;
    }
    host_change(slots->die_in);
    return write_at(fd, at + front.size, rest);
}

static bool slots_sync(void *context, struct whorl_bytes part)
{
    struct host_slots *slots = context;
    int fd = spare_of(slots, part);
    host_change(slots->die_in);
    return fd >= 0 && fsync(fd) == 0;
}

static bool slots_read(void *context, struct whorl_bytes part, enum whorl_slot slot, uint64_t at,
                       struct whorl_space into)
{
    struct host_slots *slots = context;
    size_t number = find(slots, part);
    int fd = number == HOST_PARTS_MAX ? -1 : open_slot(slots, number, slot, O_RDONLY);
    size_t got = 0;
    ssize_t n = 1;
    while (fd >= 0 && got < into.size && n > 0) {
        n = pread(fd, into.data + got, into.size - got, (off_t)(at + got));
        got += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    memset(into.data + got, 0xff, into.size - got); /* flash that was never written */
    return fd >= 0 ? n >= 0 : errno == ENOENT;
}

/* One line for each part: name, active slot, armed, tried. */
static bool save(const struct host_slots *slots)
{
    char text[BOOT_FILE_SIZE];
    size_t used = 0;
    for (size_t i = 0; i < slots->count; i++) {
        const struct host_slot_part *part = &slots->part[i];
        int size = snprintf(text + used, sizeof text - used, "%s %u %d %d\n", file_name(part->name),
                            part->active, part->is_armed ? 1 : 0, part->is_tried ? 1 : 0);
        if (size <= 0 || (size_t)size >= sizeof text - used) {
            return false;
        }
        used += (size_t)size;
    }
    struct whorl_bytes data = {(const uint8_t *)text, used};
    host_change(slots->die_in);
    return host_file_write(slots->folder, boot_file, data);
}

static bool slots_arm(void *context, const struct whorl_bytes *parts, size_t count)
{
    struct host_slots *slots = context;
    for (size_t i = 0; i < count; i++) {
        size_t part = find(slots, parts[i]);
        if (part == HOST_PARTS_MAX) {
            return false;
        }
        slots->part[part].is_armed = true;
    }
    return save(slots);
}

static enum whorl_boot slots_boot(void *context)
{
    const struct host_slots *slots = context;
    enum whorl_boot boot = WHORL_BOOT_SETTLED;
    for (size_t i = 0; i < slots->count; i++) {
        if (slots->part[i].is_armed) {
            return WHORL_BOOT_PENDING;
        }
        boot = slots->part[i].is_tried ? WHORL_BOOT_TRIAL : boot;
    }
    return boot;
}

static bool slots_confirm(void *context)
{
    struct host_slots *slots = context;
    for (size_t i = 0; i < slots->count; i++) {
        slots->part[i].is_tried = false;
    }
    return save(slots);
}

static bool load(struct host_slots *slots)
{
    char text[BOOT_FILE_SIZE];
    struct whorl_space room = {(uint8_t *)text, sizeof text - 1};
    size_t size = 0;
    enum whorl_result result = host_file_read(slots->folder, boot_file, room, &size);
    if (result != WHORL_OK) {
        return result == WHORL_ERROR_NOT_AVAILABLE;
    }
    text[size] = '\0';
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        struct host_slot_part *part = &slots->part[slots->count];
        char *fields = strchr(line, ' ');
        if (slots->count == HOST_PARTS_MAX || fields == NULL || fields - line > WHORL_PART_MAX ||
            strlen(fields) != 6) {
            return false;
        }
        *fields = '\0';
        (void)snprintf(part->name, sizeof part->name, "%s", strcmp(line, "main") == 0 ? "" : line);
        part->active = fields[1] == '1' ? 1 : 0;
        part->is_armed = fields[3] == '1';
        part->is_tried = fields[5] == '1';
        slots->count++;
    }
    return true;
}

bool host_slots_init(struct host_slots *slots, const char *folder, uint64_t slot_bytes)
{
    memset(slots, 0, sizeof *slots);
    slots->folder = folder;
    slots->slot_bytes = slot_bytes;
    slots->fd = -1;
    slots->port = (struct whorl_flash){.context = slots,
                                       .step_bytes = STEP_BYTES,
                                       .room = slots_room,
                                       .erase = slots_erase,
                                       .write = slots_write,
                                       .sync = slots_sync,
                                       .read = slots_read,
                                       .arm = slots_arm,
                                       .boot = slots_boot,
                                       .confirm = slots_confirm};
    return load(slots);
}

void host_slots_clear(struct host_slots *slots)
{
    close_spare(slots);
}

static bool comes_up(struct host_slots *slots, const struct host_slot_part *part)
{
    uint8_t start[sizeof dud - 1];
    struct whorl_space into = {start, sizeof start};
    struct whorl_bytes name = {(const uint8_t *)part->name, strlen(part->name)};
    return !slots_read(slots, name, WHORL_SLOT_SPARE, 0, into) || memcmp(start, dud, sizeof start) != 0;
}

bool host_slots_start(struct host_slots *slots, bool *has_changed)
{
    bool is_good = true;
    bool is_written = true;
    close_spare(slots);
    *has_changed = false;
    for (size_t i = 0; i < slots->count; i++) {
        struct host_slot_part *part = &slots->part[i];
        if (part->is_tried) { /* it was not confirmed */
            part->active ^= 1U;
            part->is_tried = false;
            *has_changed = true;
        }
        is_good = is_good && (!part->is_armed || comes_up(slots, part));
    }
    for (size_t i = 0; i < slots->count; i++) {
        struct host_slot_part *part = &slots->part[i];
        is_written = is_written && !part->is_armed;
        if (part->is_armed && is_good) {
            part->active ^= 1U;
            part->is_tried = true;
            *has_changed = true;
        }
        part->is_armed = false;
    }
    return (is_written && !*has_changed) || save(slots);
}
