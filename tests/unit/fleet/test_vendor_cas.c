/* Chips that a maker's certificate lets in: whom it admits, where to, and whose claim wins. */
#include "tests/unit/fleet/admission_scene.h"
#include "tests/unit/pki/vendor_fixture.h"

#include "db/vendor_ca_rows.h"
#include "fleet/products.h"
#include "fleet/vendor_cas.h"

/* A chip of this maker as the front sees it. */
static void peer_of_chip(const struct vendor *v, const struct unit *unit, const char *cn, bool sends_ca,
                         struct peer_identity *out)
{
    const struct vendor_spec spec = {.cn = cn,
                                     .key = unit->identity,
                                     .issuer = v->ca,
                                     .issuer_key = v->ca_key,
                                     .constraints = "CA:FALSE",
                                     .to_s = 253402300799};
    AUTO(X509) *x509 = vendor_make(&spec);
    peer_of_identity(unit, out);
    out->kind = PEER_FOREIGN;
    der_of(x509, &out->der);
    if (sends_ca) {
        der_of(v->ca, &out->chain);
    }
}

struct pin {
    size_t tenant;
    const char *name, *product;
    const X509 *ca;
};

static struct vendor_ca_row pin_ca(struct scene *scene, const struct pin *pin)
{
    AUTO_VAL(buf) pem = {0};
    struct faults faults = {.count = 0};
    struct vendor_ca_row row;
    pem_of(pin->ca, &pem);
    struct terms terms = terms_of(scene, pin->tenant, &faults);
    const struct vendor_ca_change change = {
        .name = bytes_str(pin->name), .product = bytes_str(pin->product), .pem = buf_view(&pem)};
    assert_ok(vendor_ca_add(scene->fleet, &terms, &change, &row));
    return row;
}

static err_code come(struct scene *scene, const struct peer_identity *peer, const char *label)
{
    AUTO_VAL(enrolment) out = {.is_repeat = false};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key});
    struct contact_facts facts = facts_of(peer);
    facts.label = label;
    return enrol_with(scene, &facts, csr, 0, &out).code;
}

static enum device_word word_of(struct scene *scene, const struct peer_identity *peer)
{
    struct contact contact;
    struct device_status status;
    struct contact_facts facts = facts_of(peer);
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    assert_ok(contact_status(scene->fleet, &contact, &status));
    return status.word;
}

static void admit_by_vendor_ca(struct scene *scene)
{
    scene_change(scene, "UPDATE product SET admission = 1");
}

static void a_chip_of_a_pinned_maker_comes_in(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(vendor) v;
    AUTO_VAL(unit) unit;
    AUTO_VAL(peer_identity) peer = {.kind = PEER_NONE};
    vendor_init(&v);
    unit_init(&unit);
    peer_of_chip(&v, &unit, "sn0001", true, &peer);
    struct vendor_ca_row pinned =
        pin_ca(scene, &(struct pin){.name = "root", .product = "default", .ca = v.root});
    assert_int_equal(word_of(scene, &peer), WORD_DOES_NOT_EXIST); /* the product admits by list */
    assert_int_equal(come(scene, &peer, ""), ERR_DEVICE_REFUSED);
    admit_by_vendor_ca(scene);
    assert_int_equal(word_of(scene, &peer), WORD_NOT_ENROLLED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device"), 0);
    assert_int_equal(come(scene, &peer, ""), ERR_OK);
    struct device_row device = scene_device(scene, 0, &unit.id);
    assert_int_equal(device.state, DEVICE_ENROLLED);
    assert_int_equal(device.key_origin, KEY_ORIGIN_ATTESTED);
    assert_string_equal(device.serial, "sn0001");
    assert_memory_equal(device.batch.b, pinned.batch.b, sizeof pinned.batch.b);
    assert_int_equal(scene_number(scene, "SELECT admitted FROM vendor_ca"), 1);
    assert_int_equal(scene_number(scene, "SELECT device_count FROM batch"), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.registered'"), 1);
    /* after that its identity key is enough, whatever certificate it comes with */
    AUTO_VAL(peer_identity) bare = {.kind = PEER_NONE};
    peer_of_identity(&unit, &bare);
    assert_int_equal(come(scene, &bare, ""), ERR_OK);
    assert_int_equal(scene_number(scene, "SELECT admitted FROM vendor_ca"), 1);
    assert_audit_verifies(scene);
}

static void without_a_good_certificate_nobody_does(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(vendor) v;
    AUTO_VAL(vendor) impostor;
    AUTO_VAL(unit) unit;
    AUTO_VAL(peer_identity) cut = {.kind = PEER_NONE};
    AUTO_VAL(peer_identity) forged = {.kind = PEER_NONE};
    AUTO_VAL(peer_identity) bare = {.kind = PEER_NONE};
    AUTO_VAL(peer_identity) good = {.kind = PEER_NONE};
    vendor_init(&v);
    vendor_init(&impostor);
    unit_init(&unit);
    admit_by_vendor_ca(scene);
    struct vendor_ca_row pinned =
        pin_ca(scene, &(struct pin){.name = "root", .product = "default", .ca = v.root});
    peer_of_chip(&v, &unit, "sn", false, &cut);
    peer_of_chip(&impostor, &unit, "sn", true, &forged);
    peer_of_identity(&unit, &bare);
    assert_int_equal(come(scene, &cut, ""), ERR_DEVICE_REFUSED);
    assert_int_equal(come(scene, &forged, ""), ERR_DEVICE_REFUSED);
    assert_int_equal(come(scene, &bare, ""), ERR_DEVICE_REFUSED);
    /* for the operator: once a minute, that a chip named the CA and was not good under it */
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'vendor_ca.refused'"), 1);
    peer_of_chip(&v, &unit, "sn", true, &good);
    struct contact contact;
    struct contact_facts facts = facts_of(&good);
    facts.is_resumed = true;
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    assert_false(contact.is_admissible); /* a resumed session proves no key */
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0, &faults);
    assert_ok(vendor_ca_retire(scene->fleet, &terms, pinned.id, &pinned));
    assert_int_equal(come(scene, &good, ""), ERR_DEVICE_REFUSED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device"), 0);
}

/* The CA was retired between the look and the transaction. */
static void a_retired_ca_admits_nobody_in_the_transaction(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(vendor) v;
    AUTO_VAL(unit) unit;
    AUTO_VAL(peer_identity) peer = {.kind = PEER_NONE};
    AUTO_VAL(enrolment) out = {.is_repeat = false};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key});
    struct contact contact;
    vendor_init(&v);
    unit_init(&unit);
    admit_by_vendor_ca(scene);
    (void)pin_ca(scene, &(struct pin){.name = "ca", .product = "default", .ca = v.ca});
    peer_of_chip(&v, &unit, "sn", false, &peer);
    struct contact_facts facts = facts_of(&peer);
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    assert_true(contact.is_admissible);
    scene_change(scene, "UPDATE vendor_ca SET retired_at = 1");
    const struct enrol_order order = {.contact = &contact,
                                      .facts = &facts,
                                      .csr = csr,
                                      .actor = {.name = "device:test", .request_id = "r"}};
    assert_int_equal(enrol(scene->fleet, &order, &out).code, ERR_DEVICE_REFUSED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device"), 0);
}

static void must_be_listed_too(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(vendor) v;
    AUTO_VAL(unit) unit;
    AUTO_VAL(peer_identity) peer = {.kind = PEER_NONE};
    AUTO_VAL(peer_identity) bare = {.kind = PEER_NONE};
    vendor_init(&v);
    unit_init(&unit);
    scene_change(scene, "UPDATE product SET admission = 1, must_be_listed = 1");
    (void)pin_ca(scene, &(struct pin){.name = "ca", .product = "default", .ca = v.ca});
    peer_of_chip(&v, &unit, "sn0001", false, &peer);
    peer_of_identity(&unit, &bare);
    assert_int_equal(word_of(scene, &peer), WORD_DOES_NOT_EXIST);
    assert_int_equal(come(scene, &peer, ""), ERR_DEVICE_REFUSED);
    scene_register(scene, 0, &unit.id);
    assert_int_equal(come(scene, &bare, ""), ERR_DEVICE_REFUSED); /* the list alone is not enough */
    assert_int_equal(come(scene, &peer, ""), ERR_OK);
    struct device_row device = scene_device(scene, 0, &unit.id);
    assert_int_equal(device.key_origin, KEY_ORIGIN_ATTESTED);
    assert_string_equal(device.serial, "SN-1"); /* as the list says */
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.registered'"), 0);
}

static void two_tenants_of_one_maker(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(vendor) v;
    AUTO_VAL(unit) unit;
    AUTO_VAL(peer_identity) peer = {.kind = PEER_NONE};
    struct contact contact;
    vendor_init(&v);
    unit_init(&unit);
    admit_by_vendor_ca(scene);
    (void)pin_ca(scene, &(struct pin){.tenant = 0, .name = "ca", .product = "default", .ca = v.ca});
    (void)pin_ca(scene, &(struct pin){.tenant = 1, .name = "ca", .product = "default", .ca = v.root});
    peer_of_chip(&v, &unit, "sn0001", true, &peer);
    struct contact_facts facts = facts_of(&peer);
    assert_int_equal(contact_resolve(scene->fleet, &facts, &contact).code, ERR_DEVICE_REFUSED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.contested'"), 2);
    assert_int_equal(come(scene, &peer, "acme"), ERR_OK); /* the label decides */
    assert_int_equal(scene_device(scene, 1, &unit.id).state, DEVICE_ENROLLED);
    assert_int_equal(come(scene, &peer, "default"), ERR_DEVICE_REFUSED); /* and then it is proved */
    assert_int_equal(come(scene, &peer, ""), ERR_OK);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device"), 1);
}

static void a_bare_id_loses_a_key_in_a_list_does_not(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(vendor) v;
    AUTO_VAL(unit) bare;
    AUTO_VAL(unit) listed;
    AUTO_VAL(peer_identity) first = {.kind = PEER_NONE};
    AUTO_VAL(peer_identity) second = {.kind = PEER_NONE};
    vendor_init(&v);
    unit_init(&bare);
    unit_init(&listed);
    scene_change(scene,
                 "UPDATE product SET admission = 1 WHERE tenant IN (SELECT id FROM tenant WHERE name = "
                 "'default')");
    (void)pin_ca(scene, &(struct pin){.name = "ca", .product = "default", .ca = v.ca});
    peer_of_chip(&v, &bare, "sn1", false, &first);
    peer_of_chip(&v, &listed, "sn2", false, &second);
    scene_register(scene, 1, &bare.id);
    scene_register(scene, 1, &listed.id);
    scene_change(scene, "UPDATE device SET claim = 1");
    assert_int_equal(come(scene, &second, ""), ERR_DEVICE_REFUSED); /* equal: contested */
    scene_change(scene, "UPDATE device SET claim = 0");
    assert_int_equal(come(scene, &first, ""), ERR_OK);
    assert_int_equal(scene_device(scene, 0, &bare.id).state, DEVICE_ENROLLED);
    assert_int_equal(scene_device(scene, 1, &bare.id).state, DEVICE_REGISTERED);
}

static void add_product(struct scene *scene, const char *name)
{
    struct faults faults = {.count = 0};
    struct product_row row;
    struct terms terms = terms_of(scene, 0, &faults);
    const struct product_change change = {
        .name = bytes_str(name), .has_admission = true, .admission = ADMISSION_VENDOR_CA};
    assert_ok(product_add(scene->fleet, &terms, &change, &row));
}

/* Of two products of one tenant the CA nearest to the chip decides; of two as near, nobody. */
static void the_nearest_ca_decides(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(vendor) v;
    AUTO_VAL(unit) unit;
    AUTO_VAL(unit) second;
    AUTO_VAL(peer_identity) peer = {.kind = PEER_NONE};
    AUTO_VAL(peer_identity) next = {.kind = PEER_NONE};
    vendor_init(&v);
    unit_init(&unit);
    unit_init(&second);
    add_product(scene, "any");
    add_product(scene, "special");
    add_product(scene, "twin");
    (void)pin_ca(scene, &(struct pin){.name = "root", .product = "any", .ca = v.root});
    struct vendor_ca_row near = pin_ca(scene, &(struct pin){.name = "ca", .product = "special", .ca = v.ca});
    peer_of_chip(&v, &unit, "sn", true, &peer);
    assert_int_equal(come(scene, &peer, ""), ERR_OK);
    struct device_row device = scene_device(scene, 0, &unit.id);
    assert_memory_equal(device.product.b, near.product.b, sizeof near.product.b);
    (void)pin_ca(scene, &(struct pin){.name = "ca-too", .product = "twin", .ca = v.ca});
    peer_of_chip(&v, &second, "sn", true, &next);
    assert_int_equal(come(scene, &next, "default"), ERR_DEVICE_REFUSED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.contested'"), 1);
}

static void orders_about_cas(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(vendor) v;
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(buf) chip = {0};
    vendor_init(&v);
    pem_of(v.ca, &pem);
    pem_of(v.chip, &chip);
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0, &faults);
    struct vendor_ca_row row;
    struct vendor_ca_row again;
    struct vendor_ca_change change = {
        .name = bytes_str("a b"), .pem = buf_view(&chip), .batch = bytes_str("/")};
    assert_int_equal(vendor_ca_add(scene->fleet, &terms, &change, &row).code, ERR_UNPROCESSABLE);
    assert_int_equal(faults.count, 3);
    faults.count = 0;
    change = (struct vendor_ca_change){
        .name = bytes_str("ca"), .pem = buf_view(&pem), .product = bytes_str("none")};
    assert_int_equal(vendor_ca_add(scene->fleet, &terms, &change, &row).code, ERR_UNPROCESSABLE);
    assert_string_equal(faults.items[0].pointer, "/product");
    faults.count = 0;
    change.product = BYTES_NONE;
    assert_ok(vendor_ca_add(scene->fleet, &terms, &change, &row));
    assert_int_equal(vendor_ca_add(scene->fleet, &terms, &change, &again).code, ERR_CONFLICT);
    change.name = bytes_str("ca-2"); /* the same key for the same product */
    assert_int_equal(vendor_ca_add(scene->fleet, &terms, &change, &again).code, ERR_CONFLICT);
    struct terms others = terms_of(scene, 1, &faults);
    assert_int_equal(vendor_ca_change(scene->fleet, &others, row.id, &change, &again).code, ERR_NOT_FOUND);
    assert_int_equal(vendor_ca_retire(scene->fleet, &others, row.id, &again).code, ERR_NOT_FOUND);
    change = (struct vendor_ca_change){.name = bytes_str("ca-2"), .batch = bytes_str("spring")};
    assert_ok(vendor_ca_change(scene->fleet, &terms, row.id, &change, &again));
    assert_string_equal(again.name, "ca-2");
    assert_int_equal(again.ver, 2);
    assert_memory_not_equal(again.batch.b, row.batch.b, sizeof row.batch.b);
    assert_ok(vendor_ca_retire(scene->fleet, &terms, row.id, &again));
    assert_ok(vendor_ca_retire(scene->fleet, &terms, row.id, &again));
    assert_int_equal(again.ver, 3);
    assert_int_equal(vendor_ca_change(scene->fleet, &terms, row.id, &change, &again).code, ERR_WRONG_STATE);
    change = (struct vendor_ca_change){.name = bytes_str("ca-3"), .pem = buf_view(&pem)};
    assert_ok(vendor_ca_add(scene->fleet, &terms, &change, &again)); /* pinned again */
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind LIKE 'vendor_ca.%'"), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(a_chip_of_a_pinned_maker_comes_in),
        scene_test(without_a_good_certificate_nobody_does),
        scene_test(a_retired_ca_admits_nobody_in_the_transaction),
        scene_test(must_be_listed_too),
        scene_test(two_tenants_of_one_maker),
        scene_test(a_bare_id_loses_a_key_in_a_list_does_not),
        scene_test(the_nearest_ca_decides),
        scene_test(orders_about_cas),
    };
    return cmocka_run_group_tests_name("vendor_cas", tests, scene_group_setup, scene_group_teardown);
}
