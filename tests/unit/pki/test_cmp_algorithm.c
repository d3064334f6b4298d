/* What MACs of CMP are read, and at what cost they are refused before anything is computed. */
#include "tests/unit/pki/cmp_parts.h"

#define PBM_WITH(size, all, salt, owf, count, mac)                                                           \
    "30 " all " " PBM " 30 " size " " salt " " owf " " count " " mac

static void test_pbm(void **state)
{
    static const struct form FORMS[] = {
        {{.algorithm = PBM_WITH("2b", "38", SALT, SHA256, "02 02 01 f4", HMAC_1)}, NULL, 0},
        {{.algorithm = PBM_WITH("2b", "38", SALT, SHA256, "02 02 27 10", HMAC_256)}, NULL, 0},
        {{.algorithm = PBM_WITH("2b", "38", SALT, SHA256, "02 02 27 11", HMAC_256)}, "10001", ALG},
        {{.algorithm = PBM_WITH("2a", "37", SALT, SHA256, "02 01 64", HMAC_256)}, NULL, 0},
        {{.algorithm = PBM_WITH("2a", "37", SALT, SHA256, "02 01 63", HMAC_256)},
         "iterationCount is 99",
         ALG},
        {{.algorithm = PBM_WITH("2a", "37", SALT, SHA256, "02 01 00", HMAC_256)}, "iterationCount is 0", ALG},
        {{.algorithm = PBM_WITH("2a", "37", SALT, SHA256, "02 01 ff", HMAC_256)}, "beyond all", ALG},
        {{.algorithm = PBM_WITH("2e", "3b", SALT, SHA256, "02 05 00 80 00 00 00", HMAC_256)},
         "2147483648",
         ALG},
        {{.algorithm = PBM_WITH("32", "3f", SALT, SHA256, "02 09 00 ff ff ff ff ff ff ff ff", HMAC_256)},
         "beyond all",
         ALG},
        {{.algorithm = PBM_WITH("27", "34", SALT, SHA1, "02 02 01 f4", HMAC_1)}, "one-way function", ALG},
        {{.algorithm = PBM_WITH("2b", "38", SALT, SHA256, "02 02 01 f4", HMAC_MD5)}, "the MAC", ALG},
        {{.algorithm = PBM_WITH("2a", "37", "04 07 01 02 03 04 05 06 07", SHA256, "02 02 01 f4", HMAC_1)},
         "salt of 7",
         ALG},
        {{.algorithm = PBM_WITH("1d", "2a", SALT, SHA256, "02 02 01 f4", "")}, "PBMParameter", FORMAT},
        {{.algorithm = "30 0b " PBM}, "PBMParameter", FORMAT},
        {{.algorithm = "05 00"}, "AlgorithmIdentifier", FORMAT},
    };
    (void)state;
    try_forms(FORMS, sizeof FORMS / sizeof FORMS[0]);
}

#define PBMAC1_WITH(all, two, kdf, parameters, inner, mac)                                                   \
    "30 " all " " PBMAC1 " 30 " two " 30 " kdf " " PBKDF2 " 30 " parameters " " inner " " mac
#define KEY_32 "02 01 20"

static void test_pbmac1(void **state)
{
    static const struct form FORMS[] = {
        {{.algorithm =
              PBMAC1_WITH("49", "3c", "2c", "1f", SALT " 02 02 03 e8 " KEY_32 " " HMAC_256, HMAC_256)},
         NULL,
         0},
        {{.algorithm =
              PBMAC1_WITH("49", "3c", "2c", "1f", SALT " 02 02 27 11 " KEY_32 " " HMAC_256, HMAC_256)},
         "10001",
         ALG},
        {{.algorithm = PBMAC1_WITH("46", "39", "29", "1c", SALT " 02 02 03 e8 " HMAC_256, HMAC_256)},
         "without keyLength",
         ALG},
        {{.algorithm = PBMAC1_WITH("49", "3c", "2c", "1f", SALT " 02 02 03 e8 02 01 0f " HMAC_256, HMAC_256)},
         "keyLength is 15",
         ALG},
        {{.algorithm = PBMAC1_WITH("3b", "2e", "1e", "11", SALT " 02 02 03 e8 " KEY_32, HMAC_256)},
         "prf",
         ALG},
        {{.algorithm = PBMAC1_WITH("49", "3c", "2c", "1f", SALT " 02 02 03 e8 " KEY_32 " " HMAC_1, HMAC_256)},
         "prf",
         ALG},
        {{.algorithm = PBMAC1_WITH("49", "3c", "2c", "1f", SALT " 02 02 03 e8 " KEY_32 " " HMAC_256, HMAC_1)},
         "messageAuthScheme",
         ALG},
        {{.algorithm = "30 0b " PBMAC1}, "PBMAC1", FORMAT},
    };
    (void)state;
    try_forms(FORMS, sizeof FORMS / sizeof FORMS[0]);
    AUTO_VAL(buf) der = {0};
    struct cmp_header header;
    enum cmp_failure failure;
    build(&FORMS[0].parts, &der);
    assert_ok(cmp_header_read(buf_view(&der), &header, &failure));
    assert_int_equal(header.protection_kind, CMP_PBMAC1);
    assert_int_equal(header.mac.key_size, 32);
    assert_int_equal(header.mac.iterations, 1000);
}

/* An answer can name the transaction although the rest is refused. */
static void test_transaction_of_a_refused_message(void **state)
{
    AUTO_VAL(buf) der = {0};
    struct cmp_header header;
    enum cmp_failure failure;
    const struct parts dear = {.algorithm =
                                   PBM_WITH("2e", "3b", SALT, SHA256, "02 05 00 80 00 00 00", HMAC_256)};
    (void)state;
    build(&dear, &der);
    assert_int_equal(cmp_header_read(buf_view(&der), &header, &failure).code, ERR_UNPROCESSABLE);
    assert_int_equal(header.transaction_id.n, 16);
    assert_int_equal(header.sender_nonce.n, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pbm),
        cmocka_unit_test(test_pbmac1),
        cmocka_unit_test(test_transaction_of_a_refused_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
