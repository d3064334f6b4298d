/* Long files: there at once or not at all; streams have no name. */
#include "base/file_writer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"
#include "tests/unit/base/base_fixture.h"

static char folder[] = "/tmp/whorl-writer.XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    return snprintf(path, sizeof path, "%s/long", folder) < 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder); /* fails when a temporary stayed */
}

static void assert_content(const char *text)
{
    AUTO_VAL(buf) content = {0};
    assert_ok(file_read(path, 4096, &content));
    assert_string_equal(buf_str(&content), text);
}

static void it_is_there_when_it_is_whole(void **state)
{
    (void)state;
    AUTO_PTR(file_writer) *writer = NULL;
    struct stat st;
    assert_ok(file_write_durable(path, bytes_str("former"), 0644));
    assert_ok(file_writer_new(path, 0600, &writer));
    assert_ok(file_writer_add(writer, bytes_str("one ")));
    assert_ok(file_writer_add(writer, BYTES_NONE));
    assert_ok(file_writer_add(writer, bytes_str("two")));
    assert_content("former");
    assert_ok(file_writer_sync(writer));
    assert_content("former");
    assert_ok(file_writer_commit(writer));
    assert_content("one two");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void without_commit_nothing_stays(void **state)
{
    (void)state;
    struct file_writer *writer = NULL;
    (void)unlink(path);
    assert_ok(file_writer_new(path, 0600, &writer));
    assert_ok(file_writer_add(writer, bytes_str("text")));
    file_writer_free(writer);
    assert_false(file_exists(path));
    assert_error(file_writer_new("/nowhere/at/all", 0600, &writer), ERR_NOT_FOUND);
    assert_null(writer);
}

/* A limit on the size of files says "no" as a full disk does. */
static void a_full_disk_is_told(void **state)
{
    (void)state;
    AUTO_PTR(file_writer) *writer = NULL;
    struct rlimit former;
    static uint8_t piece[8192];
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &former), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_ok(file_writer_new(path, 0600, &writer));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, former.rlim_max}), 0);
    err_t error = file_writer_add(writer, BYTES_OF(piece));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &former), 0);
    assert_error(error, ERR_DISK_FULL);
}

static void a_stream_goes_out_as_it_comes(void **state)
{
    (void)state;
    AUTO_PTR(file_writer) *writer = NULL;
    int ends[2];
    char text[16] = "";
    assert_int_equal(pipe(ends), 0);
    assert_ok(file_writer_on(ends[1], "a pipe", &writer));
    assert_ok(file_writer_add(writer, bytes_str("text")));
    assert_ok(file_writer_sync(writer));
    assert_ok(file_writer_commit(writer));
    assert_int_equal(read(ends[0], text, sizeof text - 1), 4);
    assert_string_equal(text, "text");
    (void)close(ends[0]);
    (void)signal(SIGPIPE, SIG_IGN);
    assert_error(file_writer_add(writer, bytes_str("more")), ERR_IO);
    (void)close(ends[1]);
}

static void a_file_moves_and_room_is_told(void **state)
{
    (void)state;
    char other[80];
    int64_t room = 0;
    (void)snprintf(other, sizeof other, "%s.other", path);
    assert_ok(file_write_durable(other, bytes_str("moved"), 0600));
    assert_ok(file_move_durable(other, path));
    assert_content("moved");
    assert_false(file_exists(other));
    assert_error(file_move_durable(other, path), ERR_NOT_FOUND);
    assert_ok(folder_room(folder, &room));
    assert_true(room > 0);
    assert_error(folder_room(other, &room), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_there_when_it_is_whole),  cmocka_unit_test(without_commit_nothing_stays),
        cmocka_unit_test(a_full_disk_is_told),           cmocka_unit_test(a_stream_goes_out_as_it_comes),
        cmocka_unit_test(a_file_moves_and_room_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
