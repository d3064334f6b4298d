/* MAC protection of CMP, the form of messages: cut ones, PBMAC1, and more work than is done for strangers. */
#include "tests/unit/fleet/cmp_coded.h"

#include "pki/cmp_mac.h"

/* Every cut of a message is refused, and nothing is used up. */
static void cut_messages(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    coded_init(&coded, scene);
    without_confirmation(&coded);
    scene_change(scene, "UPDATE device SET state = 2");
    assert_null(ir(&coded.talk));
    scene_change(scene, "UPDATE device SET state = 0");
    AUTO_VAL(buf) whole = coded.talk.last;
    coded.talk.last = (struct buf){0};
    for (size_t n = 0; n < whole.n; n++) {
        AUTO_VAL(buf) answer = {0};
        serve(&coded.talk, (struct bytes){whole.p, n}, &answer);
        assert_true(coded.talk.failed.code == ERR_OK || err_status(coded.talk.failed.code) < 500);
    }
    assert_int_equal(certificates(scene), 0);
    assert_int_equal(state_of(&coded), CMP_CODE_ACTIVE);
    assert_int_equal(atomic_load(&scene->fleet->counters.pop_failed), 0);
}

/* --- PBMAC1: OpenSSL's client has none, so its messages are changed on their way, and the answers back */

static const uint8_t PBMAC1[] = {
    0x30, 0x49, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0e,             /* id-PBMAC1 */
    0x30, 0x3c, 0x30, 0x2c, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c, /* PBKDF2 */
    0x30, 0x1f, 0x04, 0x08, 1,    2,    3,    4,    5,    6,    7,    8,    0x02, 0x02, 0x03, 0xe8, 0x02,
    0x01, 0x20, 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09, 0x05, 0x00, /* prf */
    0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09, 0x05, 0x00}; /* HMAC-SHA-256 */
static const struct cmp_header pbmac1_header = {.protection_kind = CMP_PBMAC1,
                                                .protection_alg = {PBMAC1, sizeof PBMAC1},
                                                .mac = {.derivation = CMP_SHA256,
                                                        .mac = CMP_SHA256,
                                                        .salt = {PBMAC1 + 32, 8},
                                                        .iterations = 1000,
                                                        .key_size = 32}};

static void protect_as(struct coded *coded, const struct cmp_header *algorithm, struct bytes der,
                       struct buf *out)
{
    AUTO_VAL(buf) bare = {0};
    struct cmp_header header;
    struct cmp_header like = *algorithm;
    cmp_read(der, &header);
    assert_ok(cmp_mac_strip(&header, &bare));
    like.sender_kid = header.sender_kid;
    const struct cmp_mac_spec spec = {
        .like = &like, .code = bytes_str(coded->made.text), .random = coded->talk.scene->fleet->random};
    assert_ok(cmp_mac_protect(&spec, buf_view(&bare), out));
}

static void serve_pbmac1(void *server, struct bytes request, struct buf *answer)
{
    struct coded *coded = server; /* its first member is the talk */
    AUTO_VAL(buf) sent = {0};
    AUTO_VAL(buf) got = {0};
    struct cmp_header pbm;
    struct cmp_header header;
    bool is_good = false;
    cmp_read(request, &pbm);
    protect_as(coded, &pbmac1_header, request, &sent);
    serve(&coded->talk, buf_view(&sent), &got);
    assert_ok(coded->talk.failed);
    cmp_read(buf_view(&got), &header);
    assert_int_equal(header.protection_kind, CMP_PBMAC1);
    assert_int_equal(header.mac.iterations, 1000);
    assert_ok(cmp_mac_verify(&header, bytes_str(coded->made.text), &is_good));
    assert_true(is_good);
    assert_false(bytes_equal(header.mac.salt, pbmac1_header.mac.salt)); /* one of its own */
    protect_as(coded, &pbm, buf_view(&got), answer);
}

static void pbmac1(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    coded_init(&coded, scene);
    coded.talk.client.serve = serve_pbmac1;
    coded.talk.client.server = &coded;
    assert_non_null(ir(&coded.talk));
    assert_int_equal(coded.talk.answered, 2);
    assert_int_equal(state_of(&coded), CMP_CODE_USED);
}

/* How much work a stranger may ask for is looked at before any is done, and whoever asks for more is told by
 * a signature. */
static void too_many_rounds(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    AUTO_VAL(buf) answer = {0};
    AUTO_VAL(buf) sent = {0};
    uint8_t algorithm[sizeof PBMAC1];
    struct cmp_header like = pbmac1_header;
    struct cmp_header header;
    coded_init(&coded, scene);
    without_confirmation(&coded);
    scene_change(scene, "UPDATE device SET state = 2");
    assert_null(ir(&coded.talk));
    scene_change(scene, "UPDATE device SET state = 0");
    AUTO_VAL(buf) message = coded.talk.last;
    coded.talk.last = (struct buf){0};
    memcpy(algorithm, PBMAC1, sizeof algorithm);
    like.protection_alg = BYTES_OF(algorithm);
    like.mac.salt.p = algorithm + 32;
    for (int32_t rounds = 10001; rounds >= 10000; rounds--) {
        buf_clear(&sent);
        buf_clear(&answer);
        algorithm[42] = (uint8_t)(rounds / 256);
        algorithm[43] = (uint8_t)(rounds % 256);
        like.mac.iterations = rounds;
        protect_as(&coded, &like, buf_view(&message), &sent);
        serve(&coded.talk, buf_view(&sent), &answer);
        assert_ok(coded.talk.failed);
        cmp_read(buf_view(&answer), &header);
        bool is_too_much = rounds > 10000;
        assert_int_equal(header.protection_kind, is_too_much ? CMP_SIGNED : CMP_PBMAC1);
        assert_int_equal(header.body, is_too_much ? CMP_BODY_ERROR : CMP_BODY_IP);
        assert_int_equal(certificates(scene), is_too_much ? 0 : 1);
        assert_int_equal(atomic_load(&scene->fleet->counters.pop_failed), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(cut_messages),
        scene_test(pbmac1),
        scene_test(too_many_rounds),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
