/* The plain lists: QuarkLink's, CSV, JSON Lines. Good ones, and every way to be wrong that has a sentence of
 * its own. */
#include "tests/unit/fleet/handover_scene.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void formats_have_names(void **state)
{
    (void)state;
    static const char *const names[] = {"quarklink", "csv", "jsonl", "microchip", "espressif", "infineon"};
    for (size_t i = 0; i < 6; i++) {
        enum handover_format format = HANDOVER_QUARKLINK;
        assert_true(handover_format_find(names[i], &format));
        assert_int_equal(format, i);
    }
    enum handover_format format = HANDOVER_CSV;
    assert_false(handover_format_find("CSV", &format));
    assert_false(handover_format_find("", &format));
}

static void quarklink_gives_ids(void **state)
{
    (void)state;
    struct heard heard = {.count = 0};
    static const char body[] = " {\r\n \"devices\" : [ \"" ID_A "\",\n\"" ID_B "\" ] } \n";
    assert_ok(hear(HANDOVER_QUARKLINK, bytes_str(body), &heard));
    assert_int_equal(heard.count, 2);
    assert_string_equal(heard.items[0].id, ID_A);
    assert_string_equal(heard.items[1].id, ID_B);
    assert_int_equal(heard.items[1].line, 2);
    assert_false(heard.items[1].is_signed);
    assert_ok(hear(HANDOVER_QUARKLINK, bytes_str("{\"devices\":[ ]}"), &heard));
    assert_int_equal(heard.count, 0);
}

static void quarklink_refuses_what_is_no_id(void **state)
{
    (void)state;
    struct heard heard = {.count = 0};
    static const char body[] =
        "{\"devices\":[\"\", \"" ID_A "\", 17, {\"id\":[\"a\\\"]\",{}]}, \"AA\", null]}";
    assert_ok(hear(HANDOVER_QUARKLINK, bytes_str(body), &heard));
    assert_int_equal(heard.count, 6);
    for (size_t i = 0; i < heard.count; i++) {
        if (i == 1) {
            assert_taken(&heard, i);
        } else {
            assert_refused(&heard, i, "64 lower-case");
        }
    }
}

static void quarklink_is_strict_about_its_form(void **state)
{
    (void)state;
    static const struct {
        const char *body, *word;
        err_code code;
    } cases[] = {
        {"", "within the list", ERR_BAD_JSON},
        {"[]", "form", ERR_BAD_JSON},
        {"{\"dev ices\":[]}", "form", ERR_BAD_JSON},
        {"{\"devices\":[]", "within the list", ERR_BAD_JSON},
        {"{\"devices\":[\"" ID_A "\"", "within the list", ERR_BAD_JSON},
        {"{\"devices\":[\"" ID_A "\",]}", "not one value", ERR_BAD_JSON},
        {"{\"devices\":[,]}", "not one value", ERR_BAD_JSON},
        {"{\"devices\":[\"" ID_A "\"}]}", "not opened", ERR_BAD_JSON},
        {"{\"devices\":[\"" ID_A "\" \"" ID_B "\"]}", "entry 1", ERR_BAD_JSON},
        {"{\"devices\":[\"\xff\"]}", "entry 1", ERR_BAD_JSON},
        {"{\"devices\":[]},1", "behind", ERR_BAD_JSON},
        {"{\"devices\":[],\"name\":1}", "form", ERR_BAD_JSON},
        {"{\"devices\":[{\"a\":1,\"a\":2}]}", "entry 1", ERR_BAD_JSON},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heard heard = {.count = 0};
        assert_error(hear(HANDOVER_QUARKLINK, bytes_str(cases[i].body), &heard), cases[i].code,
                     cases[i].word);
    }
}

static void csv_gives_columns_and_attributes(void **state)
{
    (void)state;
    struct heard heard = {.count = 0};
    static const char body[] = "\xef\xbb\xbf\"id\",serial,colour,model,\"a \"\"b\"\"\"\r\n" ID_A
                               ",SN-1,\"red, or\r\nblue\",gw,\r\n\r\n" ID_B ",,,,\"q\"\"q\"";
    assert_ok(hear(HANDOVER_CSV, bytes_str(body), &heard));
    assert_int_equal(heard.count, 2);
    assert_taken(&heard, 0);
    assert_string_equal(heard.items[0].id, ID_A);
    assert_string_equal(heard.items[0].serial, "SN-1");
    assert_string_equal(heard.items[0].model, "gw");
    assert_string_equal(heard.items[0].attributes, "{\"colour\":\"red, or\\r\\nblue\"}");
    assert_int_equal(heard.items[0].line, 2);
    assert_taken(&heard, 1);
    assert_int_equal(heard.items[1].line, 5);
    assert_string_equal(heard.items[1].attributes, "{\"a \\\"b\\\"\":\"q\\\"q\"}");
}

static void csv_takes_keys(void **state)
{
    (void)state;
    struct heard heard = {.count = 0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(buf) body = {0};
    char id[65];
    spki_of(key, &spki);
    id_of_key(key, id);
    assert_ok(buf_append_str(&body, "spki\n"));
    assert_ok(base64_append(&body, buf_view(&spki)));
    assert_ok(buf_append_str(&body, "\nnot base64\n"));
    assert_ok(hear(HANDOVER_CSV, buf_view(&body), &heard));
    assert_taken(&heard, 0);
    assert_string_equal(heard.items[0].id, id);
    assert_refused(&heard, 1, "base64");
}

static void csv_refuses_bad_records_one_by_one(void **state)
{
    (void)state;
    struct heard heard = {.count = 0};
    static const char body[] = "id,spki\n" ID_A ",\n" ID_A "\n" ID_A ",,\n,\nAA,\n" ID_A ",AAAA\n\"" ID_A
                               "\"x,\n" ID_A ",a\"b\n" ID_A "\r,\n" ID_B ",";
    static const char *const words[] = {NULL,     "1 fields",      "3 fields", "either",   "64 lower-case",
                                        "either", "closing quote", "a quote",  "carriage", NULL};
    assert_ok(hear(HANDOVER_CSV, bytes_str(body), &heard));
    assert_int_equal(heard.count, 10);
    for (size_t i = 0; i < heard.count; i++) {
        assert_int_equal(heard.items[i].line, i + 2);
        if (words[i] == NULL) {
            assert_taken(&heard, i);
        } else {
            assert_refused(&heard, i, words[i]);
        }
    }
}

static void csv_needs_a_good_header(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "empty"},
        {"\n\n", "empty"},
        {"serial\n", "'id' or 'spki'"},
        {"id,a,a\n", "same name"},
        {"id,id\n", "same name"},
        {"id,\n", "no name"},
        {"id,\"a\"b\n", "closing"},
        {"id,\"a", "never closed"},
        {"id\n\"" ID_A, "never closed"},
        {"id,\xff\n", "UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heard heard = {.count = 0};
        assert_error(hear(HANDOVER_CSV, bytes_str(cases[i][0]), &heard), ERR_UNPROCESSABLE, cases[i][1]);
    }
}

static void csv_is_bounded(void **state)
{
    (void)state;
    AUTO_VAL(buf) body = {0};
    struct heard heard = {.count = 0};
    assert_ok(buf_append_str(&body, "id"));
    for (int i = 0; i < 64; i++) {
        assert_ok(buf_printf(&body, ",c%d", i));
    }
    assert_error(hear(HANDOVER_CSV, buf_view(&body), &heard), ERR_UNPROCESSABLE, "too many fields");
    body.n = 0;
    assert_ok(buf_append_str(&body, "id,a\n" ID_A ","));
    for (int i = 0; i < HANDOVER_PIECE_MAX; i++) {
        assert_ok(buf_append_str(&body, "x"));
    }
    assert_error(hear(HANDOVER_CSV, buf_view(&body), &heard), ERR_TOO_LARGE, "line 2");
    assert_error(hear(HANDOVER_JSONL, buf_view(&body), &heard), ERR_TOO_LARGE, "line 2");
    memcpy(body.p, "[\"", 2);
    assert_error(hear(HANDOVER_MICROCHIP, buf_view(&body), &heard), ERR_TOO_LARGE, "element 1");
}

static void jsonl_gives_ids_and_objects(void **state)
{
    (void)state;
    struct heard heard = {.count = 0};
    static const char body[] =
        "\"" ID_A "\"\r\n\n{\"id\":\"" ID_B "\",\"serial\":\"S\",\"model\":\"M\","
        "\"attributes\":{\"line\":7}}\n{\"id\":\"" ID_A "\",\"colour\":1}\n{\n[1]\n" ID_A
        "\n{\"serial\":\"S\"}\n\"a\",\"b\"\n{\"id\":\"" ID_A "\",\"id\":\"" ID_A "\"}";
    static const char *const words[] = {NULL,    NULL,     "colour",    "entry 5",  "an id or an object",
                                        "entry", "either", "one value", "duplicate"};
    assert_ok(hear(HANDOVER_JSONL, bytes_str(body), &heard));
    assert_int_equal(heard.count, 9);
    for (size_t i = 0; i < heard.count; i++) {
        assert_int_equal(heard.items[i].line, i == 0 ? 1 : i + 2);
        if (words[i] == NULL) {
            assert_taken(&heard, i);
        } else {
            assert_refused(&heard, i, words[i]);
        }
    }
    assert_string_equal(heard.items[1].id, ID_B);
    assert_string_equal(heard.items[1].serial, "S");
    assert_string_equal(heard.items[1].model, "M");
    assert_string_equal(heard.items[1].attributes, "{\"line\":7}");
}

/* Wherever it stands and however the body is cut. */
static void a_private_key_ends_every_format(void **state)
{
    (void)state;
    static const char body[] = "id,note\n" ID_A ",\"-----BEGIN EC PPRIVATE KEY-----\"\n";
    for (int format = HANDOVER_QUARKLINK; format <= HANDOVER_INFINEON; format++) {
        struct heard heard = {.count = 0};
        err_t error = hear_pieces((enum handover_format)format, bytes_str(body), sizeof body, &heard);
        assert_error(error, ERR_UNPROCESSABLE, "private key");
        assert_int_equal(heard.count, 0);
    }
    for (size_t piece = 1; piece < sizeof body; piece++) {
        struct heard heard = {.count = 0};
        assert_error(hear_pieces(HANDOVER_CSV, bytes_str(body), piece, &heard), ERR_UNPROCESSABLE,
                     "private key");
        assert_int_equal(heard.count, 0);
    }
}

static err_t refuse_second(const struct handover_item *item, void *arg)
{
    (void)arg;
    return item->line == 2 ? ERR(ERR_DISK_FULL, "no room") : OK;
}

static void an_error_of_the_listener_ends_the_parsing(void **state)
{
    (void)state;
    AUTO_PTR(handover) *handover = NULL;
    const struct handover_options options = {.fn = refuse_second};
    assert_ok(handover_new(HANDOVER_JSONL, &options, &handover));
    assert_error(handover_write(handover, bytes_str("1\n2\n3\n")), ERR_DISK_FULL, "no room");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_have_names),
        cmocka_unit_test(quarklink_gives_ids),
        cmocka_unit_test(quarklink_refuses_what_is_no_id),
        cmocka_unit_test(quarklink_is_strict_about_its_form),
        cmocka_unit_test(csv_gives_columns_and_attributes),
        cmocka_unit_test(csv_takes_keys),
        cmocka_unit_test(csv_refuses_bad_records_one_by_one),
        cmocka_unit_test(csv_needs_a_good_header),
        cmocka_unit_test(csv_is_bounded),
        cmocka_unit_test(jsonl_gives_ids_and_objects),
        cmocka_unit_test(a_private_key_ends_every_format),
        cmocka_unit_test(an_error_of_the_listener_ends_the_parsing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
