#!/usr/bin/env python3
"""Authorities of a running house made by hand: certificates by python3-cryptography, keys into its folder, rows into its inventory.

    roll_by_hand.py DATA PUBLIC-URL STEP

create    root-2, which follows root under one name, standby, with NewWithOld and OldWithNew
issue     device-2 under root-2 issues; device is retiring
serve     infrastructure-2 under root-2 signs the server; infrastructure is retiring
finish    root-2 names the installation; root is retiring
retire    root is retired"""

import datetime
import sqlite3
import sys
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

ACTIVE, RETIRED, STANDBY, RETIRING = 0, 1, 4, 5
NEW_WITH_OLD, OLD_WITH_NEW = 1, 2
SECOND = datetime.timedelta(seconds=1)

data, public_url, step = sys.argv[1:4]
db = sqlite3.connect(data + "/inventory.db", timeout=10, isolation_level=None)
passphrase = open(data + "/keys/passphrase", "rb").read().strip()
now = datetime.datetime.utcnow().replace(microsecond=0)


def key_of(id_):
    return serialization.load_pem_private_key(open(f"{data}/keys/ca-{id_}.key", "rb").read(), passphrase)


def certificate_of(id_):
    return x509.load_der_x509_certificate(db.execute("SELECT certificate FROM authority WHERE id = ?", (id_,)).fetchone()[0])


def new_key(id_):
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(passphrase))
    with open(f"{data}/keys/ca-{id_}.key", "wb") as file:
        file.write(pem)
    return key


def ski(key):
    return x509.SubjectKeyIdentifier.from_public_key(key)


def ski_of(certificate):
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value


def make(subject, key, signer, path_length, purposes=(), begins=None, name_of_key=None):
    """signer: (id, certificate, key), or None for a root."""
    issuer = subject if signer is None else signer[1].subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number() >> 32 | 1 << 126)
        .not_valid_before(begins or now)
        .not_valid_after(now + datetime.timedelta(days=3000))
        .add_extension(x509.BasicConstraints(True, path_length), True)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
        .add_extension(name_of_key or ski(key), False)
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), False)
    if signer is not None:
        crl = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{public_url}/crl/{signer[0]}.crl")], None, None, None)
        above = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(f"{public_url}/ca/{signer[0]}.cer"))
        identifier = ski_of(signer[1])
        builder = (
            builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False)
            .add_extension(x509.CRLDistributionPoints([crl]), False)
            .add_extension(x509.AuthorityInformationAccess([above]), False)
        )
    return builder


def sign(builder, key):
    return builder.sign(key, hashes.SHA256())


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def add(id_, role, certificate, state, issuer, predecessor):
    base = db.execute("SELECT crl_base FROM authority WHERE id = ?", (predecessor,)).fetchone()[0]
    stamp = int(time.time() * 1000)
    db.execute(
        "INSERT INTO authority (id, role, certificate, created_at, updated_at, ver, state, issuer, is_default, predecessor, crl_base)"
        " VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?)",
        (id_, role, der(certificate), stamp, stamp, state, issuer, int(state == ACTIVE), predecessor, base.replace(predecessor, id_)),
    )


def add_cross(issuer, subject, kind, certificate):
    db.execute(
        "INSERT INTO authority_certificate (issuer, serial, subject, kind, certificate, not_before, not_after, created_at, ver)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)",
        (issuer, certificate.serial_number.to_bytes(16, "big"), subject, kind, der(certificate), 0, 2**45, int(time.time() * 1000)),
    )


def set_state(id_, state, is_default):
    db.execute("UPDATE authority SET state = ?, is_default = ?, ver = ver + 1 WHERE id = ?", (state, int(is_default), id_))


def successor(id_, role, name, purposes):
    root = ("root-2", certificate_of("root-2"), key_of("root-2"))
    key = new_key(id_)
    organisation = root[1].subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0]
    subject = x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = sign(make(subject, key.public_key(), root, 0, purposes), root[2])
    set_state(role, RETIRING, False)
    add(id_, role, certificate, ACTIVE, "root-2", role)


def create():
    old = certificate_of("root")
    begins = old.not_valid_before + SECOND
    key = new_key("root-2")
    new = sign(make(old.subject, key.public_key(), None, 2, begins=begins), key)
    over = sign(make(new.subject, key.public_key(), ("root", old, None), 2, begins=begins), key_of("root"))
    under = sign(make(old.subject, old.public_key(), ("root-2", new, None), 2, begins=old.not_valid_before, name_of_key=ski_of(old)), key)
    add("root-2", "root", new, STANDBY, "", "root")
    add_cross("root", "root-2", NEW_WITH_OLD, over)
    add_cross("root-2", "root", OLD_WITH_NEW, under)


def finish():
    set_state("root", RETIRING, False)
    set_state("root-2", ACTIVE, True)


SERVER = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.OCSP_SIGNING, x509.ObjectIdentifier("1.3.6.1.5.5.7.3.28"))
steps = {
    "create": create,
    "issue": lambda: successor("device-2", "device", "Device CA by hand", (ExtendedKeyUsageOID.CLIENT_AUTH,)),
    "serve": lambda: successor("infrastructure-2", "infrastructure", "Infrastructure CA by hand", SERVER),
    "finish": finish,
    "retire": lambda: set_state("root", RETIRED, False),
}
db.execute("BEGIN IMMEDIATE")
steps[step]()
db.execute("UPDATE authority_change SET ver = ver + 1")
db.execute("COMMIT")
